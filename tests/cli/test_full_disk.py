"""A full disk and a folder that is read-only: one sentence, status 2, and then the same command works."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, CraftedDistribution
from degcraft.images import read_image, write_image
from degcraft.networks import build_network, save_network

READ_ONLY = Path("/sys/degcraft")
"""Where not even root may write."""

IMAGES = "--hr {clean} --references {others}"
NETWORK = "srresnet:channels=4,blocks=1"
BRIEF = "--steps 2 --batch 2"

COMMANDS = {
    "compare --json": "compare {crafted} --uniform --json {disk}/found.json",
    "compare --figure": "compare {crafted} --uniform --figure {disk}/found.png",
    "evaluate --csv": "evaluate {network} --pairs {pairs} --csv {disk}/scores.csv",
    "evaluate --json": "evaluate {network} --pairs {pairs} --json {disk}/scores.json",
    "evaluate --figure": "evaluate {network} --pairs {pairs} --figure {disk}/scores.png",
    "export .pth": "export {network} -o {disk}/model.pth",
    "export .safetensors": "export {network} -o {disk}/model.safetensors",
    "export .onnx": "export {network} -o {disk}/model.onnx",
    "inspect --csv": "inspect {others} --csv {disk}/inspect.csv",
    "inspect --figure": "inspect {others} --figure {disk}/inspect.png",
    "inspect --json": "inspect {others} --json {disk}/inspect.json",
    "inspect --split-to": "inspect {others} --split-to {disk}/sources",
    "select": "select --references {others} -n 3 -o {disk}/list.txt",
    "select --copy-to": "select --references {others} -n 3 -o {kept}/list.txt --copy-to {disk}/chosen",
    "select --json": "select --references {others} -n 3 -o {kept}/list.txt --json {disk}/selection.json",
    "synthesize": "synthesize {crafted} --hr {clean} -o {disk}/pairs --overwrite",
    "synthesize --preview": "synthesize {crafted} --hr {clean} -o {kept}/pairs --preview {disk}/pairs.png --overwrite",
    "train": f"train uniform --hr {{clean}} -o {{disk}}/model.safetensors --network {NETWORK} --patch 8 {BRIEF}",
    "upscale": "upscale {network} {others} -o {disk}/restored --skip-existing",
    "weights": f"weights {IMAGES} -o {{disk}}/crafted.json --size 32 --count 12 --scale 2 --axis noise_level:0:40:2",
    "weights --figure": f"weights {IMAGES} -o {{kept}}/crafted.json --size 32 --count 12 --scale 2 "
    "--axis noise_level:0:40:2 --figure {disk}/crafted.png",
}  # fmt: skip
"""What commands write at the user's word, `{disk}` its folder."""


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(scope="module")
def given(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What commands read."""
    folder, sizes = tmp_path_factory.mktemp("given"), {"channels": 8, "convs": 1}
    CraftedDistribution.uniform(PAPER_SPACE).save(folder / "crafted.json")
    network = build_network("compact", scale=2, **sizes)
    save_network(folder / "compact.safetensors", network, name="compact", hyperparameters=sizes)
    for file in (photographs / "others").iterdir():
        write_image(folder / "pairs" / "hr" / file.name, hr := read_image(file).rgb)
        write_image(folder / "pairs" / "lr" / file.name, torch.nn.functional.avg_pool2d(hr, 2))
    return {
        "pairs": str(folder / "pairs"),
        "clean": str(photographs / "clean"),
        "others": str(photographs / "others"),
        "crafted": str(folder / "crafted.json"),
        "network": str(folder / "compact.safetensors"),
    }


def words(command: str, given: dict[str, str], disk: Path, kept: Path) -> list[str]:
    name, *rest = (word.format(**given, disk=disk, kept=kept) for word in COMMANDS[command].split())
    return [name, *rest]


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_leaves_nothing_and_the_next_run_works(
    command: str, given: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = tmp_path / "disk"
    arguments = words(command, given, disk, tmp_path)
    with full_disk():
        error = refusal(arguments, capsys)
    assert "File too large" in error
    assert [path for path in disk.rglob("*") if path.is_file() and path.stat().st_size] == []
    assert list(disk.rglob(".*")) == []
    assert main(arguments) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_read_only_is_named(
    command: str, given: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refusal(words(command, given, READ_ONLY, tmp_path), capsys)
    assert str(READ_ONLY) in error


def test_standard_output_is_a_file_too() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "degcraft", "spec"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "degcraft spec: the output: No space left on device\n"
