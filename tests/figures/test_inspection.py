"""The figure of an inspection shows every estimate where it belongs, and says who stands apart."""

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from degcraft.figures import draw_inspection
from degcraft.figures.inspection import ROWS
from degcraft.inspection import ImageEstimate, Inspection, Pile, summarise
from degcraft.inspection.distribution import read_estimate

GRIDS = {
    "blur_sigma": np.arange(0, 10.1, 0.5),
    "noise_level": np.arange(0.0, 81.0),
    "jpeg_quality": np.append(np.arange(10.0, 101, 5), np.inf),
}


def pile_of(rows: list[tuple[float, float, float]]) -> Pile:
    images = []
    for number, row in enumerate(rows):
        beliefs = {}
        for (axis, grid), value in zip(GRIDS.items(), row, strict=True):
            raw = (grid == value).astype(float)
            if math.isfinite(value):
                raw = np.where(np.isinf(grid), 0, np.exp(-0.5 * ((grid - value) / (grid[1] - grid[0])) ** 2))
            beliefs[axis] = raw / raw.sum()
        images.append(
            ImageEstimate(
                path=Path(f"photos/{number:03d}.png"),
                width=96,
                height=48,
                axes={axis: read_estimate(beliefs[axis], grid) for axis, grid in GRIDS.items()},
                probabilities=beliefs,
                patches=1,
                closeup=np.full((48, 72, 3), 200, np.uint8),
                thumbnail=np.full((48, 96, 3), number % 256, np.uint8),
            )
        )
    return summarise(Inspection(tuple(images), (), GRIDS))


def alike(count: int) -> list[tuple[float, float, float]]:
    return [(1.5, 6.0 + number % 3, 70.0) for number in range(count)]


def estimates(figure: Figure, axis: int) -> Axes:
    """The panel of intervals of an axis; the pictures come first, then strip and panel of each axis."""
    return figure.axes[2 + 2 * axis]


def points(axes: Axes) -> list[tuple[float, float]]:
    """(value, row) of each marker."""
    return [
        (float(np.asarray(line.get_xdata()).ravel()[0]), float(np.asarray(line.get_ydata()).ravel()[0]))
        for line in axes.lines
        if line.get_marker() == "o"
    ]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)]


def test_every_image_has_a_row_with_its_estimates(tmp_path: Path, drawn: list[Figure]) -> None:
    pile = pile_of([(3.0, 20.0, 70.0), (1.0, 4.0, math.inf), (2.0, 10.0, 40.0)])
    draw_inspection(pile, tmp_path / "new" / "inspect.png", title="photos")
    blur, noise, quality = (points(estimates(drawn[0], axis)) for axis in range(3))
    # sorted by blur
    assert blur == [pytest.approx((value, row + 0.5), abs=0.05) for row, value in enumerate((1, 2, 3))]
    assert [value for value, _ in noise] == pytest.approx([4, 10, 20], abs=0.1)
    assert [value for value, _ in quality][1:] == pytest.approx([40, 70], abs=0.5)
    panel = estimates(drawn[0], 2)
    labels = {label.get_text(): tick for label, tick in zip(panel.get_xticklabels(), panel.get_xticks(), strict=True)}
    assert quality[0][0] == labels["none"] > 100
    said = texts(drawn[0])
    assert "photos" in said
    assert any(text.startswith("3 images: blur sigma ") for text in said)
    assert [text for text in said if text.endswith(".png")] == ["001.png", "002.png", "000.png"]
    with Image.open(tmp_path / "new" / "inspect.png") as picture:
        assert picture.format == "PNG"


def test_intervals_are_those_of_the_image(tmp_path: Path, drawn: list[Figure]) -> None:
    pile = pile_of([(2.0, 10.0, 40.0)])
    draw_inspection(pile, tmp_path / "inspect.png")
    one = pile.inspection.images[0].axes["noise_level"]
    bars = [np.asarray(line.get_xdata()) for line in estimates(drawn[0], 1).lines if line.get_linewidth() == 1.6]
    assert [tuple(bar) for bar in bars] == [pytest.approx((one.low, one.high))]


def test_pictures_keep_their_shape(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_inspection(pile_of(alike(2)), tmp_path / "inspect.png")
    pictures = drawn[0].axes[0]
    assert len(pictures.images) == 4
    scale = pictures.get_window_extent().width / np.ptp(pictures.get_xlim())
    assert scale == pytest.approx(pictures.get_window_extent().height / np.ptp(pictures.get_ylim()), rel=0.01)
    left, right, bottom, top = pictures.images[0].get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(2)


def test_who_stands_apart_has_a_colour_and_a_reason(tmp_path: Path, drawn: list[Figure]) -> None:
    pile = pile_of([*alike(12), *[(1.5, 6.0, math.inf)] * 3, (1.5, 60.0, 70.0)])
    draw_inspection(pile, tmp_path / "inspect.png")
    said = texts(drawn[0])
    assert said.count("source 2: less compressed") == 3
    assert said.count("noisier") == 1
    assert any(text.startswith("12 of 16 images: ") for text in said)
    colours = [line.get_color() for line in estimates(drawn[0], 1).lines if line.get_marker() == "o"]
    assert len(set(colours[:12])) == 1
    assert len(set(colours[12:15])) == 1
    assert len({colours[0], colours[12], colours[15]}) == 3


def test_of_a_large_pile_those_apart_and_a_choice_are_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    pile = pile_of([*alike(100), (1.5, 60.0, 70.0)])
    draw_inspection(pile, tmp_path / "inspect.png")
    assert len(points(estimates(drawn[0], 0))) == ROWS
    said = texts(drawn[0])
    assert "100.png" in said
    assert any(f"{ROWS} of them shown" in text for text in said)
    marks = [line for line in drawn[0].axes[1].lines if line.get_marker() == "|"]
    assert sum(len(np.asarray(line.get_xdata())) for line in marks) == 101


def test_a_pile_of_outliers_leaves_room_for_the_main_source(tmp_path: Path, drawn: list[Figure]) -> None:
    pile = pile_of([*alike(60), *((9.5, 80.0 - 4 * number, 10.0) for number in range(20))])
    draw_inspection(pile, tmp_path / "inspect.png")
    shown = {text for text in texts(drawn[0]) if text.endswith(".png")}
    assert len(shown) == ROWS
    assert len([name for name in shown if int(name[:3]) < 60]) >= ROWS // 2


def test_one_image_is_a_pile(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_inspection(pile_of([(0.0, 0.0, math.inf)]), tmp_path / "inspect.png")
    assert any(text.startswith("1 image: ") for text in texts(drawn[0]))
