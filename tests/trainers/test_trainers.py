"""Crafted distributions in the words of other trainers: what is written, how near it is, and that it is read back."""

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import hcl2
import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from degcraft.degradation import PAPER_SPACE, Axis, CraftedDistribution, DegradationSpace, ListedSource
from degcraft.errors import DegcraftError
from degcraft.matching.distribution_distance import compare_distributions
from degcraft.trainers import (
    TRAINERS,
    Product,
    Range,
    Said,
    Sayable,
    nearest_product,
    read_block,
    said,
    shortened,
    written_blocks,
)

SETTING = {"blur_sigma": (1.0, 2.0), "noise_level": (10.0, 20.0), "jpeg_quality": (50.0, 70.0)}
STAGE = {
    "resize_prob", "resize_range", "gaussian_noise_prob", "noise_range", "poisson_scale_range", "gray_noise_prob",
    "jpeg_range",
}  # fmt: skip
KERNELS = {"blur_kernel_size", "kernel_list", "kernel_prob", "sinc_prob", "blur_sigma", "betag_range", "betap_range"}


def twice(names: set[str]) -> set[str]:
    return {name + number for name in names for number in ("", "2")}


FIELDS = {
    "realesrgan": twice(STAGE | KERNELS) | {"second_blur_prob", "final_sinc_prob"},
    "neosr": twice(STAGE | KERNELS) | {"second_blur_prob", "final_sinc_prob"},
    "traiNNer-redux": twice(STAGE | KERNELS | {"blur_prob", "jpeg_prob", "resize_mode_list", "resize_mode_prob"})
    | twice({"kernel_range"})
    | {"resize_mode_list3", "resize_mode_prob3", "high_order_degradation", "final_sinc_prob", "final_kernel_range"},
}
"""Of the degradation block of each, by the file of options that `degcraft.trainers.realesrgan` names."""

NESTED = "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi"))
NESTED = f"a: &a [1]\n{NESTED}kernel_prob: *i\n"
"""A few lines that are 9 ** 8 numbers."""


def box(none: float = 0.0) -> CraftedDistribution:
    """A box of the paper's space, a share of the images without JPEG."""
    space = DegradationSpace(
        (Axis("blur_sigma", 0, 5, 5), Axis("noise_level", 0, 50, 5), Axis("jpeg_quality", 30, 90, 3, none=True))
    )
    weights = space.overlap(SETTING)
    weights = (1 - none) * weights + none * space.overlap(SETTING | {"jpeg_quality": (np.inf, np.inf)})
    return CraftedDistribution(space, weights)


def block(crafted: CraftedDistribution, name: str) -> dict[str, Any]:
    """The fields of the one block that a trainer of Real-ESRGAN's family gets."""
    trainer = TRAINERS[name]
    (text,) = written_blocks(said(crafted, trainer), trainer, 4, 1000, ["words"])
    content = tomllib.loads(text) if name == "neosr" else YAML(typ="safe").load(text)
    return {**content, **content["datasets"]["train"], **content.get("degradations", {})}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_blocks_hold_the_fields_of_the_trainers_own_files_and_no_other(name: str) -> None:
    assert block(box(), name).keys() - {"scale", "datasets", "type", "model_type", "degradations"} == FIELDS[name]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_box_is_said_exactly(name: str) -> None:
    found = block(box(), name)
    np.testing.assert_allclose(found["blur_sigma"], (1, 2), atol=0.03)
    np.testing.assert_allclose(found["noise_range2"], (10, 20), atol=0.3)
    np.testing.assert_allclose(found["jpeg_range2"], (50, 70), atol=0.6)
    # Nothing but the blur is done at the clean image's size.
    assert found["noise_range"] == found["poisson_scale_range"] == [0, 0]
    assert found["resize_prob"] == [0, 0, 1]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_no_quality_is_one_at_which_their_jpeg_fails(name: str) -> None:
    found = block(box(none=1.0), name)
    assert max(*found["jpeg_range"], *found["jpeg_range2"]) < 100


def test_images_without_jpeg_stay_without_it_where_that_can_be_said() -> None:
    assert block(box(none=0.4), "traiNNer-redux")["jpeg_prob2"] == pytest.approx(0.6, abs=0.02)
    assert block(box(none=0.4), "realesrgan")["jpeg_range2"][1] == 99.5


def test_noise_comes_after_the_reduction() -> None:
    found = block(box(), "traiNNer-redux")
    # A resize by exactly 1 would be left out, and the noise added at the clean image's size.
    assert found["resize_prob2"] == [1, 0, 0]
    assert 1 <= found["resize_range2"][0] < found["resize_range2"][1] <= 1.01


