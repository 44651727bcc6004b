"""Who stands apart in a pile, and why."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from degcraft.cli._common import parse_space
from degcraft.degradation import Axis
from degcraft.inspection import Inspection, sentence, suggest_axes, summarise
from degcraft.inspection.distribution import read_estimate
from degcraft.inspection.report import report_of

Rows = list[tuple[float, float, float]]
Make = Callable[[Rows], Inspection]


def around(middle: tuple[float, float, float], count: int, seed: int = 0) -> Rows:
    """Images of one source, a little different from each other."""
    random = np.random.default_rng(seed)
    return [
        (
            max(0.0, middle[0] + random.normal(0, 0.2)),
            max(0.0, middle[1] + random.normal(0, 0.7)),
            middle[2] + random.normal(0, 2) if math.isfinite(middle[2]) else math.inf,
        )
        for _ in range(count)
    ]


def test_a_pile_of_one_source_is_one(inspection: Make) -> None:
    for seed in range(10):
        pile = summarise(inspection(around((1.5, 8, 70), 20, seed)))
        assert pile.main == tuple(range(20))
        assert not pile.outliers
        assert not pile.sources


def test_what_more_images_have_than_not_is_named_besides(inspection: Make) -> None:
    known = inspection(around((1.5, 8, 70), 10))
    grid = np.array([0.0, 0.5, 1.0, 1.5])
    for having, named in ((3, False), (7, True)):
        images = tuple(
            replace(image, probabilities=image.probabilities | {"sharpening": np.eye(4)[2 if place < having else 0]})
            for place, image in enumerate(known.images)
        )
        pile = summarise(replace(known, images=images, grids=known.grids | {"sharpening": grid}))
        assert "sharpening" not in pile.axes
        assert ("sharpening" in pile.besides) == named
        assert ("sharpening" in report_of(pile)["pile"]["besides"]) == named
    assert pile.besides["sharpening"].value == pytest.approx(1.0)
    assert "sharpening 1.0" in sentence(pile.besides)


def test_the_pile_is_summed_up(inspection: Make) -> None:
    axes = summarise(inspection(around((2.0, 10, 70), 40))).axes
    assert axes["blur_sigma"].value == pytest.approx(2, abs=0.15)
    assert axes["noise_level"].value == pytest.approx(10, abs=0.5)
    assert axes["jpeg_quality"].value == pytest.approx(70, abs=1.5)
    # 90 % of images whose estimates spread by 0.7 and are 0.5 unsure each
    width = axes["noise_level"].high - axes["noise_level"].low
    assert width == pytest.approx(2 * 1.645 * math.hypot(0.7, 0.5), rel=0.3)


def test_an_outlier_is_named_with_what_is_different(inspection: Make) -> None:
    pile = summarise(inspection([*around((1.5, 6, 70), 15), (1.5, 40, 70)]))
    (outlier,) = pile.outliers
    assert outlier.members == (15,)
    assert outlier.headline == "noisier"
    assert outlier.reason.startswith("noisier: noise 40/255 (")
    assert ", the rest 6/255 (" in outlier.reason
    assert pile.main == tuple(range(15))
    assert pile.axes["noise_level"].high < 10


@pytest.mark.parametrize(
    ("stranger", "headline"),
    [
        ((5.0, 6, 70), "more blurred"),
        ((1.5, 6, math.inf), "less compressed"),
        ((1.5, 6, 30), "more compressed"),
        ((1.5, 30, 30), "noisier, more compressed"),
    ],
)
def test_the_words_fit_the_difference(inspection: Make, stranger: tuple[float, float, float], headline: str) -> None:
    (outlier,) = summarise(inspection([*around((1.5, 6, 70), 15), stranger])).outliers
    assert sorted(outlier.headline.split(", ")) == sorted(headline.split(", "))


def test_several_alike_are_a_source(inspection: Make) -> None:
    pile = summarise(inspection(around((1, 5, math.inf), 6) + around((1, 5, 40), 14) + around((6, 60, 90), 1)))
    (source,) = pile.sources
    assert source.members == tuple(range(6))
    assert source.reason.startswith("less compressed: no JPEG compression, the rest 4")
    assert pile.main == tuple(range(6, 20))
    assert [each.members for each in pile.outliers] == [(20,)]


def test_the_farthest_outlier_comes_first(inspection: Make) -> None:
    pile = summarise(inspection([*around((1.5, 6, 70), 15), (4.0, 6, 70), (9.5, 6, 70)]))
    assert [each.members for each in pile.outliers] == [(16,), (15,)]


def test_images_that_differ_steadily_stay_together(inspection: Make) -> None:
    pile = summarise(inspection([(1.5, noise, 70) for noise in np.linspace(0, 60, 16)]))
    assert len(pile.main) == 16


def test_a_wide_pile_needs_a_wider_gap(inspection: Make) -> None:
    # The same distance stands out of a narrow pile only.
    steps = [(float(sigma), 6.0, 70.0) for sigma in np.arange(0, 8, 1.6)]
    assert not summarise(inspection([*steps, (9.6, 6, 70)])).outliers
    assert summarise(inspection([*around((1.5, 6, 70), 5), (4.5, 6, 70)])).outliers


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_few_images_have_no_outlier(inspection: Make, count: int) -> None:
    pile = summarise(inspection([(0, 0, 90), (9, 70, 20), (5, 30, math.inf), (1, 70, 50)][:count]))
    assert pile.main == tuple(range(count))


def test_doubt_keeps_an_image_in(inspection: Make) -> None:
    rows = around((1.5, 6, 70), 15)
    found = inspection([*rows, (4.5, 6, 70)])
    assert summarise(found).outliers
    unsure = np.ones_like(found.grids["blur_sigma"]) / len(found.grids["blur_sigma"])
    found.images[15].probabilities["blur_sigma"] = unsure
    found.images[15].axes["blur_sigma"] = read_estimate(unsure, found.grids["blur_sigma"])
    assert not summarise(found).outliers


def test_a_few_images_in_between_bridge_nothing(inspection: Make) -> None:
    # Each of them is next to the one before: by the longest step alone, all are one source.
    between = [(1.5, 6.0, quality) for quality in (80.0, 75.0, 70.0)]
    for seed in range(5):
        pile = summarise(inspection([*around((1.5, 6, 90), 20, seed), *between, *around((1.5, 6, 60), 12, seed + 9)]))
        assert set(pile.main) >= set(range(20))
        (source,) = pile.sources
        assert set(source.members) >= set(range(23, 35))
        assert not pile.outliers


def test_an_even_spread_has_no_valley(inspection: Make) -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        rows = [(random.uniform(0, 5), random.uniform(0, 50), random.uniform(30, 90)) for _ in range(60)]
        assert not summarise(inspection(rows)).sources


def test_strays_nearer_to_each_other_than_to_the_main_source_are_a_source(inspection: Make) -> None:
    strays = [(0.0, 14.0, 60.0), (2.0, 10.0, 75.0), (0.2, 8.0, 50.0)]
    pile = summarise(inspection([*around((2, 1, math.inf), 30), *strays]))
    assert [source.members for source in pile.sources] == [(30, 31, 32)]
    # On either side of the main source they are farther from each other.
    sides = [(2.0, 1.0, 40.0), (9.0, 1.0, math.inf), (2.0, 60.0, math.inf)]
    pile = summarise(inspection([*around((2, 1, math.inf), 30), *sides]))
    assert not pile.sources
    assert len(pile.outliers) == 3


def pictured(found: Inspection, places: list[int], seed: int) -> Inspection:
    """The same with one picture in the thumbnails of these images, and the others each with its own."""
    random = np.random.default_rng(seed)
    pictures = [random.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(len(found.images) + 1)]
    images = tuple(
        replace(image, thumbnail=pictures[-1 if index in places else index]) for index, image in enumerate(found.images)
    )
    return replace(found, images=images)


def test_near_duplicates_count_once(inspection: Make) -> None:
    rows = [*around((1.5, 6, 90), 12), *[(1.5, 6, 40)] * 4]
    assert len(summarise(pictured(inspection(rows), [], 0)).sources) == 1
    pile = summarise(pictured(inspection(rows), [12, 13, 14, 15], 0))
    assert pile.repeats == ((12, 13, 14, 15),)
    assert not pile.sources
    assert sorted(each.members for each in pile.outliers) == [(12,), (13,), (14,), (15,)]
    # and what the main source carries is not drawn to the image that is there most often
    rows = [*around((1.5, 6, 70), 12), *[(2.5, 6, 70)] * 30]
    pile = summarise(pictured(inspection(rows), list(range(12, 42)), 0))
    assert pile.main == tuple(range(42))
    assert pile.axes["blur_sigma"].value < 1.8


def test_a_copy_that_carries_something_else_is_no_duplicate(inspection: Make) -> None:
    pile = summarise(pictured(inspection([*around((1.5, 6, 90), 12), (1.5, 6, 40)]), [11, 12], 0))
    assert not pile.repeats
    assert [each.members for each in pile.outliers] == [(12,)]


def test_an_image_that_tells_little_bridges_nothing(inspection: Make) -> None:
    found = inspection([*around((1.5, 6, 90), 12), (1.5, 6, 65), (1.5, 6, 40)])
    axes, beliefs = found.images[12].axes, found.images[12].probabilities
    beliefs["jpeg_quality"] = np.full(len(found.grids["jpeg_quality"]), 1 / len(found.grids["jpeg_quality"]))
    axes["jpeg_quality"] = read_estimate(beliefs["jpeg_quality"], found.grids["jpeg_quality"])
    assert [each.members for each in summarise(found).outliers] == [(13,)]


def test_an_image_that_tells_little_of_one_axis_may_stand_apart_on_another(inspection: Make) -> None:
    found = inspection([*around((1.5, 6, 90), 12), (1.5, 70, 90)])
    axes, beliefs = found.images[12].axes, found.images[12].probabilities
    beliefs["blur_sigma"] = np.full(len(found.grids["blur_sigma"]), 1 / len(found.grids["blur_sigma"]))
    axes["blur_sigma"] = read_estimate(beliefs["blur_sigma"], found.grids["blur_sigma"])
    assert [each.members for each in summarise(found).outliers] == [(12,)]


def test_a_space_around_the_main_source(inspection: Make) -> None:
    pile = summarise(inspection([*around((2.0, 10, 70), 20), (9, 70, 15)]))
    space = parse_space(suggest_axes(pile))
    assert [axis.name for axis in space.axes] == ["blur_sigma", "noise_level", "jpeg_quality"]
    for axis in space.axes:
        assert axis.low <= pile.axes[axis.name].low
        assert axis.high >= pile.axes[axis.name].high
    assert space.axes[0].high < 4
    assert space.axes[1].high < 20


def test_a_smaller_scale_counts_blur_in_larger_pixels(inspection: Make) -> None:
    pile = summarise(inspection(around((2.0, 10, 70), 20)))
    four, three, two = (parse_space(suggest_axes(pile, scale)).axes for scale in (4, 3, 2))
    for axes, share in ((three, 0.75), (two, 0.5)):
        assert axes[0].edges == pytest.approx([share * edge for edge in four[0].edges])
        assert axes[1:] == four[1:]


def test_the_space_cuts_low_noise_finer_and_adds_none_to_clean_images(inspection: Make) -> None:
    def noise(level: float, spread: float) -> Axis:
        rows = [(1.0, level + spread * place / 9, math.inf) for place in range(10)]
        return parse_space(suggest_axes(summarise(inspection(rows)))).axes[1]

    clean = noise(0, 0)
    assert (clean.low, clean.bins) == (0, 1)
    assert clean.high <= 2
    mixed = noise(0, 25)
    widths = np.diff(mixed.edges)
    assert mixed.bins == 5
    assert (np.diff(widths) > 0).all()
    seen = np.sqrt(np.array(mixed.edges) + 1)
    assert np.diff(seen) == pytest.approx(np.diff(seen).mean(), rel=0.05)


def test_uncompressed_images_need_no_axis_of_qualities(inspection: Make) -> None:
    axes = suggest_axes(summarise(inspection(around((0, 0, math.inf), 10))))
    assert [axis.split(":")[0] for axis in axes] == ["blur_sigma", "noise_level"]
    assert all(axis.split(":")[1] == "0" for axis in axes)


def test_a_partly_compressed_pile_reaches_to_the_best_quality(inspection: Make) -> None:
    axes = suggest_axes(summarise(inspection([(1, 5, 90 + i) for i in range(8)] + [(1, 5, math.inf)] * 4)))
    assert axes[2].split(":")[2] == "100"


def test_the_report_knows_the_groups(inspection: Make) -> None:
    pile = summarise(inspection(around((1, 5, 40), 10) + around((1, 5, math.inf), 4) + [(9, 70, 40)]))
    report = report_of(pile)
    assert report["format"] == "degcraft-inspection/1"
    assert [image["group"] for image in report["images"]] == ["main"] * 10 + ["source 2"] * 4 + ["outlier"]
    assert report["images"][12]["jpeg_quality"] == {"value": None, "low": None, "high": None}
    assert report["images"][12]["uncompressed"] == 1
    assert report["images"][0]["uncompressed"] == 0
    assert report["pile"]["outliers"][0]["images"] == ["photos/14.png"]
    assert report["pile"]["suggested_axes"] == suggest_axes(pile)
