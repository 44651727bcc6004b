"""Extractors side by side: weight maps beside the truth, and the spread of their distances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degcraft.degradation.space import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRUE = "#D55E00"
_MAPS_ACROSS = 5
_INCHES_PER_BIN = 0.125
_LEAST_WIDTH = 7.6
"""Inches that the line on how to read the maps needs."""
_PANELS_ACROSS = 4


def draw_weight_maps(
    space: DegradationSpace,
    truths: Mapping[str, ArrayLike],
    weights: Mapping[str, Mapping[str, ArrayLike]],
    path: str | Path,
    *,
    title: str = "",
) -> None:
    """Draws the weights of every extractor beside the truth (Figure 4 of arXiv 2305.18107) and writes a PNG.

    A row per setting, a column per extractor; where there are more than five extractors, the others follow below,
    beside the truth again. In a map the first axis runs to the right, the second upwards, and the third and fourth
    repeat that as blocks to the right and upwards. All maps share one colour scale, which grows with the square root
    of the weight so that small ones show. The true bins are framed; above a map stand the share of the weight on them
    and the total variation.

    Args:
        space: one to four axes.
        truths: name of the setting → (n_bins,) the known distribution.
        weights: name of the extractor → name of the setting → (n_bins,) weights.
        path: the PNG file; its folder is made where it is missing.
        title: the first line.

    Raises:
        DegcraftError: no setting, no extractor, more than four axes, or vectors that do not fit the space.
    """
    from matplotlib import colormaps, rc_context
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    if not truths or not weights:
        raise DegcraftError(f"weight maps need a setting and an extractor, but got {len(truths)} and {len(weights)}")
    if len(space.axes) > 4:
        raise DegcraftError(f"weight maps show one to four axes, but got {len(space.axes)}")
    true = {setting: space.check_weights(vector) for setting, vector in truths.items()}
    given = {name: {setting: space.check_weights(own[setting]) for setting in true} for name, own in weights.items()}
    names = list(given)
    bands = [["truth", *names[start : start + _MAPS_ACROSS]] for start in range(0, len(names), _MAPS_ACROSS)]
    largest = max(float(vector.max()) for own in (true, *given.values()) for vector in own.values())
    norm, cmap = PowerNorm(0.5, 0, 100 * largest), colormaps["YlGnBu"]

    lines, across = _mosaic(space, np.zeros(space.n_bins)).shape
    rows, columns = len(bands) * len(true), len(bands[0])
    size = (
        max(columns * (across * _INCHES_PER_BIN + 0.2) + 1.0, _LEAST_WIDTH),
        rows * (lines * _INCHES_PER_BIN + 0.3) + len(bands) * 0.25 + 0.7,
    )
    with rc_context(style.TEXT):
        figure = Figure(figsize=size, layout="constrained")
        note = _how_to_read(space)
        figure.suptitle(f"{title}\n{note}" if title else note, fontsize=9, linespacing=1.6)
        grid = figure.subplots(rows, columns, squeeze=False)
        for row, axes_of_row in enumerate(grid):
            band, setting = bands[row // len(true)], list(true)[row % len(true)]
            for column, axes in enumerate(axes_of_row):
                axes.axis("off")
                if column >= len(band):
                    continue
                name = band[column]
                vector = true[setting] if column == 0 else given[name][setting]
                cells = np.ma.masked_invalid(_mosaic(space, 100 * vector))
                axes.pcolormesh(cells, cmap=cmap, norm=norm, edgecolors="#e4e4e4", linewidth=0.4)
                axes.set_aspect("equal")
                _frame(axes, _mosaic(space, true[setting]) > 0)
                heading = setting if column == 0 else _agreement(vector, true[setting])
                axes.set_title(f"{name}\n{heading}" if row % len(true) == 0 else heading, fontsize=7.5)
        bar = figure.colorbar(ScalarMappable(norm, cmap), ax=grid, shrink=0.6, pad=0.01, aspect=30)
        bar.set_label("weight, %")
        bar.outline.set_visible(False)
        style.save(figure, path)


def _mosaic(space: DegradationSpace, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(lines, columns), lowest line first: the blocks of the third and fourth axis, NaN in the gaps between them."""
    columns, lines, across, down = (*space.shape, 1, 1, 1)[:4]
    mosaic = np.full((down * (lines + 1) - 1, across * (columns + 1) - 1), np.nan)
    for (column, line, right, up), value in np.ndenumerate(values.reshape(columns, lines, across, down)):
        mosaic[up * (lines + 1) + line, right * (columns + 1) + column] = value
    return mosaic


