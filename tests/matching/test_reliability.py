"""Cautions about references whose faults are known, and silence about good ones."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from degcraft.degradation import Axis, Box, BoxSource, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import Patches, write_image
from degcraft.matching import (
    Caution,
    Group,
    Reliability,
    assess,
    crafted_features,
    independent_images,
    join_groups,
    make_weighting,
    measure_group,
    scenes,
)
from degcraft.matching import reliability as module
from degcraft.matching.crafting import crafted_by

SCALE, SIDE, COUNT = 4, 48, 80
SPACE = DegradationSpace(
    (Axis("blur_sigma", 0, 4, 2), Axis("noise_level", 0, 40, 2), Axis("jpeg_quality", 30, 90, 2, none=True))
)
INSIDE: Box = {"blur_sigma": (2, 3), "noise_level": (10, 20), "jpeg_quality": (70, 90)}
PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)
Judge = Callable[..., Reliability]


def crops(count: int, seed: int) -> Tensor:
    """(count, 3, 192, 192) crops of four photographs, float."""
    random = np.random.default_rng(seed)
    sources = [photograph() for photograph in PHOTOGRAPHS]
    found = []
    for index in range(count):
        image = sources[index % len(sources)]
        y, x = (int(random.integers(side - SIDE * SCALE)) for side in image.shape[:2])
        found.append(torch.from_numpy(image[y : y + SIDE * SCALE, x : x + SIDE * SCALE].transpose(2, 0, 1).copy()))
    return torch.stack(found).float() / 255


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return make_extractor("degnet")


@pytest.fixture(scope="module")
def hr() -> Patches:
    pixels = (crops(COUNT, seed=0) * 255).round().to(torch.uint8)
    return Patches(pixels, tuple(f"{index}.png" for index in range(COUNT)))


@pytest.fixture(scope="module")
def groups(hr: Patches, extractor: FeatureExtractor) -> dict[DegradationSpace, Group]:
    """The bins of a space, measured once."""
    return {SPACE: measure_group(SPACE, range(SPACE.n_bins), hr.pixels, extractor, scale=SCALE, seed=0)}


@pytest.fixture
def judge(hr: Patches, extractor: FeatureExtractor, groups: dict[DegradationSpace, Group]) -> Judge:
    """Degrades crops by boxes and asks how far what is crafted of them can be relied on."""

    def ask(
        *boxes: Box,
        clean: Tensor | None = None,
        space: DegradationSpace = SPACE,
        weighting: str | dict[str, Any] = "confusion",
        scene_of: Callable[[int], int] = lambda index: index,
        draws: np.ndarray | None = None,
    ) -> Reliability:
        clean = crops(COUNT, seed=1) if clean is None else clean
        parts = [
            BoxSource(box).degrade(part, SCALE, torch.Generator().manual_seed(number))[0]
            for number, (box, part) in enumerate(zip(boxes, clean.chunk(len(boxes)), strict=True))
        ]
        names = tuple(f"{index:02d}.png" for index in range(len(clean)))
        references = Patches((torch.cat(parts) * 255).round().to(torch.uint8), names)
        if space not in groups:
            groups[space] = measure_group(space, range(space.n_bins), hr.pixels, extractor, scale=SCALE, seed=0)
        measured = join_groups([groups[space]], space, hr, references, extractor, scale=SCALE, seed=0)
        method = make_weighting(measured, weighting)
        draws = method.draws(20, 0, widened=False) if draws is None else draws
        scenes = np.array([scene_of(index) for index in range(len(clean))])
        made = crafted_features(crafted_by(method, measured, weighting, draws=None), measured, hr, extractor)
        return assess(measured, method, draws=draws, files=names, scenes=scenes, crafted=made)

    return ask


def codes(found: Reliability) -> list[str]:
    return [caution.code for caution in found.cautions]


def test_good_references_inside_the_space_are_not_complained_of(judge: Judge) -> None:
    found = judge(INSIDE)
    assert found.cautions == ()
    assert (found.measures["files"], found.measures["scenes"]) == (COUNT, COUNT)
    assert found.measures["independent_images"] >= 0.9 * COUNT
    assert 0 <= found.measures["weight_moved"] < 0.3
    assert 0.4 < found.measures["told_apart"]["accuracy"] < 0.9
    assert 0.5 < found.measures["told_apart"]["chance"] < 0.75
    (sentence,) = found.sentences()
    assert sentence.startswith("reliable as far as can be told: a classifier tells the references from images made by")


def test_estimates_are_asked_of_what_they_train_on_and_not_of_the_bins_that_show_it(judge: Judge) -> None:
    compressing = DegradationSpace((*SPACE.axes[:2], Axis("jpeg_quality", 30, 90, 2)))
    uncompressed = {**INSIDE, "jpeg_quality": (float("inf"), float("inf"))}
    bins, estimates = (
        judge(uncompressed, space=compressing, weighting=name).measures["axes"]["jpeg_quality"]["without"]
        for name in ("confusion", "estimates")
    )
    assert bins > 0.4
    assert abs(estimates) < 0.2


def test_no_other_bins_are_advised_where_bins_are_not_trained_on(judge: Judge) -> None:
    mild = {"name": "estimates", "quantile": 0.02}
    strong: Box = {**INSIDE, "noise_level": (20, 40)}
    (message,) = (one.message for one in judge(strong, weighting=mild).cautions if one.code == "axis")
    assert "lean to the mild side" in message
    assert "--axis" not in message


def test_the_files_named_are_those_that_the_blamed_axis_does_not_hold(judge: Judge) -> None:
    """Others, which a classifier tells more easily for their noise, lie inside of it."""
    uncompressed: Box = {"blur_sigma": (0, 1), "noise_level": (0, 2), "jpeg_quality": (float("inf"), float("inf"))}
    space = DegradationSpace((*SPACE.axes[:2], Axis("jpeg_quality", 30, 90, 2)))
    found = judge(uncompressed, {**INSIDE, "noise_level": (39, 40)}, space=space)
    (message,) = (one.message for one in found.cautions if one.code == "axis")
    assert "jpeg_quality that the space does not hold (without it)" in message
    named = re.search(r"Most telling: (.*)\.$", message)
    assert named is not None
    assert all(int(name.removesuffix(".png")) < COUNT // 2 for name in named[1].split(", "))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"noise_level": (60, 70)}, r"noise_level that the space does not hold \(above 40\)"),
        ({"blur_sigma": (5.5, 6.5)}, r"blur_sigma that the space does not hold \(above 4\)"),
        ({"jpeg_quality": (10, 20)}, r"jpeg_quality that the space does not hold \(below 30\)"),
    ],
)
def test_the_axis_is_named_and_its_advice_ends_the_caution(judge: Judge, change: Box, said: str) -> None:
    found = judge({**INSIDE, **change})
    assert codes(found)[0] == "axis"
    message = found.cautions[0].message
    assert re.search(said, message)
    assert "Most telling: " in message
    (axis,) = change
    fit = found.measures["axes"][axis]
    assert fit["accuracy"] > 0.9
    assert max(fit["below"], fit["above"]) > 0.5
    advised = DegradationSpace(tuple(Axis.parse(text) for text in re.findall(r"--axis (\S+)", message)))
    assert advised.axes != SPACE.axes
    after = judge({**INSIDE, **change}, space=advised)
    assert "axis" not in codes(after)
    assert "content" not in codes(after)


def test_images_without_jpeg_need_a_cell_of_their_own(judge: Judge) -> None:
    none = {name: ends for name, ends in INSIDE.items() if name != "jpeg_quality"}
    without = DegradationSpace((*SPACE.axes[:2], Axis("jpeg_quality", 30, 90, 2)))
    message = judge(none, space=without).cautions[0].message
    assert "jpeg_quality that the space does not hold (without it)" in message
    assert re.search(r"--axis jpeg_quality:30:\d+:\d:none", message)
    assert codes(judge(none)) == []


def test_two_sources_are_named(judge: Judge) -> None:
    found = judge(INSIDE, {"blur_sigma": (0, 1), "noise_level": (30, 40), "jpeg_quality": (70, 90)})
    assert codes(found) == ["sources"]
    assert "most apart in noise_level" in found.cautions[0].message
    assert "The smallest: " in found.cautions[0].message
    assert "look like 2 sources (40 and 40 files)" in found.cautions[0].message


def test_few_references_are_too_few_and_nothing_else_is_said(judge: Judge) -> None:
    found = judge({"blur_sigma": (2, 3), "noise_level": (60, 70), "jpeg_quality": (70, 90)}, clean=crops(12, seed=1))
    assert codes(found) == ["too_few"]
    assert "only 12 patches could be cut from the references" in found.cautions[0].message


def test_frames_of_one_scene_are_too_alike(judge: Judge) -> None:
    found = judge(INSIDE, scene_of=lambda _: 0)
    assert codes(found) == ["too_alike"]
    assert f"come from {COUNT} files that show 1 scene" in found.cautions[0].message
    assert codes(judge(INSIDE, scene_of=lambda index: index % 4)) == ["too_alike"]


def test_no_frame_is_judged_by_what_was_learnt_of_its_scene(judge: Judge) -> None:
    frames = crops(10, seed=1).repeat_interleave(8, dim=0)
    by_file, by_scene = judge(INSIDE, clean=frames), judge(INSIDE, clean=frames, scene_of=lambda index: index // 8)
    told = [found.measures["told_apart"]["accuracy"] for found in (by_file, by_scene)]
    blur = [found.measures["axes"]["blur_sigma"]["accuracy"] for found in (by_file, by_scene)]
    assert told[1] < told[0] - 0.02
    assert blur[1] < blur[0] - 0.02


def test_what_is_told_apart_is_explained_where_nothing_is_to_blame(judge: Judge) -> None:
    def last(accuracy: float, *codes: str) -> str:
        told = {"told_apart": {"accuracy": accuracy, "chance": 0.6}}
        return Reliability(tuple(Caution(code, "") for code in codes), told).sentences()[-1]

    explained = "more than chance, but other content alone does as much (66% to 85%)"
    assert explained in last(0.8)
    assert last(0.8).startswith("reliable as far as can be told: ")
    assert explained in last(0.8, "too_alike")
    for quiet in (last(0.55), last(0.8, "axis"), last(0.8, "too_few"), last(0.95, "content")):
        assert explained not in quiet


def test_weights_that_would_lie_elsewhere_are_said_to(judge: Judge) -> None:
    elsewhere = np.eye(SPACE.n_bins)[[0, 5, 11]]
    found = judge(INSIDE, draws=elsewhere)
    assert codes(found) == ["moved"]
    assert found.measures["weight_moved"] > 0.8
    assert judge(INSIDE, weighting={"name": "eq4", "alpha": 0.0}).measures["weight_moved"] == 0


@pytest.mark.parametrize(("share", "said"), [(0.95, True), (0.5, False)])
def test_two_bins_that_share_a_weight_are_named(share: float, said: bool) -> None:
    """One has what the other has not; or each moves by itself."""
    random, weights = np.random.default_rng(0), np.zeros(SPACE.n_bins)
    weights[[2, 5]] = 0.4, 0.5
    draws = np.zeros((50, SPACE.n_bins))
    draws[:, 5] = random.random(50) * share
    draws[:, 2] = share - draws[:, 5] if said else random.random(50) * share
    found = module._undecided(SPACE, weights, draws)
    named = "whether it is noise_level 0 to 20 or 20 to 40 cannot be told"
    expected = f"{named}: the two heaviest bins together have 95% to 95%"
    assert found == (expected if said else None)
    assert module._undecided(SPACE, weights, np.tile(weights, (5, 1))) is None


def test_the_json_says_all(judge: Judge) -> None:
    found = judge(INSIDE, clean=crops(12, seed=1))
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["cautions"][0] == {"code": "too_few", "message": found.cautions[0].message}
    assert content["measures"].keys() == {
        "independent_images", "files", "scenes", "weight_moved", "misfit", "told_apart", "telling", "undecided", "axes",
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