def test_wtp_keeps_together_what_belongs_together() -> None:
    other = {**SETTING, "blur_sigma": (4.0, 5.0), "noise_level": (0.0, 10.0)}
    crafted = CraftedDistribution(PAPER_SPACE, (PAPER_SPACE.overlap(SETTING) + PAPER_SPACE.overlap(other)) / 2)
    apart = {
        name: compare_distributions(crafted, said(crafted, one).boxes).total_variation for name, one in TRAINERS.items()
    }
    assert apart["wtp"] == pytest.approx(0, abs=1e-9)
    assert apart["traiNNer-redux"] > 0.5
    texts = written_blocks(said(crafted, TRAINERS["wtp"]), TRAINERS["wtp"], 4, 1000, [])
    assert len(texts) == np.count_nonzero(crafted.weights)
    assert sum(hcl2.loads(text)["size"] for text in texts) == pytest.approx(1000, abs=len(texts))


def test_a_file_of_wtp_says_what_its_block_is() -> None:
    part = Product((
        ("blur_sigma", Range(0.5, 1.5)), ("noise_level", Range(6.375, 12.75, 0.5)), ("jpeg_quality", Range(0, 0, 0.0))
    ))  # fmt: skip
    chain = hcl2.loads(TRAINERS["wtp"].write(part, 2))["degradation"]
    found = {one["type"].strip('"'): one for one in chain}
    assert found["blur"]["target_kernel"]["gauss"] == [0.5, 1.5]
    assert found["noise"]["alpha"][0] == pytest.approx(0.1)
    assert found["noise"]["probability"] == 0.5
    assert found["compress"]["probability"] == 0
    assert found["resize"]["scale"] == 2


def test_the_nearest_range_is_that_of_least_wasserstein_distance() -> None:
    tilted = np.zeros(PAPER_SPACE.shape)
    tilted[2, :2, 1] = 3, 1
    crafted = CraftedDistribution(PAPER_SPACE, tilted.ravel() / tilted.sum())
    found = nearest_product(crafted, {"noise_level": Sayable(0, 50)}).ranges["noise_level"]
    # Three in four lie in 0 to 10, the others in 10 to 20.
    places = (np.arange(4000) + 0.5) / 4000
    quantiles = np.interp(places, [0, 0.75, 1], [0, 10, 20])

    def distance(low: float, high: float) -> float:
        return float(np.square(quantiles - (low + (high - low) * places)).mean())

    assert found.low == pytest.approx(0, abs=1e-3)
    best = distance(found.low, found.high)
    assert best < distance(found.low, found.high - 0.5)
    assert best < distance(found.low + 0.5, found.high)


@pytest.mark.parametrize(
    ("name", "sigma", "words"),
    [
        ("traiNNer-redux", 5.0, ["kernels end at 21 taps: a sigma of 5 blurs as 4.5 does"]),
        ("neosr", 5.0, ["kernels have 7 to 21 taps, drawn anew for each image: a sigma of 5 blurs as 1.9 to 4.5 do"]),
        ("neosr", 2.0, ["kernels have 7 to 21 taps, drawn anew for each image: a sigma of 2 blurs as 1.6 to 2 do"]),
        ("traiNNer-redux", 2.0, []),
        ("neosr", 1.0, []),
        ("neosr", 0.1, []),
        ("wtp", 5.0, []),
    ],
)
def test_kernels_are_said_to_be_short_where_they_are(name: str, sigma: float, words: list[str]) -> None:
    blurred = Product((("blur_sigma", Range(0.1, sigma)),))
    assert shortened(Said(((1.0, blurred),), (), 1.0), TRAINERS[name]) == words
    assert not shortened(Said(((1.0, Product(())),), (), 1.0), TRAINERS[name])


def test_what_a_trainer_cannot_say_is_named() -> None:
    space = DegradationSpace((Axis("blur_sigma", 0, 5, 5), Axis("sharpening", 0, 1, 2)))
    assert said(CraftedDistribution.uniform(space), TRAINERS["neosr"]).unsaid == ("sharpening",)


def test_a_list_of_degradations_becomes_one_block() -> None:
    listed = ListedSource({"blur_sigma": torch.linspace(1, 2, 50), "noise_level": torch.zeros(50)})
    crafted = CraftedDistribution(PAPER_SPACE, PAPER_SPACE.uniform_weights(), listed=listed)
    ((_, part),) = said(crafted, TRAINERS["wtp"]).parts
    assert part.ranges["noise_level"].share == 0
    np.testing.assert_allclose([part.ranges["blur_sigma"].low, part.ranges["blur_sigma"].high], [1, 2], atol=0.02)


def test_what_is_said_degrades_as_it_says() -> None:
    found = said(box(none=0.5), TRAINERS["traiNNer-redux"])
    hr = torch.full((400, 3, 32, 32), 0.5)
    lr, _ = found.degrade(hr, 4, torch.Generator().manual_seed(0))
    # Noise of 10 to 20, which JPEG has smoothed in half of the images.
    assert 6 < float(lr.std(dim=(1, 2, 3)).mean()) * 255 < 18
    again, _ = found.degrade(hr, 4, torch.Generator().manual_seed(0))
    assert torch.equal(lr, again)