def _frame(axes: "Axes", inside: NDArray[np.bool_]) -> None:
    """A frame around each marked cell of a mosaic."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    cells = [Rectangle((column, line), 1, 1) for line, column in zip(*np.nonzero(inside), strict=True)]
    axes.add_collection(PatchCollection(cells, facecolor="none", edgecolor=_TRUE, linewidth=1.0, zorder=3))


def _agreement(weights: NDArray[np.float64], truth: NDArray[np.float64]) -> str:
    on_true, variation = weights[truth > 0].sum(), np.abs(weights - truth).sum() / 2
    return f"{100 * on_true:.0f} % on true bins, TV {variation:.2f}"


def _how_to_read(space: DegradationSpace) -> str:
    """One line: which axis runs where."""
    ways = ("to the right", "upwards", "in blocks to the right", "in blocks upwards")
    parts = []
    for axis, way in zip(space.axes, ways, strict=False):
        held = ", ".join(axis.choices) if axis.choices else f"{axis.low:g} to {axis.high:g}"
        parts.append(f"{axis.parameter.label} {held} {way}")
    return "; ".join(parts) + "; true bins framed"


def draw_spread(
    counts: Sequence[int],
    distances: Mapping[str, ArrayLike],
    path: str | Path,
    *,
    title: str = "",
) -> None:
    """Draws how a distance scatters against the number of images (Figure 3c of arXiv 2305.18107) and writes a PNG.

    A panel per extractor: every draw a dot, their mean a line, one standard deviation to either side a band. The
    unit is the extractor's own mean at the most images, since a Fréchet distance has no scale. Above each panel
    stands the standard deviation there, in percent of the mean.

    Args:
        counts: (K,) numbers of images, rising.
        distances: name of the extractor → (K, draws).
        path: the PNG file; its folder is made where it is missing.
        title: the first line.

    Raises:
        DegcraftError: no extractor, or distances that do not fit the counts.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if not distances:
        raise DegcraftError("a spread needs at least one extractor, but got none")
    values = {name: np.asarray(own, dtype=np.float64) for name, own in distances.items()}
    for name, own in values.items():
        if own.ndim != 2 or len(own) != len(counts) or not own.size or not np.isfinite(own).all():
            raise DegcraftError(
                f"{name}: distances must be ({len(counts)}, draws) and finite, but have the shape {own.shape}"
            )
    across = min(_PANELS_ACROSS, len(values))
    down = -(-len(values) // across)
    with rc_context(style.TEXT):
        figure = Figure(figsize=(max(2.5 * across, 4.0) + 0.6, 2.2 * down + 0.7), layout="constrained")
        figure.suptitle(title, fontsize=10)
        grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for place, axes in enumerate(grid.ravel()):
            if place >= len(values):
                axes.set_visible(False)
                continue
            name = list(values)[place]
            colour = style.PALETTE[place % len(style.PALETTE)]
            last = values[name][-1]
            relative = values[name] / (last.mean() or 1.0)
            mean, deviation = relative.mean(axis=1), relative.std(axis=1, ddof=relative.shape[1] > 1)
            axes.plot(counts, relative, ".", color=colour, alpha=0.35, markersize=3.5, markeredgewidth=0)
            axes.fill_between(counts, mean - deviation, mean + deviation, color=colour, alpha=0.2, linewidth=0)
            axes.plot(counts, mean, color=colour, linewidth=1.6)
            axes.set_title(f"{name}\n± {100 * deviation[-1]:.0f} % at {counts[-1]}", fontsize=8.5)
            axes.set_ylim(bottom=0)
            axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
            axes.set_axisbelow(True)
            style.without_frame(axes)
        for axes in grid[:, 0]:
            axes.set_ylabel("relative distance")
        for axes in grid[-1]:
            axes.set_xlabel("images on either side")
        style.save(figure, path)
