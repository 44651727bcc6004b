"""Folders of hostile files through the commands that read a user's images: each is used or named, and none is felt.

`pytest tests/cli/test_hostile.py --hostile 1000 --timeout 3600 -v` is the long form, and prints what became of them.
"""

import json
from collections import Counter
from pathlib import Path

import psutil
import pytest

from degcraft.cli import main
from degcraft.cli._common import EXIT_SOME_LOST
from degcraft.images import scan_folder
from degcraft.networks import build_network, save_network
from tests.images.hostile import hostile_files

SIDE = 32
SIZES = {"channels": 4, "blocks": 1}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "x2.safetensors"
    save_network(file, build_network("srresnet", scale=2, **SIZES), name="srresnet", hyperparameters=SIZES)
    return file


def test_hostile_files_are_used_or_named_and_leave_no_memory_behind(
    photographs: Path,
    network: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    table: Counter[tuple[str, str, str]] = Counter()
    memory = []
    for seed in (0, 1):
        folder, out, report = tmp_path / f"in-{seed}", tmp_path / f"out-{seed}", tmp_path / "inspect.json"
        made = hostile_files(folder, request.config.getoption("--hostile") // 2, seed)
        commands = (
            ("inspect", folder, "--json", report),
            ("upscale", network, folder, "-o", out, "--format", "png", "--tile", "128"),
            ("weights", "--references", folder, "--hr", photographs / "clean", "-o", tmp_path / "crafted.json",
             "--size", SIDE, "--scale", "2", "--count", "12", "--axis", "noise_level:0:40:2"),
        )  # fmt: skip
        statuses = [main([*map(str, words), "--device", "cpu"]) for words in commands]
        memory.append(psutil.Process().memory_info().rss)
        assert statuses == [0, EXIT_SOME_LOST, 0]
        told, errors = capfd.readouterr()
        # libtiff speaks for itself, and cannot be told not to.
        assert [line for line in errors.splitlines() if not line.startswith("tempfile.tif: ")] == []
        used = {
            "inspect": {Path(image["path"]).stem for image in json.loads(report.read_text())["images"]},
            "upscale": {file.stem for file in out.iterdir()},
            "weights": {file.stem for file in scan_folder(folder, min_side=SIDE).files},
        }
        for file, kind in made.items():
            for command, names in used.items():
                assert file.stem in names or command == "weights" or f"skipped {file}: " in told
                table[kind, command, "used" if file.stem in names else "named"] += 1
    if request.config.get_verbosity() > 0:
        with capfd.disabled():
            for kind, command, became in sorted(table):
                print(f"{kind}, {command}: {table[kind, command, became]} {became}")
            print(f"memory after the second half, over that after the first: {memory[1] / memory[0]:.3f}")
    assert memory[1] < 1.3 * memory[0]
