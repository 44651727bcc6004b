"""Maps beside the truth, and dots where the distances are."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.figures import draw_spread, draw_weight_maps

TRUTHS = {f"setting {number}": PAPER_SPACE.overlap(box) for number, box in TEST_SETTINGS.items()}
UNIFORM = dict.fromkeys(TRUTHS, PAPER_SPACE.uniform_weights())


def maps(figure: Figure) -> list[Axes]:
    """The maps, row by row, without the colour bar."""
    return [axes for axes in figure.axes if axes.get_title()]


def cells(axes: Axes) -> np.ma.MaskedArray:
    """The (lines, columns) values of a map, lowest line first; the gaps between blocks are masked."""
    mesh = next(item for item in axes.collections if isinstance(item, QuadMesh))
    return np.ma.asarray(mesh.get_array()).reshape(mesh.get_coordinates().shape[0] - 1, -1)


def framed(axes: Axes) -> set[tuple[float, float]]:
    """(column, line) of the framed cells."""
    frames = next(item for item in axes.collections if isinstance(item, PatchCollection))
    return {(float(path.vertices[:, 0].min()), float(path.vertices[:, 1].min())) for path in frames.get_paths()}


def test_each_bin_stands_in_its_block(tmp_path: Path, drawn: list[Figure]) -> None:
    weights = np.zeros(75)
    weights[74] = 3  # sigma 4–5, noise 40–50, quality 70–90: right and top in the third block
    weights[1] = 1  # sigma 0–1, noise 0–10, quality 50–70: left and bottom in the second
    truth = {"setting 2": TRUTHS["setting 2"]}
    draw_weight_maps(PAPER_SPACE, truth, {"a": {"setting 2": weights}}, tmp_path / "maps.png", title="a title")
    known, found = maps(drawn[0])
    values = cells(found)
    assert values.shape == (5, 17)
    assert (values[4, 16], values[0, 6]) == pytest.approx((75, 25))
    assert values.sum() == pytest.approx(100)
    assert values.mask.all(axis=0).nonzero()[0].tolist() == [5, 11]
    assert values.mask.sum() == 10
    # sigma 0.5–1.5, noise 15–25, quality 75–85
    assert framed(known) == framed(found) == {(12, 1), (13, 1), (12, 2), (13, 2)}
    assert cells(known)[1, 12] == pytest.approx(25)
    assert drawn[0].get_suptitle().startswith("a title\nblur sigma 0 to 5 to the right; noise 0 to 50 upwards;")
    with Image.open(tmp_path / "maps.png") as picture:
        assert picture.format == "PNG"


def test_a_row_per_setting_and_a_heading_per_map(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_weight_maps(PAPER_SPACE, TRUTHS, {"perfect": TRUTHS, "blind": UNIFORM}, tmp_path / "maps.png")
    titles = [axes.get_title() for axes in maps(drawn[0])]
    assert titles[:3] == [
        "truth\nsetting 1",
        "perfect\n100 % on true bins, TV 0.00",
        "blind\n1 % on true bins, TV 0.99",
    ]
    # One bin of 75, then four, four and eight.
    assert titles[3:] == [
        title
        for number, blind in (
            (2, "5 % on true bins, TV 0.95"),
            (3, "5 % on true bins, TV 0.95"),
            (4, "11 % on true bins, TV 0.89"),
        )
        for title in (f"setting {number}", "100 % on true bins, TV 0.00", blind)
    ]


def test_one_colour_means_one_weight(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_weight_maps(PAPER_SPACE, TRUTHS, {"blind": UNIFORM}, tmp_path / "maps.png")
    meshes = [next(item for item in axes.collections if isinstance(item, QuadMesh)) for axes in maps(drawn[0])]
    assert {(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes} == {(0, 100)}


def test_many_extractors_go_on_below_beside_the_truth(tmp_path: Path, drawn: list[Figure]) -> None:
    names = [f"extractor {index}" for index in range(7)]
    truth = {"setting 1": TRUTHS["setting 1"]}
    draw_weight_maps(PAPER_SPACE, truth, dict.fromkeys(names, UNIFORM), tmp_path / "maps.png")
    headings = [axes.get_title().split("\n")[0] for axes in maps(drawn[0]) if "\n" in axes.get_title()]
    assert headings == ["truth", *names[:5], "truth", *names[5:]]
    assert len(maps(drawn[0])) == 6 + 3


@pytest.mark.parametrize("axes", [1, 2, 4])
def test_spaces_of_other_dimensions(axes: int, tmp_path: Path, drawn: list[Figure]) -> None:
    all_axes = (
        Axis("noise_level", 0, 50, 4),
        Axis("blur_sigma", 0, 5, 2),
        Axis("jpeg_quality", 30, 90, 3),
    )
    space = DegradationSpace(all_axes[:axes])
    vector = np.arange(space.n_bins) / 10
    draw_weight_maps(space, {"s": vector}, {"a": {"s": vector}}, tmp_path / "maps.png")
    values = cells(maps(drawn[0])[1])
    assert values.count() == space.n_bins
    assert sorted(values.compressed()) == pytest.approx(sorted(100 * vector / vector.sum()))


def test_maps_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="a setting and an extractor, but got 4 and 0"):
        draw_weight_maps(PAPER_SPACE, TRUTHS, {}, tmp_path / "maps.png")
    with pytest.raises(DegcraftError, match="weights"):
        draw_weight_maps(PAPER_SPACE, TRUTHS, {"a": dict.fromkeys(TRUTHS, np.ones(3))}, tmp_path / "maps.png")


COUNTS = (10, 100)
SPREAD = {"a": [[4.0, 6.0, 8.0], [1.0, 2.0, 3.0]], "b": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]}


def test_dots_and_their_mean_in_units_of_the_last_mean(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_spread(COUNTS, SPREAD, tmp_path / "spread.png", title="a title")
    first, second = (axes for axes in drawn[0].axes if axes.get_visible())
    *dots, mean = first.lines
    assert mean.get_xydata().tolist() == [[10, 3], [100, 1]]
    assert sorted(y for line in dots for y in line.get_ydata()) == [0.5, 1, 1.5, 2, 3, 4]
    assert first.get_title() == "a\n± 50 % at 100"
    assert second.get_title() == "b\n± 0 % at 100"
    band = first.collections[0].get_paths()[0].vertices
    assert {(float(x), round(float(y), 6)) for x, y in band} == {(10, 2), (10, 4), (100, 0.5), (100, 1.5)}
    assert drawn[0].get_suptitle() == "a title"
    with Image.open(tmp_path / "spread.png") as picture:
        assert picture.format == "PNG"


def test_a_panel_per_extractor_four_to_a_row(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_spread(COUNTS, {f"extractor {index}": SPREAD["a"] for index in range(6)}, tmp_path / "spread.png")
    shown = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert [axes.get_title().split("\n")[0] for axes in shown] == [f"extractor {index}" for index in range(6)]
    assert len({round(axes.get_position().y0, 3) for axes in shown}) == 2


def test_one_draw_still_makes_a_figure(tmp_path: Path) -> None:
    draw_spread((10,), {"a": [[0.0]]}, tmp_path / "spread.png")
    assert (tmp_path / "spread.png").stat().st_size > 1000


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0], [float("nan")]], [1.0, 2.0], [[], []]])
def test_a_spread_that_does_not_fit_is_refused(values: list, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"a: distances must be \(2, draws\) and finite"):
        draw_spread(COUNTS, {"a": values}, tmp_path / "spread.png")


def test_a_spread_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="at least one extractor"):
        draw_spread(COUNTS, {}, tmp_path / "spread.png")