def test_blocks_stand_for_the_weight_that_they_keep() -> None:
    crafted = CraftedDistribution(PAPER_SPACE, np.random.default_rng(0).dirichlet(np.full(75, 0.3)))
    found = said(crafted, TRAINERS["wtp"])
    assert found.kept >= 0.95
    assert sum(weight for weight, _ in found.parts) == pytest.approx(1)
    assert compare_distributions(crafted, found.boxes).total_variation <= 1 - found.kept + 1e-9


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_block_that_was_written_is_read_back(name: str, tmp_path: Path) -> None:
    trainer = TRAINERS[name]
    (text,) = written_blocks(said(box(none=0.3), trainer), trainer, 3, 1000, ["words"])
    path = tmp_path / f"block{trainer.suffix}"
    path.write_text(text, encoding="utf-8")
    source, scale, _ = read_block(path)
    assert scale == 3
    knobs = source.describe()
    np.testing.assert_allclose(knobs["blur_sigma"], (1, 2), atol=0.03)
    np.testing.assert_allclose(knobs["noise_range2"], (10, 20), atol=0.3)
    assert knobs["kernel_prob"] == [1, 0, 0, 0, 0, 0]
    lr, _ = source.degrade(torch.rand(4, 3, 48, 48), 3, torch.Generator().manual_seed(0))
    assert lr.shape == (4, 3, 16, 16)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "line 1: is not valid YAML"),
        ("jpeg_range: [30, 95]\njpeg_range: [30, 90]", "line 2: is not valid YAML (jpeg_range is given twice)"),
        ('"a\\nb": 1\n"a\\nb": 2', "(a b is given twice)"),
        ("", "must hold fields"),
        ("- 1", "must hold fields"),
        ('degradation {\n  type = "blur"\n}', "must hold fields"),
        ("a: " + "[" * 20_000, "is not valid YAML (maximum recursion depth"),
        ("#" * 200_001, "must have at most 200,000 characters"),
        ("scale: 4", "holds no degradation block"),
        ("scale: four\njpeg_range: [1, 2]", "scale must be a whole number"),
        ("scale: true\njpeg_range: [1, 2]", "scale must be a whole number from 1 to 8, but got True"),
        ("jpeg_range: [30, 130]", "jpeg_range must be"),
        ("noise_range: [3, 1]", "noise_range must be [low, high] with 0 <= low <= high, but got [3, 1]"),
        ("noise_range: ['1', '3']", "noise_range must be"),
        ("noise_range: {1: low, 3: high}", "noise_range must be"),
        ("noise_range: [.nan, 1]", "noise_range must be"),
        (f"noise_range: [1, {10**400}]", "noise_range must be"),
        (f"noise_range: [1, 0x{'F' * 5000}]", "but got a number of more digits than can be written"),
        (f"noise_range: {'x' * 1000}", "but got 'xxx"),
        (NESTED, "kernel_prob must be"),
        ("kernel_list: [iso]\nkernel_prob: [0.5, 0.5]", "kernel_prob must give a share for each"),
        ("kernel_list: [round]\nkernel_prob: [1]", "but got ['round']"),
        ("kernel_list: [iso, iso]\nkernel_prob: [0.5, 0.5]", "each once, but got ['iso', 'iso']"),
        ("kernel_list: [iso]\nkernel_prob: [one]", "kernel_prob must be"),
        ("datasets: 3\njpeg_range: x", "jpeg_range must be"),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "train.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DegcraftError) as refused:
        read_block(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < len(str(path)) + 500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no degradation block"),
        (b"a = = 3", "is not valid TOML (Invalid value (at line 1, column 5))"),
        (b"scale = 2\nscale = 4", "is not valid TOML (Cannot overwrite a value"),
        (b"noise_range = [nan, 1]", "noise_range must be"),
        (b"a = " + b"[" * 20_000, "is not valid TOML (maximum recursion depth"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_wrong_toml_is_refused_in_a_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    path.write_bytes(content)
    with pytest.raises(DegcraftError) as refused:
        read_block(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_fields_are_found_wherever_a_trainer_has_them(tmp_path: Path) -> None:
    path = tmp_path / "train.yml"
    path.write_text(
        "scale: 2\nnoise_range: [1, 2]\nblur_prob2: 0.3\n"
        "datasets: {train: {blur_sigma: [1, 2], kernel_range: [7, 21]}}\n"
        "degradations: {jpeg_range: [50, 60]}\nkernel_list: [plateau_iso, iso]\nkernel_prob: [0.2, 0.8]\n"
    )
    source, scale, unrendered = read_block(path)
    found = source.describe()
    assert (scale, unrendered) == (2, ["kernel_range"])
    assert (found["noise_range"], found["blur_sigma"], found["jpeg_range"]) == ([1, 2], [1, 2], [50, 60])
    assert found["kernel_prob"] == [0.8, 0, 0, 0, 0.2, 0]
    assert found["second_blur_prob"] == 0.3
    path.write_text("jpeg_range: [50, 60]\n")
    assert read_block(path)[1] == 4
