"""A full disk and a folder that is read-only: one sentence, status 2, and then the same command works."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

import degcraft.reproduction.study
import tune.search
from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.images import read_image, write_image
from degcraft.learned import LearnedDegradation, LearnedSource, save_learned
from degcraft.networks import build_network, save_network
from degcraft.training.running import MadeBatches

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
    "export --for": "export {crafted} --for realesrgan -o {disk}/film.yml",
    "export --for wtp": "export {crafted} --for wtp -o {disk}/blocks",
    "export .pth": "export {network} -o {disk}/model.pth",
    "export .safetensors": "export {network} -o {disk}/model.safetensors",
    "export .onnx": "export {network} -o {disk}/model.onnx",
    "features compare": "features compare --hr {clean} --references {others} --extractors degnet --settings 3 "
    "--count 12 --size 32 --scale 2 --draws 2 --alphas 5 --axis noise_level:0:40:2 -o {disk}/compared",
    "features train": "features train degnet --hr {large} --steps 1 -o {disk}/degnet.safetensors",
    "inspect --csv": "inspect {others} --csv {disk}/inspect.csv",
    "inspect --figure": "inspect {others} --figure {disk}/inspect.png",
    "inspect --json": "inspect {others} --json {disk}/inspect.json",
    "inspect --split-to": "inspect {others} --split-to {disk}/sources",
    "pdm show --figure": "pdm show {learned} --figure {disk}/pdm.png",
    "pdm train": "pdm train --references {many} --hr {clean} -o {disk}/pdm.safetensors --quick --scale 2 --lr-patch 24 "
    f"{BRIEF}",
    "reproduce": f"reproduce table2 {IMAGES} --test {{others}} -o {{disk}}/paper --settings 3 --rows bicubic uniform "
    f"--extractors degnet --networks {NETWORK} {BRIEF}",
    "select": "select --references {others} -n 3 -o {disk}/list.txt",
    "select --copy-to": "select --references {others} -n 3 -o {kept}/list.txt --copy-to {disk}/chosen",
    "select --json": "select --references {others} -n 3 -o {kept}/list.txt --json {disk}/selection.json",
    "start": "start {others} --hr {clean} -o {disk}/started --size laptop",
    "synthesize": "synthesize {crafted} --hr {clean} -o {disk}/pairs --overwrite",
    "synthesize --preview": "synthesize {crafted} --hr {clean} -o {kept}/pairs --preview {disk}/pairs.png --overwrite",
    "train": f"train uniform --hr {{clean}} -o {{disk}}/model.safetensors --network {NETWORK} --patch 8 {BRIEF}",
    "upscale": "upscale {network} {others} -o {disk}/restored --skip-existing",
    "weights": f"weights {IMAGES} -o {{disk}}/crafted.json --size 32 --count 12 --scale 2 --axis noise_level:0:40:2",
    "weights --figure": f"weights {IMAGES} -o {{kept}}/crafted.json --size 32 --count 12 --scale 2 "
    "--axis noise_level:0:40:2 --figure {disk}/crafted.png",
}  # fmt: skip
"""What commands write at the user's word, `{disk}` its folder."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small images for a study."""
    for name, value in {"COUNT": 8, "SIDE": 32, "TEST_SIDE": 32}.items():
        monkeypatch.setattr(degcraft.reproduction.study, name, value)

    def made_here(batches: MadeBatches[Any], first: int) -> Iterator[Any]:
        return map(batches._make_batch, range(first, batches._steps))

    # Another process needs semaphores, which are files to the limit, but not to a disk.
    monkeypatch.setattr(MadeBatches, "_loader", made_here)


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
    for number in range(32):
        file = photographs / "others" / f"rocket-{number % 2}.png"
        write_image(folder / "many" / f"{number}.png", read_image(file).rgb[:, number : number + 48, :48])
    for number in range(10):
        write_image(folder / "large" / f"{number}.png", torch.rand(3, 288, 288))
    knobs = {"channels": 4, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}
    save_learned(folder / "pdm.safetensors", LearnedSource(LearnedDegradation(2, seed=0, **knobs).eval()))
    return {
        "learned": str(folder / "pdm.safetensors"),
        "many": str(folder / "many"),
        "large": str(folder / "large"),
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
def test_a_folder_that_is_read_only_or_a_file_is_named_before_the_work(
    command: str, given: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (READ_ONLY, Path(given["crafted"])):
        assert main(words(command, given, folder, tmp_path)) == 2
        printed = capsys.readouterr()
        assert str(folder) in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == "", "said before the work"


@pytest.mark.parametrize("command", ["demo", "search"])
def test_a_search_on_a_full_disk_leaves_nothing_and_the_next_one_begins(
    command: str,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def begin(address: str | None) -> NoReturn:
        raise DegcraftError("it begins")

    monkeypatch.setattr(tune.search, "connected", begin)
    disk, file = tmp_path / "disk", tmp_path / "search.yaml"
    file.write_text(
        f"name: a\nreferences: {photographs / 'others'}\nhr: {photographs / 'clean'}\noutput: {disk}\nscale: 2\n"
    )
    arguments = ["search", str(file)] if command == "search" else ["demo", "--output", str(disk)]
    with full_disk():
        error = refusal(arguments, capsys)
    assert str(disk) in error
    assert [path for path in disk.rglob("*") if path.is_file()] == []
    assert "it begins" in refusal(arguments, capsys)


def test_a_temporary_directory_without_room_is_said() -> None:
    code = (
        "import resource, sys, tempfile; from degcraft.cli import main, spec\n"
        "spec.run = lambda args: tempfile.mkdtemp()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); sys.exit(main(['spec']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("degcraft spec: temporary files: No usable temporary directory found in [")
    assert done.stderr.count("\n") == 1


def test_standard_output_is_a_file_too() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "degcraft", "spec"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "degcraft spec: the output: No space left on device\n"
