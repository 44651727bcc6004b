"""Warnings about references whose faults are known, and silence about good ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from degcraft.degradation import Axis, Box, BoxSource, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor, SpatialMeanExtractor
from degcraft.images import Patches, cut_patches, write_image
from degcraft.matching import Reliability, assess, independent_images, measure_distances, scenes

SCALE, SIDE, COUNT = 2, 48, 60
SPACE = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("noise_level", 0, 40, 2)))
INSIDE: Box = {"blur_sigma": (2.5, 3.5), "noise_level": (5, 15)}
ALPHA = 8.0
PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)


class Logarithms(nn.Module):
    """(B, 3, h, w) → (B, 3, 1, 1): logarithms of how rough images are, finely, coarsely, and at borders of blocks."""

    def forward(self, images: Tensor) -> Tensor:
        grey = images.mean(1, keepdim=True)
        half = nn.functional.avg_pool2d(grey, 2)
        fine, coarse = (
            (part - nn.functional.avg_pool2d(part, 3, 1, 1)).square().mean(dim=(2, 3)).add(1e-6).log()
            for part in (grey, half)
        )
        across = (grey[..., 1:] - grey[..., :-1]).square().add(1e-6)
        borders = across[..., 7::8].mean(dim=(2, 3)).log() - across.mean(dim=(2, 3)).log()
        return torch.cat([fine, coarse, borders], dim=1)[..., None, None]


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return SpatialMeanExtractor("rough", "only", Logarithms(), architecture="rough", device=torch.device("cpu"))


def crops(count: int, seed: int) -> Tensor:
    """(count, 3, 96, 96) crops of four photographs, float."""
    random = np.random.default_rng(seed)
    sources = [photograph() for photograph in PHOTOGRAPHS]
    found = []
    for index in range(count):
        image = sources[index % len(sources)]
        y, x = (int(random.integers(side - SIDE * SCALE)) for side in image.shape[:2])
        found.append(torch.from_numpy(image[y : y + SIDE * SCALE, x : x + SIDE * SCALE].transpose(2, 0, 1).copy()))
    return torch.stack(found).float() / 255


@pytest.fixture(scope="module")
def hr() -> Patches:
    pixels = (crops(COUNT, seed=0) * 255).round().to(torch.uint8)
    return Patches(pixels, tuple(f"{index}.png" for index in range(COUNT)))


@pytest.fixture
def references(tmp_path: Path) -> Callable[..., Patches]:
    """Makes files by degrading crops, and cuts each whole."""

    def make(box: Box, clean: Tensor | None = None) -> Patches:
        source = BoxSource(box)
        clean = crops(COUNT, seed=1) if clean is None else clean
        lr, _ = source.degrade(clean, SCALE, torch.Generator().manual_seed(2))
        files = [tmp_path / f"{index:03d}.png" for index in range(len(lr))]
        for file, image in zip(files, lr, strict=True):
            write_image(file, image)
        return cut_patches(files, size=SIDE, count=len(files), seed=0)

    return make


def judge(
    space: DegradationSpace, hr: Patches, references: Patches, extractor: FeatureExtractor, alpha: float = ALPHA
) -> Reliability:
    measured = measure_distances(space, hr, references, extractor, scale=SCALE)
    return assess(space, hr, references, extractor, measured, alpha=alpha)


def test_good_references_inside_the_space_are_not_complained_of(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    found = judge(SPACE, hr, references(INSIDE), extractor)
    assert found.warnings == ()
    assert found.measures["files"] == COUNT
    # A few of the crops may overlap.
    assert found.measures["scenes"] >= 0.9 * COUNT
    assert found.measures["independent_images"] >= 0.9 * COUNT
    assert found.measures["distance_ratio"] > 0.5
    assert 0 <= found.measures["weight_moved"] < 0.2


def test_references_beyond_an_axis_are_out_of_space_and_the_axis_is_named(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    found = judge(SPACE, hr, references({"blur_sigma": (1.0, 3.0), "noise_level": (90, 100)}), extractor)
    assert {"out_of_space", "edge"} <= set(found.codes)
    edge = next(warning.message for warning in found.warnings if warning.code == "edge")
    assert "upper end of noise_level" in edge
    assert "from beyond it (40 to 60)" in edge
    assert "noise_level:0:60:3 or wider" in edge
    (step,) = (step for step in found.measures["beyond"] if step["axis"] == "noise_level")
    assert (step["side"], step["low"], step["high"], step["nearer"]) == ("high", 40, 60, True)
    assert step["relative_distance"] < 1


def test_images_without_jpeg_are_told_from_compressed_ones(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    space = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("jpeg_quality", 5, 25, 2)))
    found = judge(space, hr, references({"blur_sigma": (0.5, 1.5)}), extractor)
    (step,) = (step for step in found.measures["beyond"] if step["axis"] == "jpeg_quality" and step["high"] is None)
    assert step["nearer"]
    assert any("without jpeg_quality at all" in warning.message for warning in found.warnings)


def test_a_full_border_is_no_fault_where_the_references_lie_inside(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    found = judge(SPACE, hr, references({"blur_sigma": (0.5, 1.5), "noise_level": (25, 35)}), extractor)
    assert [step["axis"] for step in found.measures["beyond"]] == ["noise_level"]
    assert not found.measures["beyond"][0]["nearer"]
    assert "edge" not in found.codes


def test_few_references_are_too_few(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    found = judge(SPACE, hr, references(INSIDE, crops(12, seed=1)), extractor)
    assert "too_few" in found.codes
    assert "only 12 patches could be cut from the references" in found.warnings[0].message


def test_frames_of_one_scene_are_too_alike(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    scene = torch.from_numpy(data.astronaut().transpose(2, 0, 1).copy()).float() / 255
    frames = torch.stack([scene[:, 100 + i % 8 : 196 + i % 8, 200 : 200 + 96] for i in range(40)])
    found = judge(SPACE, hr, references(INSIDE, frames), extractor)
    assert "too_alike" in found.codes
    assert (found.measures["files"], found.measures["scenes"]) == (40, 1)
    message = next(warning.message for warning in found.warnings if warning.code == "too_alike")
    assert "come from 40 files that show 1 scene" in message


def test_pictures_of_few_scenes_are_too_alike_however_many_they_are(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    places = crops(4, seed=1).repeat_interleave(12, dim=0)
    found = judge(SPACE, hr, references(INSIDE, places), extractor)
    assert "too_alike" in found.codes
    assert 4 <= found.measures["scenes"] <= 12  # degraded differently, the same picture may count twice


def test_uniform_weights_do_not_move(
    hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor
) -> None:
    assert judge(SPACE, hr, references(INSIDE), extractor, alpha=0).measures["weight_moved"] == 0


def test_the_json_says_all(hr: Patches, references: Callable[..., Patches], extractor: FeatureExtractor) -> None:
    found = judge(SPACE, hr, references(INSIDE, crops(12, seed=1)), extractor)
    content = found.to_dict()
    assert content["warnings"][0] == {"code": "too_few", "message": found.warnings[0].message}
    assert content["measures"].keys() == {
        "independent_images", "files", "scenes", "weight_moved", "distance_ratio", "beyond",
    }  # fmt: skip


def test_scenes_join_frames_and_copies_but_not_other_photographs(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    names = []
    for number, photograph in enumerate(PHOTOGRAPHS):
        image = torch.from_numpy(photograph().transpose(2, 0, 1).copy()).float() / 255
        for version, suffix in ((0, ".png"), (1, ".jpg")):
            noisy = image + 0.05 * torch.randn(image.shape, generator=random)
            moved = noisy[:, 4 * version :, 6 * version :] * (1 - 0.2 * version)
            write_image(tmp_path / f"{number}-{version}{suffix}", moved.clamp(0, 1))
            names.append(str(tmp_path / f"{number}-{version}{suffix}"))
    found = scenes([*names, names[0]])
    assert found.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0]
    with pytest.raises(DegcraftError, match=r"gone\.png"):
        scenes([str(tmp_path / "gone.png")])


def test_flat_pictures_are_scenes_of_their_own_unless_equal_in_shape(tmp_path: Path) -> None:
    for name, value in (("a", 0.2), ("b", 0.8)):
        write_image(tmp_path / f"{name}.png", torch.full((3, 40, 40), value))
    assert len(set(scenes([str(tmp_path / "a.png"), str(tmp_path / "b.png")]))) == 2


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_independent_images_have_a_mean_as_uncertain_as_the_sets(correlation: float) -> None:
    """Against the definition: the variance of the mean of n images over that of one."""
    random, groups, size, times = np.random.default_rng(0), 30, 4, 400
    labels = np.repeat(np.arange(groups), size)
    shared = random.standard_normal((times, groups, 3)).repeat(size, axis=1)
    values = correlation**0.5 * shared + (1 - correlation) ** 0.5 * random.standard_normal((times, groups * size, 3))
    expected = 1 / values.mean(axis=1).var(axis=0).mean()
    found = np.mean([independent_images(one, labels) for one in values[:100]])
    assert found == pytest.approx(expected, rel=0.12)


def test_independent_images_at_the_ends() -> None:
    values = np.random.default_rng(0).standard_normal((12, 5))
    assert independent_images(values, np.arange(12)) == 12
    assert independent_images(values, np.zeros(12, dtype=int)) == 1
    assert independent_images(np.repeat(values[:3], 4, axis=0), np.repeat([0, 1, 2], 4)) == pytest.approx(3)
    with pytest.raises(DegcraftError, match="one for each image"):
        independent_images(values, np.arange(3))
