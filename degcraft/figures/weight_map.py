"""Weights over the bins of a space, readable at a glance."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from degcraft.degradation.space import Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

_OUTLINE = "#D55E00"
_INCHES_PER_BIN = 0.5


def draw_weight_map(
    space: DegradationSpace,
    weights: ArrayLike,
    path: str | Path,
    *,
    title: str = "",
    true_weights: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> None:
    """Draws the weights as heat maps and writes a PNG.

    The first axis runs to the right and the second upwards; the third makes a row of panels, and a fourth makes
    rows of them. All panels share one colour scale. Weights above the uniform one are printed, in percent, with their
    intervals under them.

    Args:
        space: one to four axes.
        weights: (n_bins,) not negative; normalised here.
        path: the PNG file; its folder is made where it is missing.
        title: the first line above the panels.
        true_weights: (n_bins,) a known distribution; the bins where it is above zero are outlined.
        distances: (n_bins,) Fréchet distances, drawn as further panels in which the nearest fifth of the
            bins is printed.
        low: (n_bins,) lower ends of the weights' 95 % intervals; both or none.
        high: (n_bins,) upper ends.

    Raises:
        DegcraftError: more than four axes, or vectors that do not fit the space.
    """
    from matplotlib import rc_context
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    if len(space.axes) > 4:
        raise DegcraftError(f"a weight map shows one to four axes, but got {len(space.axes)}")
    vector = space.check_weights(weights)
    true = None if true_weights is None else space.check_weights(true_weights) > 0
    far = None if distances is None else np.asarray(distances, dtype=np.float64)
    if far is not None and (far.shape != (space.n_bins,) or not np.isfinite(far).all()):
        raise DegcraftError(f"distances must be {space.n_bins} finite numbers, but got the shape {far.shape}")

    columns, lines, panel_rows, panel_columns = _layout(space)
    blocks = 1 if far is None else 2
    width = max(4.6, panel_columns * (columns * _INCHES_PER_BIN + 0.35) + 1.7)
    block_height = panel_rows * (lines * _INCHES_PER_BIN + 0.45) + 0.75
    with rc_context(style.TEXT):
        figure = Figure(figsize=(width, block_height * blocks + 0.75), layout="constrained")
        effective = float(np.exp(entr(vector).sum()))
        note = f"{effective:.1f} effective bins of {space.n_bins}"
        if true is not None:
            note += f"   ·   {100 * vector[true].sum():.0f} % of the weight on the true bins (outlined)"
        figure.suptitle(f"{title}\n{note}" if title else note, fontsize=10.5, linespacing=1.5)
        rows = blocks * panel_rows
        panels = figure.subplots(
            rows, panel_columns, squeeze=False, sharex=True, sharey=True, gridspec_kw={"wspace": 0.08}
        )
        percent = 100 * vector
        _draw_block(
            figure,
            panels[:panel_rows],
            space,
            percent,
            norm=Normalize(0, max(float(percent.max()), 2 * 100 / space.n_bins)),
            colours="YlGnBu",
            label="weight, %" if low is None else "weight, % (95 %)",
            shown=percent > 100 / space.n_bins * 1.0001,
            true=true,
            ends=None if low is None or high is None else 100 * np.stack([np.asarray(low), np.asarray(high)], axis=1),
        )
        if far is not None:
            _draw_block(
                figure,
                panels[panel_rows:],
                space,
                far,
                norm=Normalize(float(far.min()), float(far.max()) if far.max() > far.min() else far.min() + 1),
                colours="YlGnBu_r",
                label="Fréchet distance",
                shown=far <= np.sort(far)[: max(1, space.n_bins // 5)][-1],
                true=true,
            )
        style.save(figure, path)


def _layout(space: DegradationSpace) -> tuple[int, int, int, int]:
    """Bins to the right, bins upwards, rows of panels, columns of panels."""
    columns, *rest = space.shape
    lines = rest[0] if rest else 1
    across = rest[1] if len(rest) > 1 else 1
    down = rest[2] if len(rest) > 2 else 1
    return columns, lines, down, across


def _draw_block(
    figure: "Figure",
    panels: NDArray[Any],
    space: DegradationSpace,
    values: NDArray[np.float64],
    *,
    norm: "Normalize",
    colours: str,
    label: str,
    shown: NDArray[np.bool_],
    true: NDArray[np.bool_] | None,
    ends: NDArray[np.float64] | None = None,
) -> None:
    """One heat map per bin of the third and fourth axis, with a colour bar for all of them."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable

    columns, lines, down, across = _layout(space)
    shape = (columns, lines, across, down)
    grid, marked = values.reshape(shape), shown.reshape(shape)
    outlined = None if true is None else true.reshape(shape)
    intervals = None if ends is None else ends.reshape(*shape, 2)
    cmap = colormaps[colours]
    for row in range(down):
        for column in range(across):
            axes: Axes = panels[row, column]
            cells = grid[:, :, column, row].T
            axes.pcolormesh(cells, cmap=cmap, norm=norm, edgecolors="white", linewidth=1)
            axes.set_aspect("equal")
            for (line, cell), value in np.ndenumerate(cells):
                if not marked[cell, line, column, row]:
                    continue
                dark = float(np.dot(cmap(norm(value))[:3], (0.299, 0.587, 0.114))) < 0.55
                colour = "white" if dark else style.INK
                middle: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
                place = cell + 0.5, line + (0.5 if intervals is None else 0.62)
                axes.text(*place, _short(value), fontsize=8, **middle)
                if intervals is not None:
                    least, most = intervals[cell, line, column, row]
                    axes.text(cell + 0.5, line + 0.25, f"{least:.0f}–{most:.0f}", fontsize=5.5, **middle)
            if outlined is not None:
                _outline(axes, outlined[:, :, column, row])
            _label(axes, space, row, column, last_row=row == down - 1)
    bar = figure.colorbar(ScalarMappable(norm, cmap), ax=panels, shrink=0.85, pad=0.02, aspect=18)
    bar.set_label(label)
    bar.outline.set_visible(False)


