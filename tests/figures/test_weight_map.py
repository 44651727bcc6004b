"""The weight map shows the right number in the right place."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from degcraft.degradation import (
    OPERATORS,
    PAPER_SPACE,
    Axis,
    DegradationSpace,
    Operator,
    Parameter,
)
from degcraft.errors import DegcraftError
from degcraft.figures import draw_weight_map


def panels(figure: Figure, block: int = 0) -> list[Axes]:
    """The heat maps of a block, without its colour bar."""
    maps = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    each = len(maps) // (len(figure.axes) - len(maps))
    return maps[block * each : (block + 1) * each]


def cells(axes: Axes) -> np.ndarray:
    """The (lines, columns) values of a heat map, lowest line first."""
    mesh = next(item for item in axes.collections if isinstance(item, QuadMesh))
    return np.asarray(mesh.get_array()).reshape(mesh.get_coordinates().shape[0] - 1, -1)


def test_each_bin_stands_where_its_panel_row_and_column_say(tmp_path: Path, drawn: list[Figure]) -> None:
    weights = np.zeros(75)
    weights[PAPER_SPACE.n_bins - 1] = 3  # sigma 4–5, noise 40–50, quality 70–90
    weights[1] = 1  # sigma 0–1, noise 0–10, quality 50–70
    draw_weight_map(PAPER_SPACE, weights, tmp_path / "map.png", title="a title")
    low, middle, high = panels(drawn[0])
    assert [axes.get_title() for axes in (low, middle, high)] == [
        "JPEG quality 30 to 50",
        "JPEG quality 50 to 70",
        "JPEG quality 70 to 90",
    ]
    assert cells(low).sum() == 0
    assert cells(middle)[0, 0] == pytest.approx(25)
    assert cells(high)[4, 4] == pytest.approx(75)
    assert [text.get_text() for text in middle.texts] == ["25"]
    assert [(text.get_text(), *text.get_position()) for text in high.texts] == [("75", 4.5, 4.5)]
    assert low.get_ylabel() == "noise (/255)"
    assert high.get_xlabel() == "blur sigma (px)"
    assert drawn[0].get_suptitle() == "a title\n1.8 effective bins of 75"
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_panels_share_one_colour_scale(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_weight_map(PAPER_SPACE, np.arange(75.0), tmp_path / "map.png")
    norms = {
        (item.norm.vmin, item.norm.vmax)
        for axes in panels(drawn[0])
        for item in axes.collections
        if isinstance(item, QuadMesh)
    }
    assert len(norms) == 1
    assert norms.pop()[0] == 0


def test_uniform_weights_print_nothing(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_weight_map(PAPER_SPACE, PAPER_SPACE.uniform_weights(), tmp_path / "map.png")
    assert not [text for axes in panels(drawn[0]) for text in axes.texts]


def test_true_bins_are_outlined_as_one_block(tmp_path: Path, drawn: list[Figure]) -> None:
    true = PAPER_SPACE.overlap({"blur_sigma": (2, 4), "noise_level": (0, 20), "jpeg_quality": (50, 70)})
    draw_weight_map(PAPER_SPACE, np.ones(75), tmp_path / "map.png", true_weights=true)
    low, middle, high = panels(drawn[0])
    lines = [item for item in middle.collections if isinstance(item, LineCollection)]
    corners = {tuple(point) for segment in lines[-1].get_segments() for point in segment.tolist()}
    border = {(x, y) for x in (2, 3, 4) for y in (0, 1, 2)} - {(3, 1)}
    assert corners == border
    assert len(lines[-1].get_segments()) == 8
    for axes in (low, high):
        segments = [len(item.get_segments()) for item in axes.collections if isinstance(item, LineCollection)]
        assert sum(segments) == 0
    assert "5 % of the weight on the true bins" in drawn[0].get_suptitle()


def test_distances_have_panels_of_their_own(tmp_path: Path, drawn: list[Figure]) -> None:
    distances = np.arange(75.0) + 10
    draw_weight_map(PAPER_SPACE, np.ones(75), tmp_path / "map.png", distances=distances)
    block = panels(drawn[0], 1)
    seen = np.stack([cells(axes).T for axes in block], axis=-1)
    np.testing.assert_array_equal(seen.ravel(), distances)
    for above, below in zip(panels(drawn[0]), block, strict=True):
        assert below.get_position().bounds[::2] == pytest.approx(above.get_position().bounds[::2])
    printed = sorted(float(text.get_text()) for axes in block for text in axes.texts)
    assert printed == list(range(10, 25))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_any_number_of_axes_up_to_four(
    count: int, tmp_path: Path, drawn: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = Operator((Parameter("grain", "grain", "", 0, 1, 0),), apply=lambda images, values, generator: images)
    monkeypatch.setitem(OPERATORS, "grain", extra)
    axes = (Axis("blur_sigma", 0, 4, 4), Axis("noise_level", 0, 30, 3))
    axes += (Axis("jpeg_quality", 30, 90, 2), Axis("grain", 0, 1, 2))
    space = DegradationSpace(axes[:count])
    weights = np.arange(1.0, space.n_bins + 1)
    draw_weight_map(space, weights, tmp_path / "map.png", distances=np.ones(space.n_bins))
    shown = np.stack([cells(panel).T for panel in panels(drawn[0])])  # (panels, columns, lines)
    if count == 4:
        shown = shown.reshape(2, 2, 4, 3).transpose(2, 3, 1, 0)
        assert panels(drawn[0])[-1].get_title() == "JPEG quality 60 to 90\ngrain 0.5 to 1"
    else:
        shown = np.moveaxis(shown, 0, -1)
    np.testing.assert_allclose(shown.ravel(), 100 * weights / weights.sum())


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="weights must have the shape"):
        draw_weight_map(PAPER_SPACE, np.ones(74), tmp_path / "map.png")
    with pytest.raises(DegcraftError, match="distances must be 75"):
        draw_weight_map(PAPER_SPACE, np.ones(75), tmp_path / "map.png", distances=np.ones(3))
    assert not list(tmp_path.iterdir())


def test_drawing_keeps_no_global_state(tmp_path: Path) -> None:
    code = (
        "import sys, matplotlib\n"
        "from degcraft.degradation import PAPER_SPACE\n"
        "from degcraft.figures import draw_weight_map\n"
        # Reading "backend" would itself import pyplot.
        "def settings(): return {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != 'backend'}\n"
        "before = settings()\n"
        f"draw_weight_map(PAPER_SPACE, PAPER_SPACE.uniform_weights(), {str(tmp_path / 'new' / 'map.png')!r})\n"
        "assert settings() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["map.png"]
