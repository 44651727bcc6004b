"""Two distributions of degradations, axis by axis."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from degcraft.degradation import find_parameter
from degcraft.figures import style
from degcraft.matching.distribution_distance import Boxes, none_place


def draw_marginals(distributions: Mapping[str, Boxes], path: str | Path, *, title: str = "") -> None:
    """Draws the density of every axis, a panel each and the distributions over one another, and writes a PNG.

    Heights are shares per bin of the paper's width, so that axes are alike; images without a degradation are a bar at
    the place of none, as high as their share.

    Args:
        distributions: what the legend says → the boxes, all with the same axes.
        path: the PNG file; its folder is made where it is missing.
        title: the first line above the panels.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    names = list(next(iter(distributions.values())).sides)
    with rc_context(style.TEXT):
        figure = Figure(figsize=(3.2 * len(names) + 0.6, 3.2), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            parameter, place = find_parameter(name), none_place(name)
            bars: list[tuple[float, float]] = []
            for index, boxes in enumerate(distributions.values()):
                sides, colour = boxes.sides[name], style.PALETTE[index]
                spread = sides[:, 0] < sides[:, 1]
                edges = np.unique(sides[spread])
                if len(edges) > 1:
                    below = boxes.cumulative(name, edges)[1]
                    density = np.diff(below) / np.diff(edges) * parameter.bin_width
                    axes.stairs(density, edges, fill=True, color=colour, alpha=0.25, linewidth=0)
                    axes.stairs(density, edges, color=colour, linewidth=1.6)
                if fixed := float(boxes.weights[~spread].sum()):
                    reach = parameter.bin_width * 0.12
                    bar = place - reach if index % 2 else place
                    axes.bar(bar, fixed, width=reach, align="edge", color=colour)
                    bars.append((bar + reach / 2, fixed))
            if any((boxes.sides[name] == place).all(axis=1).any() for boxes in distributions.values()):
                over = float(np.mean([middle for middle, _ in bars])), max(top for _, top in bars)
                axes.annotate("none", over, (0, 2), textcoords="offset points", ha="center", fontsize=8)
            axes.set_ylabel(f"share per width of {parameter.bin_width:g}")
            axes.set_xlabel(f"{parameter.label}\n({parameter.unit})")
            axes.set_ylim(bottom=0)
            style.without_frame(axes)
        legend = [Patch(color=colour, label=label) for label, colour in zip(distributions, style.PALETTE, strict=False)]
        figure.legend(handles=legend, loc="outside upper right", ncols=2, frameon=False, fontsize=8)
        if title:
            figure.suptitle(title, fontsize=10, ha="left", x=0.01)
        style.save(figure, path)
