"""The score against the knobs of the weightings: the paper's Figure 5 has alpha's."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from degcraft.errors import DegcraftError
from degcraft.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = ((1, 1.5), (5, 2), (5, 1.5, 1, 1.5), (9, 2))
"""Of the lines of what the trials are compared with, so that they are told apart without colour."""


def draw_scores(
    points: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    metric: str,
    lines: Mapping[str, float] | None = None,
    higher_is_better: bool | None = None,
    joined: bool = True,
) -> None:
    """Draws the score of every trial over the knob of its weighting, and writes a PNG.

    A panel per knob, narrow where only one value of it was tried, with a line per extractor. Knobs lie on a
    logarithmic axis; where a 0 occurs, the axis is linear below the smallest positive value.

    Args:
        points: mappings with "extractor" (str), "knob" (str: what the panel is called), "value" (float >= 0) and
            "score" (float). Points whose score is None or not finite are left out, and how many is written into the
            figure.
        path: the PNG file; its folder is made where it is missing.
        metric: what the score is, as the label of the vertical axis.
        lines: what the trials are compared with, name → score: a horizontal line each.
        higher_is_better: which way is up; then the best point is marked. None marks none.
        joined: whether a line runs through an extractor's points; not where they differ in more than the knob.

    Raises:
        DegcraftError: a value that is negative or not finite.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    for point in points:
        if not (math.isfinite(point["value"]) and point["value"] >= 0):
            raise DegcraftError(f"{point['knob']} must be finite and at least 0, but got {point['value']}")
    scored = [point for point in points if point["score"] is not None and math.isfinite(point["score"])]
    knobs = sorted({point["knob"] for point in points}) or [""]
    names = sorted({point["extractor"] for point in scored})
    best = None
    if scored and higher_is_better is not None:
        best = (max if higher_is_better else min)(scored, key=lambda point: point["score"])

    with rc_context(style.TEXT):
        tried = [{point["value"] for point in scored if point["knob"] == knob} for knob in knobs]
        widths = [3.8 if len(values) > 1 or len(knobs) == 1 else 1.5 for values in tried]
        figure = Figure(figsize=(2.6 + sum(widths), 4.0), layout="constrained")
        panels = figure.subplots(1, len(knobs), sharey=True, squeeze=False, width_ratios=widths)[0]
        for axes, knob in zip(panels, knobs, strict=True):
            here = [point for point in scored if point["knob"] == knob]
            _points_of_extractors(axes, here, names, "-" if joined else "none")
            for (name, value), dashes in zip((lines or {}).items(), cycle(_DASHES), strict=False):
                if math.isfinite(value):
                    axes.axhline(value, color=style.INK, linewidth=1.2, dashes=dashes, label=f"{name} {value:#.4g}")
            if best is not None and best["knob"] == knob:
                label = f"best {best['score']:#.4g} ({knob} {best['value']:.3g})"
                look = {"marker": "o", "markersize": 13, "fillstyle": "none", "linestyle": "none", "zorder": 4}
                axes.plot(best["value"], best["score"], color=style.INK, label=label, **look)
            _scale(axes, [point["value"] for point in here])
            axes.set_xlabel(knob)
            axes.margins(y=0.12)
            axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
            axes.set_axisbelow(True)
            axes.tick_params(which="both", color=style.FAINT)
            style.without_frame(axes)
        panels[0].set_ylabel(metric)
        entries = {
            label: drawn for axes in panels for drawn, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if entries:
            figure.legend(entries.values(), entries.keys(), loc="outside right upper", frameon=False, fontsize=8)
        if len(scored) < len(points):
            figure.text(0.01, 0.01, f"{len(points) - len(scored)} without a score", fontsize=7, color=style.FAINT)
        style.save(figure, path)


def _points_of_extractors(axes: "Axes", points: Sequence[Mapping[str, Any]], names: Sequence[str], line: str) -> None:
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        groups[point["extractor"]].append((point["value"], point["score"]))
    for index, name in enumerate(names):
        if name in groups:
            values, scores = zip(*sorted(groups[name]), strict=True)
            colour = style.PALETTE[index % len(style.PALETTE)]
            marker = style.MARKERS[index % len(style.MARKERS)]
            axes.plot(
                values,
                scores,
                color=colour,
                marker=marker,
                markersize=5.5,
                linestyle=line,
                linewidth=1.6,
                label=name,
                zorder=3,
            )


def _scale(axes: Any, values: Sequence[float]) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 around the values, and a straight piece down to any 0."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    positive = [value for value in values if value > 0]
    if not positive:
        axes.set_xlim(-1, 1)
        return
    low, high = min(positive), max(positive)
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = np.array([low]) if low == high else np.outer(decades, (1, 2, 5)).ravel()
    last = ticks[ticks >= high * (1 - 1e-9)].min()
    if len(positive) < len(values):
        axes.set_xscale("symlog", linthresh=low, linscale=0.4)
        axes.set_xlim(-low * 0.15, max(high * 1.4, last))
        axes.set_xticks([0, *ticks[(low <= ticks) & (ticks <= last)]])
    else:
        first = ticks[ticks <= low * (1 + 1e-9)].max()
        axes.set_xscale("log")
        axes.set_xlim(min(low / 1.4, first), max(high * 1.4, last))
        axes.set_xticks(ticks[(first <= ticks) & (ticks <= last)])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
