"""Sources by name: what is typed, what is refused, and one new entry all the way to a trained network."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from degcraft.cli import main
from degcraft.degradation import NO_JPEG, TEST_SETTINGS, BoxSource, CraftedDistribution, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.knobs import number
from degcraft.learned import LearnedDegradation, LearnedSource, save_learned
from degcraft.networks import load_network
from degcraft.sources import SOURCES, SourceSpec, checked_source, make_source

GENERATED = ("uniform", "wide", "realesrgan", "bsrgan", "setting:2", "box:blur_sigma=[1,2]")


@pytest.mark.parametrize("text", GENERATED)
@pytest.mark.parametrize("scale", [2, 4])
def test_every_source_reduces_and_repeats_itself(text: str, scale: int) -> None:
    source = make_source(text, scale=scale, side=64)
    hr = torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    before = hr.clone()
    first, again, other = (source.degrade(hr, scale, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert first.shape == (3, 3, 64 // scale, 96 // scale)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(hr, before)
    assert torch.equal(first * 255, (first * 255).round()), "8 bits"
    assert 0 <= first.min() <= first.max() <= 1
    assert json.loads(json.dumps(source.describe()))["kind"]
    assert not len(source.degrade(hr[:0], scale, torch.Generator())[0])


def test_boxes_are_written_with_numbers_ranges_and_names() -> None:
    text = "box:blur_sigma=[0,2],noise_level=10,jpeg_quality=none,reduction=lanczos"
    source = make_source(text)
    assert isinstance(source, BoxSource)
    assert source.box == {
        "blur_sigma": (0.0, 2.0), "noise_level": (10.0, 10.0), "jpeg_quality": (NO_JPEG, NO_JPEG),
        "reduction": (3.0, 3.0),
    }  # fmt: skip
    assert make_source("setting:3").describe() == BoxSource(TEST_SETTINGS[3]).describe()


def test_files_are_sources_by_their_suffix(tmp_path: Path) -> None:
    space = DegradationSpace.from_list([{"name": "noise_level", "low": 0.0, "high": 20.0, "bins": 2}])
    crafted = CraftedDistribution(space, [0.25, 0.75])
    crafted.save(tmp_path / "mine.json")
    known = {"name": "crafted", "file": str(tmp_path / "mine.json")}
    assert checked_source(str(tmp_path / "mine.json")) == checked_source(f"crafted:{tmp_path / 'mine.json'}") == known
    assert make_source(known).describe() == crafted.source().describe()

    learned = LearnedSource(LearnedDegradation(2, channels=4, kernel_blocks=1, noise_blocks=1))
    save_learned(tmp_path / "pdm.safetensors", learned)
    assert make_source(str(tmp_path / "pdm.safetensors"), scale=2).describe()["weights"] == learned.identity
    with pytest.raises(DegcraftError, match=r"pdm\.safetensors: was found for networks of x2, and not of x4"):
        make_source(str(tmp_path / "pdm.safetensors"), scale=4)


def test_knobs_are_read_and_only_what_differs_is_told() -> None:
    asked = checked_source("realesrgan:noise_range=[1,15],final_sinc_prob=0.8")
    assert asked == {"name": "realesrgan", "noise_range": [1.0, 15.0]}
    assert make_source(asked).describe()["noise_range"] == [1.0, 15.0]
    assert make_source("realesrgan").describe()["noise_range2"] == [1.0, 25.0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("esrgan", "the degradation must be one of uniform, .*realesrgan.*, but got 'esrgan'"),
        ("realesrgan:", "must be NAME or NAME:KEY=VALUE"),
        ("realesrgan:noise_range", "must be NAME or NAME:KEY=VALUE,… such as .*, but got 'realesrgan:noise_range'"),
        ("bsrgan:jpeg_prob=1,jpeg_prob=0", "degradation bsrgan: must give jpeg_prob once"),
        ("bsrgan:noise=3", "degradation bsrgan: no knob 'noise'; it has noise_range"),
        ("bsrgan:jpeg_prob=1.5", "jpeg_prob must be a number at least 0 and at most 1, but got 1.5"),
        ("realesrgan:jpeg_range=[95,30]", r"jpeg_range must be \[low, high\] with 1 <= low <= high <= 100"),
        ("realesrgan:blur_sigma=2", r"blur_sigma must be \[low, high\]"),
        ("setting:5", "number must be one of 1, 2, 3, 4, but got 5"),
        ("setting", "degradation setting: needs the number of one"),
        ("box", "degradation box: needs at least one axis"),
        ("box:blur_sigma=[3,1]", "degradation box: .*low <= high"),
        ("box:noise_level=999", "degradation box: .*noise_level"),
        ("box:reduction=cubic", "reduction must be one of bicubic"),
        ('box:reduction=["bicubic","area"]', r"reduction must be one of bicubic, .*, but got \['bicubic', 'area'\]"),
        ("gone.json", "gone.json: cannot be read"),
        ("gone.safetensors", "gone.safetensors: there is no such file"),
        ("crafted", "degradation crafted: needs the file"),
        ({"name": "uniform", "bins": 3}, "degradation uniform: no knob 'bins'; it has none"),
        ({"bins": 3}, "must be one of .* but got None"),
    ],
)
def test_what_is_wrong_is_said(source: str, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        make_source(source, scale=4, side=128)


class Halving:
    """Every scale-th pixel, darker."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, None]:
        return hr[..., ::scale, ::scale] * self.gain, None

    def describe(self) -> dict[str, float | str]:
        return {"kind": "halving", "gain": self.gain}


def test_a_new_entry_is_trained_on_and_told_of(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    knobs = {"gain": number(0.5, "of the light", low=0, high=1)}
    monkeypatch.setitem(SOURCES, "halving", SourceSpec("halving", "every other pixel", Halving, knobs=knobs))
    model = tmp_path / "model.safetensors"
    command = [
        "train", "halving:gain=0.25", "--hr", str(photographs / "clean"), "--network", "srresnet:channels=4,blocks=1",
        "--steps", "2", "--batch", "2", "--patch", "8", "--precision", "float32", "--device", "cpu", "-o", str(model),
    ]  # fmt: skip
    assert main(command) == 0
    training = json.loads(load_network(model).metadata["training"])
    assert training["degradation"] == {"kind": "halving", "gain": 0.25}
    pairs = tmp_path / "pairs"
    assert main(["synthesize", "halving", "--hr", str(photographs / "clean"), "-o", str(pairs), "--count", "2"]) == 0
    assert (pairs / "parameters.csv").read_text().splitlines()[0] == "name,source"
    assert len(list((pairs / "lr").iterdir())) == 2
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["train", "--list-degradations"])
    printed = capsys.readouterr().out
    assert "gain=0.5: a number at least 0 and at most 1, of the light" in printed
    assert " jpeg_quality: a number, [low, high] or none, JPEG quality (libjpeg quality)\n" in printed
    assert " jpeg_chroma: one of 4:2:0, 4:4:4\n" in printed
    assert " file: a file, as `degcraft weights` writes it\n" in printed
    assert all(any(line.split()[:1] == [name] for line in printed.splitlines()) for name in SOURCES)
