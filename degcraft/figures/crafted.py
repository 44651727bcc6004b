"""A crafted distribution, by the picture that its space can have."""

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Box, CraftedDistribution
from degcraft.figures import style
from degcraft.figures.weight_map import draw_weight_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PAIRS = 4
"""Pairs of axes that are shown, those that depend most on each other."""
_ACROSS = 4


def draw_crafted(crafted: CraftedDistribution, path: str | Path, *, title: str = "", truth: Box | None = None) -> None:
    """Draws the weight map of a space of up to four axes whose bins are few, and else its axes; writes a PNG.

    Args:
        crafted: What to draw.
        path: The PNG file; its folder is made where it is missing.
        title: The first line.
        truth: A known distribution, to be outlined in a weight map.
    """
    space = crafted.space
    if space.is_sampled or len(space.axes) > _ACROSS:
        _draw_axes(crafted, path, title)
        return
    own = crafted.blocks is None
    draw_weight_map(
        space,
        crafted.parts.spread(crafted.weights),
        path,
        title=title,
        true_weights=None if truth is None else space.overlap(truth),
        distances=crafted.distances,
        low=crafted.low if own else None,
        high=crafted.high if own else None,
    )


def _draw_axes(crafted: CraftedDistribution, path: str | Path, title: str) -> None:
    """A panel for each axis with the share of each of its cells, and for the pairs that depend most on each other."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    axes, parts = crafted.space.axes, crafted.parts
    joint = {pair: parts.marginal(crafted.weights, *pair) for pair in combinations(range(len(axes)), 2)}
    pairs = sorted(
        (pair for pair in joint if _dependence(joint[pair]) > 0.01), key=lambda pair: -_dependence(joint[pair])
    )
    rows = -(-len(axes) // _ACROSS)
    with rc_context(style.TEXT):
        figure = Figure(figsize=(3.1 * _ACROSS, 2.5 * rows + (3.4 if pairs else 0) + 0.8), layout="constrained")
        note = f"{crafted.effective_bins:,.0f} effective bins of {crafted.space.n_bins:,}"
        figure.suptitle(f"{title}\n{note}" if title else note, fontsize=10.5, linespacing=1.5)
        upper: Any = figure
        lower: Any = None
        if pairs:
            split: Any = figure.subfigures(2, 1, height_ratios=(2.5 * rows, 3.4))
            upper, lower = split
        panels = upper.subplots(rows, _ACROSS, squeeze=False).ravel()
        for place, panel in enumerate(panels):
            if place >= len(axes):
                panel.axis("off")
                continue
            share, axis = parts.marginal(crafted.weights, place), axes[place]
            panel.bar(range(len(share)), 100 * share, width=0.92, color=style.PALETTE[0], alpha=0.75)
            panel.axhline(100 / len(share), color=style.INK, linewidth=0.8, linestyle=":")
            _name_cells(panel, place, crafted)
            panel.set_title(axis.parameter.label, fontsize=9.5, loc="left")
            panel.set_xlabel(axis.parameter.unit, fontsize=8)
            if place % _ACROSS == 0:
                panel.set_ylabel("weight, % (dotted: uniform)", fontsize=8)
            style.without_frame(panel)
        for panel, pair in zip(
            lower.subplots(1, MOST_PAIRS) if lower else (), [*pairs, *[None] * MOST_PAIRS], strict=False
        ):
            if pair is None:
                panel.axis("off")
                continue
            panel.pcolormesh(100 * joint[pair].T, cmap="YlGnBu", vmin=0)
            for place, upright in zip(pair, (False, True), strict=True):
                _name_cells(panel, place, crafted, middle=0.5, upright=upright)
            panel.set_xlabel(axes[pair[0]].parameter.label, fontsize=9)
            panel.set_ylabel(axes[pair[1]].parameter.label, fontsize=9)
            panel.spines[:].set_visible(False)
        style.save(figure, path)


def _name_cells(
    panel: "Axes", place: int, crafted: CraftedDistribution, *, middle: float = 0.0, upright: bool = False
) -> None:
    """Ticks at every cell, or at every second where there are many: the lower end, or `none`, or the choice."""
    axis = crafted.space.axes[place]
    count = len(axis.cells)
    shown = [cell for cell in range(count) if count <= 6 or cell % 2 == 0 or cell == axis.none_cell]
    words = [axis.words(cell).replace(" to ", "–") for cell in shown]
    set_ticks = panel.set_yticks if upright else panel.set_xticks
    set_ticks([cell + middle for cell in shown], words)
    panel.tick_params(length=0, labelsize=7)


def _dependence(joint: NDArray[np.float64]) -> float:
    """Mutual information of two axes, in nats."""
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    held = joint > 0
    return float((joint[held] * np.log(joint[held] / apart[held])).sum())
