"""The curves go through the points."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.figures import draw_scores


def point(extractor: str, alpha: float, score: float | None) -> dict[str, Any]:
    return {"extractor": extractor, "knob": "alpha", "value": alpha, "score": score}


POINTS = [point("vgg", 25, 27.5), point("alexnet", 25, 27.4), point("vgg", 5, 27.1), point("vgg", 100, 27.3)]


def lines(figure: Figure) -> dict[str, np.ndarray]:
    """Label → (n,2) points."""
    return {str(line.get_label()): line.get_xydata() for line in figure.axes[0].lines}


def test_a_line_per_extractor_runs_through_its_points_by_alpha(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_scores(POINTS, tmp_path / "a" / "curve.png", metric="PSNR, dB")
    seen = lines(drawn[0])
    assert list(seen) == ["alexnet", "vgg"]
    assert seen["vgg"].tolist() == [[5, 27.1], [25, 27.5], [100, 27.3]]
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("alpha", "PSNR, dB")
    with Image.open(tmp_path / "a" / "curve.png") as picture:
        assert picture.format == "PNG"


def test_what_is_compared_with_are_lines_across(tmp_path: Path, drawn: list[Figure]) -> None:
    compared = {"bicubic": 26.2, "uniform": 26.9, "upper bound": 27.8}
    draw_scores(POINTS, tmp_path / "c.png", metric="PSNR", lines=compared)
    seen = lines(drawn[0])
    assert set(seen["bicubic 26.20"][:, 1]) == {26.2}
    assert set(seen["uniform 26.90"][:, 1]) == {26.9}
    assert set(seen["upper bound 27.80"][:, 1]) == {27.8}
    low, high = drawn[0].axes[0].get_ylim()
    assert low < 26.9 < 27.8 < high


def test_points_that_differ_in_more_than_the_knob_are_not_joined(tmp_path: Path, drawn: list[Figure]) -> None:
    for joined in (True, False):
        draw_scores(POINTS, tmp_path / "c.png", metric="PSNR", joined=joined)
    styles = [[line.get_linestyle() for line in figure.axes[0].lines] for figure in drawn]
    assert styles == [["-", "-"], ["None", "None"]]


def test_a_knob_of_which_one_value_was_tried_takes_little_room(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_scores([*POINTS, point("vgg", 0.25, 27.0) | {"knob": "quantile"}], tmp_path / "c.png", metric="PSNR")
    many, one = drawn[0].axes
    assert one.get_xlabel() == "quantile"
    assert one.get_position().width < many.get_position().width / 2
    assert one.get_xticks().tolist() == [0.25]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.1, 0.3), [0.1, 0.2, 0.5]),
        ((0.3, 0.9), [0.2, 0.5, 1]),
        ((0, 0.3), [0, 0.3]),
        ((2, 100), [2, 5, 10, 20, 50, 100]),
    ],
)
def test_no_point_lies_beyond_the_labels(
    values: tuple[float, ...], ticks: list[float], tmp_path: Path, drawn: list[Figure]
) -> None:
    draw_scores([point("vgg", value, 27.0) for value in values], tmp_path / "c.png", metric="PSNR")
    axes = drawn[0].axes[0]
    assert axes.get_xticks().tolist() == pytest.approx(ticks)
    low, high = axes.get_xlim()
    assert low <= ticks[0] < ticks[-1] <= high


@pytest.mark.parametrize(("higher", "best"), [(True, [25, 27.5]), (False, [5, 27.1])])
def test_the_best_point_follows_the_direction(
    higher: bool, best: list[float], tmp_path: Path, drawn: list[Figure]
) -> None:
    draw_scores(POINTS, tmp_path / "c.png", metric="score", higher_is_better=higher)
    found = next(line for name, line in lines(drawn[0]).items() if name.startswith("best"))
    assert found.tolist() == [best]


def test_alpha_zero_has_its_place(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_scores([*POINTS, point("vgg", 0, 26.9)], tmp_path / "c.png", metric="PSNR")
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlim()[0] < 0
    assert lines(drawn[0])["vgg"][0].tolist() == [0, 26.9]


def test_failed_trials_are_left_out_and_counted(tmp_path: Path, drawn: list[Figure]) -> None:
    failed = [point("vgg", 7, None), point("vgg", 8, float("nan"))]
    draw_scores([*POINTS, *failed], tmp_path / "c.png", metric="PSNR")
    assert len(lines(drawn[0])["vgg"]) == 3
    assert [text.get_text() for text in drawn[0].texts] == ["2 without a score"]


@pytest.mark.parametrize("points", [[], [point("vgg", 25, 27.0)], [point("vgg", 0, 27.0)]])
def test_few_points_still_make_a_figure(points: list, tmp_path: Path) -> None:
    draw_scores(points, tmp_path / "c.png", metric="PSNR", lines={"uniform": 26.0})
    assert (tmp_path / "c.png").stat().st_size > 1000


@pytest.mark.parametrize("alpha", [-1.0, float("nan"), float("inf")])
def test_an_impossible_alpha_is_refused(alpha: float, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="alpha must be finite"):
        draw_scores([point("vgg", alpha, 27.0)], tmp_path / "c.png", metric="PSNR")
