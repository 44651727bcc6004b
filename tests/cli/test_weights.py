"""`degcraft weights`: from two folders to a crafted distribution and its figure."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.cli import main
from degcraft.cli.weights import WEIGHTINGS_HELP
from degcraft.degradation import BoxSource, CraftedDistribution, DegradationSpace
from degcraft.features import make_extractor
from degcraft.images import cut_structured, read_image, scan_folder, write_image
from degcraft.matching import WEIGHTINGS, craft_weights, measure
from tests.images.clips import write_clip

AXES = ("blur_sigma:0:4:2", "noise_level:0:40:2")
SIZE, COUNT, SCALE = 32, 12, 2
TRUE_BIN = 2
"""Much blur and little noise."""


@pytest.fixture(scope="module")
def references(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs degraded from the middle of one bin."""
    folder = tmp_path_factory.mktemp("references")
    source = BoxSource({"blur_sigma": (2.8, 3.2), "noise_level": (8.0, 12.0)})
    generator = torch.Generator().manual_seed(5)
    for file in sorted((photographs / "others").iterdir()):
        lr, _ = source.degrade(read_image(file).rgb[None], SCALE, generator)
        write_image(folder / file.name, lr[0])
    return folder


@pytest.fixture
def arguments(photographs: Path, references: Path, tmp_path: Path) -> list[str]:
    return [
        "--references", str(references), "--hr", str(photographs / "clean"), "--size", str(SIZE),
        "--count", str(COUNT), "--scale", str(SCALE), "--axis", AXES[0], "--axis", AXES[1], "--device", "cpu",
        "-o", str(tmp_path / "crafted.json"),
    ]  # fmt: skip


def run(*arguments: str) -> int:
    return main(["weights", *arguments])


