"""Two distributions of degradations, axis by axis."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from degcraft.degradation import find_parameter
from degcraft.figures import style
from degcraft.matching.distribution_distance import Boxes, none_place


def draw_marginals(distributions: Mapping[str, Boxes], path: str | Path, *, title: str = "") -> None:
    """Draws the density of every axis, a panel each and the distributions over one another, and writes a PNG.

    Images without a degradation are a bar at the place of none, as high as the bin width would make their share.

    Args:
        distributions: what the legend says → the boxes, all with the same axes.
        path: the PNG file; its folder is made where it is missing.
        title: the first line above the panels.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = list(next(iter(distributions.values())).sides)
    with rc_context(style.TEXT):
        figure = Figure(figsize=(3.2 * len(names) + 0.6, 3.2), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            parameter, place = find_parameter(name), none_place(name)
            for index, (label, boxes) in enumerate(distributions.items()):
                sides, colour = boxes.sides[name], style.PALETTE[index]
                spread = sides[:, 0] < sides[:, 1]
                edges = np.unique(sides[spread])
                if len(edges) > 1:
                    below = boxes.cumulative(name, edges)[1]
                    # Per bin width, so that axes are alike.
                    density = np.diff(below) / np.diff(edges) * parameter.bin_width
                    axes.stairs(density, edges, fill=True, color=colour, alpha=0.25, linewidth=0)
                    axes.stairs(density, edges, color=colour, linewidth=1.6, label=label)
                if fixed := float(boxes.weights[~spread].sum()):
                    reach = parameter.bin_width * 0.12
                    bar = place - reach if index % 2 else place
                    axes.bar(bar, fixed, width=reach, align="edge", color=colour, label=label)
            if any((boxes.sides[name] == place).all(axis=1).any() for boxes in distributions.values()):
                axes.annotate("none", (place, 0), (0, -22), textcoords="offset points", ha="center", fontsize=8)
            axes.set_xlabel(f"{parameter.label}\n({parameter.unit})")
            axes.set_ylim(bottom=0)
            style.without_frame(axes)
        panels[0].set_ylabel("share per bin width")
        entries = [zip(*axes.get_legend_handles_labels()[::-1], strict=True) for axes in panels]
        legend = {label: drawn for each in entries for label, drawn in each}
        figure.legend(legend.values(), legend.keys(), loc="outside upper right", ncols=2, frameon=False, fontsize=8)
        if title:
            figure.suptitle(title, fontsize=10, ha="left", x=0.01)
        style.save(figure, path)