def _label(axes: "Axes", space: DegradationSpace, row: int, column: int, *, last_row: bool) -> None:
    """Edges of the bins as ticks, names of the axes at the left and below, and what a panel stands for above."""
    first = space.axes[0]
    axes.set_xticks(*_ticks(first))
    if last_row:
        axes.set_xlabel(first.parameter.heading)
    if len(space.axes) > 1:
        second = space.axes[1]
        axes.set_yticks(*_ticks(second))
        if column == 0:
            axes.set_ylabel(second.parameter.heading)
    else:
        axes.set_yticks([])
    headings = [
        f"{axis.parameter.label} {axis.words(cell)}" for axis, cell in zip(space.axes[2:], (column, row), strict=False)
    ]
    axes.set_title("\n".join(headings), fontsize=9)
    axes.tick_params(length=0, labelsize=8, labelbottom=last_row)
    axes.spines[:].set_visible(False)


def _ticks(axis: Axis) -> tuple[list[float], list[str]]:
    """Places and words: the edges, and `none` at the middle of its cell."""
    if axis.choices:
        return [cell + 0.5 for cell in range(len(axis.choices))], list(axis.choices)
    shift = 1 if axis.none_cell == 0 else 0
    places = [float(place + shift) for place in range(axis.bins + 1)]
    words = [f"{edge:g}" for edge in axis.edges]
    if axis.none_cell is not None:
        places.append(axis.none_cell + 0.5)
        words.append("none")
    return places, words


def _outline(axes: "Axes", inside: NDArray[np.bool_]) -> None:
    """Draws the border of the marked cells, (columns, lines), without the lines between two of them."""
    from matplotlib.collections import LineCollection

    padded = np.pad(inside, 1)
    segments: list[Any] = []
    for x, y in zip(*np.nonzero(inside), strict=True):
        sides = {
            ((x, y), (x, y + 1)): padded[x, y + 1],
            ((x + 1, y), (x + 1, y + 1)): padded[x + 2, y + 1],
            ((x, y), (x + 1, y)): padded[x + 1, y],
            ((x, y + 1), (x + 1, y + 1)): padded[x + 1, y + 2],
        }
        segments += [segment for segment, continued in sides.items() if not continued]
    for colour, thickness in (("white", 4.5), (_OUTLINE, 2.4)):
        lines = LineCollection(segments, colors=colour, linewidths=thickness, capstyle="projecting", zorder=3)
        lines.set_clip_on(False)
        axes.add_collection(lines)


def _short(value: float) -> str:
    """Two digits that matter: 0.43, 4.3, 43, 430."""
    return f"{value:.2g}" if value < 0.995 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