def content_of(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_finds_the_degradation_and_writes_all_it_knows(
    arguments: list[str], photographs: Path, references: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (references / "notes.txt").write_text("not an image")
    figure = tmp_path / "new" / "map.png"
    assert run(*arguments, "--alpha", "3", "--figure", str(figure)) == 0
    printed = capsys.readouterr().out
    assert "references: 8 images; 1 other file ignored; 12 patches of 32x32" in printed
    assert "hr: 8 images; 12 patches of 64x64" in printed
    assert "of 4 · features: degnet:distribution" in printed
    assert f"wrote {tmp_path / 'crafted.json'}" in printed

    content = content_of(tmp_path / "crafted.json")
    assert {
        "format",
        "axes",
        "weights",
        "low",
        "high",
        "distances",
        "weighting",
        "extractor",
        "n",
        "provenance",
    } <= content.keys()
    assert content["format"] == "degcraft-crafted/2"
    assert content["axes"] == [
        {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2},
        {"name": "noise_level", "low": 0.0, "high": 40.0, "bins": 2},
    ]
    assert (content["weighting"], content["extractor"]) == ({"name": "eq4", "alpha": 3.0}, "degnet")
    assert content["n"] == COUNT
    assert int(np.argmin(content["distances"])) == int(np.argmax(content["weights"])) == TRUE_BIN
    assert sum(content["weights"]) == pytest.approx(1)

    # The same by the library alone.
    lr, hr = (
        cut_structured(
            scan_folder(folder).files, size=SIZE * scale, count=COUNT, seed=0, on_jpeg_blocks=blocks, scale=scale
        )
        for folder, blocks, scale in ((references, True, 1), (photographs / "clean", False, SCALE))
    )
    extractor = make_extractor("degnet")
    measured = measure(DegradationSpace.from_list(content["axes"]), hr, lr, extractor, scale=SCALE)
    assert content["distances"] == pytest.approx(measured.distances.tolist(), rel=2e-3)  # half precision
    assert content["weights"] == pytest.approx(craft_weights(measured.distances, 3).tolist(), abs=2e-3)
    provenance = content["provenance"]
    assert provenance["references"] == lr.content_hash
    assert provenance["hr"] == hr.content_hash
    assert provenance["extractor_identity"] == extractor.identity
    assert (provenance["layer"], provenance["seed"], provenance["scale"]) == ("distribution", 0, SCALE)
    assert provenance["structured"] == 0.5
    for low, weight, high in zip(content["low"], content["weights"], content["high"], strict=True):
        assert 0 <= low <= weight <= high <= 1

    assert CraftedDistribution.load(tmp_path / "crafted.json").extractor == "degnet"
    with Image.open(figure) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 200


def test_says_how_far_the_weights_can_be_relied_on(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 0
    reliability = content_of(tmp_path / "crafted.json")["provenance"]["reliability"]
    first = reliability["cautions"][0]
    assert first["code"] == "too_few"
    assert "only 12 patches could be cut from the references" in first["message"]
    printed = " ".join(capsys.readouterr().out.split())
    for caution in reliability["cautions"]:
        assert f"careful ({caution['code'].replace('_', ' ')}): {caution['message']}" in printed
    assert reliability["measures"]["files"] <= 8
    assert 0 < reliability["measures"]["independent_images"] <= COUNT
    told = reliability["measures"]["told_apart"]
    assert f"in {told['accuracy']:.0%} of cases (by chance: up to {told['chance']:.0%})" in printed


def test_another_weighting_of_the_same_images_measures_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEGCRAFT_CACHE", str(tmp_path / "cache"))
    assert run(*arguments) == 0
    found = content_of(tmp_path / "crafted.json")
    assert found["weighting"] == {"name": "confusion", "width": 0.3}
    kept = list((tmp_path / "cache" / "measurements").iterdir())
    assert len(kept) == 1

    def measured_again(*_: object, **__: object) -> None:
        raise AssertionError("measured twice")

    monkeypatch.setattr("degcraft.matching.measuring.measure_group", measured_again)
    assert run(*arguments, "--weighting", "mixture:width=0.5") == 0
    assert content_of(tmp_path / "crafted.json")["weighting"] == {"name": "mixture", "width": 0.5}
    monkeypatch.undo()
    # A damaged one is no measurement: it is made anew.
    monkeypatch.setenv("DEGCRAFT_CACHE", str(tmp_path / "cache"))
    kept[0].write_bytes(kept[0].read_bytes()[:-100])
    assert run(*arguments) == 0
    assert content_of(tmp_path / "crafted.json")["weights"] == found["weights"]


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ("nearest", "weighting must be one of confusion, eq4, mixture, mmd, em, estimates, blocks, but got 'nearest'"),
        ("mixture --alpha 3", "--alpha: belongs to --weighting eq4, but got --weighting mixture"),
        ("eq4:width=1", "weighting eq4: no knob 'width'; it has alpha"),
        (
            "confusion:width=much",
            "weighting confusion: width must be a number at least 0 and at most 1000, but got 'much'",
        ),
    ],
)
def test_a_weighting_that_is_not_is_refused(
    arguments: list[str], weighting: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, "--weighting", *weighting.split()) == 2
    assert message in capsys.readouterr().err


def test_the_help_lists_every_weighting() -> None:
    for name, spec in WEIGHTINGS.items():
        assert (
            f"{name}:{','.join(f'{knob}={entry.default:g}' for knob, entry in spec.knobs.items())}" in WEIGHTINGS_HELP
        )


def test_the_paper_way_keeps_every_patch(arguments: list[str], tmp_path: Path) -> None:
    assert run(*arguments, "--structured", "1") == 0
    assert content_of(tmp_path / "crafted.json")["provenance"]["structured"] == 1


def test_the_seed_decides_everything(arguments: list[str], tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    for output, seed in zip(outputs, ("1", "1", "2"), strict=True):
        assert run(*arguments, "--axis", "jpeg_quality:30:90:1", "--seed", seed, "-o", str(output)) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert content_of(outputs[0])["distances"] != content_of(outputs[2])["distances"]


def test_alpha_and_layer_are_those_asked_for(arguments: list[str], tmp_path: Path) -> None:
    assert run(*arguments, "--alpha", "0", "--extractor", "alexnet-random", "--layer", "relu1") == 0
    content = content_of(tmp_path / "crafted.json")
    assert content["weights"] == pytest.approx([0.25] * 4)
    assert content["provenance"]["layer"] == "relu1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--references", "nowhere"], "nowhere: no such folder"),
        (["--hr", "nowhere"], "nowhere: no such folder"),
        (["--size", "100"], r"needs at least one usable image .* smaller than 100"),
        (["--extractor", "resnet"], r"extractor must be one of degnet, .*, but got 'resnet'"),
        (["--extractor", "alexnet-random", "--layer", "relu9"], "layer must be one of relu1, .*, but got 'relu9'"),
        (["--extractor", "squeezenet", "--extractor-weights", "gone.pth"], "weights file gone.pth does not exist"),
        (["--alpha", "-1"], "weighting eq4: alpha must be a number at least 0, but got -1"),
        (["--alpha", "nan"], "weighting eq4: alpha must be a number at least 0, but got nan"),
        (["--alpha", "inf"], "weighting eq4: alpha must be a number at least 0, but got inf"),
        (["--size", "1"], "size must be at least 16 for degnet, but got 1"),
        (["--structured", "0"], "share of structured patches must lie above 0 and at most at 1, but is 0"),
        (["--axis", "jpeg_quality"], "--axis: must be NAME:LOW:HIGH:BINS such as .*, but got 'jpeg_quality'"),
        (["--axis", "jpeg_quality:a:90:3"], "--axis: must be NAME:LOW:HIGH:BINS"),
        (["--axis", "jpeg_quality:90:30:3"], "jpeg_quality"),
        (["--axis", "blur_sigma:0:1:1"], "every name may appear once"),
        (["--axis", "rain:0:1:2"], "'?rain'?"),
        (["-o", "."], ": must be the name of a file, but is a folder"),
        (["--figure", "map.jpg"], "map.jpg: the name must end in .png"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], changes: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, *changes) == 2
    error = capsys.readouterr().err
    assert error.startswith("degcraft weights: ")
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not (tmp_path / "crafted.json").exists()


def test_a_damaged_weights_file_is_named(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "squeezenet1_1.safetensors"
    file.write_bytes(b"not a header")
    assert run(*arguments, "--extractor", "squeezenet", "--extractor-weights", str(file)) == 2
    assert f"{file} is not a readable safetensors file" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("precious")
    assert run(*arguments, "-o", str(tmp_path / "file" / "crafted.json")) == 2
    assert "crafted.json: cannot be written" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "precious"


def test_a_video_is_a_folder_of_its_frames(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEGCRAFT_CACHE", str(tmp_path / "cache"))
    clip = write_clip(tmp_path / "film.mp4", shots=(12, 12, 12, 12))
    arguments[1] = str(clip)
    assert run(*arguments) == 0
    assert content_of(tmp_path / "crafted.json")["weights"]
    clip.unlink()
    assert run(*arguments) == 2
    assert f"{clip}: no such folder" in capsys.readouterr().err
