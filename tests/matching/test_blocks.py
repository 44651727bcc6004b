"""Blocks on mixtures that are known, in a small space and in one of half a million bins."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from degcraft.degradation import Axis, Blocks, CraftedDistribution, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching import Measurement, craft, make_weighting

MANY = DegradationSpace(
    tuple(
        Axis.parse(text)
        for text in (
            "blur_sigma:0:5:10", "blur_ratio:0.2:1:4", "reduction:bicubic,area,lanczos", "noise_level:0:50:10",
            "noise_common:0:1:4", "noise_grain:0:2:4", "sharpening:0:2:4", "jpeg_quality:30:100:7:none",
        )
    )
)  # fmt: skip
Truth = Callable[[np.random.Generator, int], np.ndarray]
"""(generator, n) to (n, 8) cells."""
AXES = len(MANY.axes)


def measured(truth: Truth, *, crops: int = 40, references: int = 400, seed: int = 0) -> Measurement:
    """An extractor without a posterior that sees the place along each axis with an error of 0.6 cells."""
    random = np.random.default_rng(seed)
    parameters = np.empty((MANY.groups, crops, AXES), dtype=np.float32)
    for index in range(MANY.groups):
        drawn = list(MANY.group(index, crops, seed, torch.Generator()))
        parameters[index] = np.concatenate(
            [np.stack([part.parameters[a.name] for a in MANY.axes], 1) for part in drawn]
        )
    cells = MANY.cells_of(parameters)
    held = truth(random, references)
    return Measurement(
        space=MANY,
        features=(cells + 0.6 * random.normal(size=cells.shape)).astype(np.float16),
        parameters=parameters,
        references=(held + 0.6 * random.normal(size=held.shape)).astype(np.float16),
        hr_groups=np.arange(crops) // 2,
        reference_groups=np.arange(references) // 4,
        extractor="squeezenet",
        layer="fire6",
        extractor_identity="0",
        seed=seed,
        scale=4,
        hr_hash="hr",
        reference_hash="references",
    )


def box(blur: tuple[int, int], noise: tuple[int, int]) -> Truth:
    """Even over some cells of two axes, at the first cell of the others."""

    def draw(random: np.random.Generator, n: int) -> np.ndarray:
        cells = np.zeros((n, AXES), dtype=int)
        cells[:, 0], cells[:, 3] = random.integers(*blur, n), random.integers(*noise, n)
        return cells

    return draw


def either(one: Truth, other: Truth) -> Truth:
    """Half of the images by each."""
    return lambda random, n: np.concatenate([one(random, n // 2), other(random, n - n // 2)])


def apart(crafted: CraftedDistribution, truth: Truth, *axes: int) -> float:
    """Total variation of a marginal, or of a pair's, to the truth's."""
    drawn = truth(np.random.default_rng(9), 20_000)[:, list(axes)]
    expected = np.zeros([MANY.shape[axis] for axis in axes])
    np.add.at(expected, tuple(drawn.T), 1 / len(drawn))
    return float(np.abs(crafted.parts.marginal(crafted.weights, *axes) - expected).sum() / 2)


def test_the_draws_cover_the_whole_space_evenly() -> None:
    measurement = measured(box((0, 10), (0, 10)))
    for place, axis in enumerate(MANY.axes):
        share = (
            np.bincount(measurement.cells[..., place].ravel(), minlength=len(axis.cells))
            / measurement.cells[..., 0].size
        )
        np.testing.assert_allclose(share, 1 / len(axis.cells), atol=0.01)
    none = measurement.parameters[..., -1][measurement.cells[..., -1] == MANY.axes[-1].none_cell]
    assert np.isinf(none).all()


def test_a_box_is_found() -> None:
    truth = box((2, 4), (1, 3))
    crafted = craft(measured(truth), {"name": "blocks", "whole": 0.0}, intervals=False)
    assert crafted.blocks is not None
    assert len(crafted.blocks) < 64
    assert all(apart(crafted, truth, axis) < 0.25 for axis in (0, 3, 4, 6))
    assert crafted.effective_bins < MANY.n_bins / 500


@pytest.mark.parametrize(
    "truth",
    [either(box((1, 3), (6, 8)), box((7, 9), (1, 3))), either(box((0, 5), (5, 10)), box((5, 10), (0, 5)))],
    ids=["two modes", "correlated axes"],
)
def test_what_goes_together_stays_together_where_marginals_would_lose_it(truth: Truth) -> None:
    crafted = craft(measured(truth), {"name": "blocks", "whole": 0.0}, intervals=False)
    joint = crafted.parts.marginal(crafted.weights, 0, 3)
    drawn = truth(np.random.default_rng(9), 20_000)
    expected = np.zeros(joint.shape)
    np.add.at(expected, (drawn[:, 0], drawn[:, 3]), 1 / len(drawn))
    product = np.outer(expected.sum(axis=1), expected.sum(axis=0))
    lost = np.abs(product - expected).sum() / 2
    assert lost > 0.45  # Even the truth's own marginals.
    assert apart(crafted, truth, 0, 3) < 0.85 * lost


def test_the_intervals_are_of_the_blocks_and_the_file_is_small(tmp_path: Path) -> None:
    truth = box((2, 4), (1, 3))
    crafted = craft(measured(truth), "blocks")
    assert crafted.low is not None
    assert crafted.high is not None
    assert (crafted.low <= crafted.weights).all()
    assert (crafted.high >= crafted.weights).all()
    crafted.save(tmp_path / "crafted.json")
    assert (tmp_path / "crafted.json").stat().st_size < 100_000
    again = CraftedDistribution.load(tmp_path / "crafted.json")
    assert again.blocks is not None
    np.testing.assert_array_equal(again.blocks.cells, crafted.parts.cells)
    np.testing.assert_allclose(again.weights, crafted.weights)
    drawn = [one.source().blocks.sample(one.weights, 50, torch.Generator().manual_seed(1)) for one in (crafted, again)]  # type: ignore[union-attr]
    assert all(torch.equal(drawn[0].parameters[name], drawn[1].parameters[name]) for name in drawn[0].parameters)


def test_a_share_stays_on_the_whole_space() -> None:
    method = make_weighting(measured(box((2, 4), (1, 3))), {"name": "blocks", "whole": 1.0})
    assert method.blocks is not None
    np.testing.assert_allclose(method.weights(), method.blocks.bins / MANY.n_bins)


def test_weightings_of_single_bins_are_refused_where_there_are_too_many() -> None:
    with pytest.raises(DegcraftError, match=r"eq4 measures bins one by one, at most 600, .* 614,400: use blocks"):
        make_weighting(measured(box((2, 4), (1, 3)), references=40), "eq4")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([[[0, 1]] * 7], "of every axis"),
        ([[[0, 1]] * 7 + [[0, 9]]], "jpeg_quality has 8 cells"),
        ([[[1, 1]] * 8], "below last"),
    ],
)
def test_blocks_that_are_no_part_of_the_space_are_refused(cells: list[object], said: str) -> None:
    with pytest.raises(DegcraftError, match=said):
        Blocks(MANY, np.array(cells))


def test_blocks_say_what_they_hold() -> None:
    cells = np.array([[[0, 10], [0, 4], [1, 3], [0, 10], [0, 4], [0, 4], [0, 4], [6, 8]]])
    assert Blocks(MANY, cells).words(0) == "reduction area or lanczos, JPEG quality 90 to 100 or none"
    assert Blocks.whole(MANY).words(0) == "everything"
