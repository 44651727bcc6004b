"""The score against alpha: the paper's Figure 5."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.figures import style

_DASHES = ((1, 1.5), (5, 2), (5, 1.5, 1, 1.5), (9, 2))
"""Of the lines of what the trials are compared with, so that they are told apart without colour."""


def draw_score_against_alpha(
    points: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    metric: str,
    lines: Mapping[str, float] | None = None,
    higher_is_better: bool | None = None,
) -> None:
    """Draws the score of every trial over its alpha, a line per extractor, and writes a PNG.

    Alpha lies on a logarithmic axis; where an alpha of 0 (uniform weights) occurs, the axis is linear below the
    smallest positive one.

    Args:
        points: mappings with "extractor" (str), "alpha" (float >= 0) and "score" (float). Points whose score is None
            or not finite are left out, and how many is written into the figure.
        path: the PNG file; its folder is made where it is missing.
        metric: what the score is, as the label of the vertical axis.
        lines: what the trials are compared with, name → score: a horizontal line each.
        higher_is_better: which way is up; then the best point is marked. None marks none.

    Raises:
        DegcraftError: an alpha that is negative or not finite.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    for point in points:
        if not (math.isfinite(point["alpha"]) and point["alpha"] >= 0):
            raise DegcraftError(f"alpha must be finite and at least 0, but got {point['alpha']}")
    scored = [point for point in points if point["score"] is not None and math.isfinite(point["score"])]
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in scored:
        groups[point["extractor"]].append((point["alpha"], point["score"]))

    with rc_context(style.TEXT):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        for index, name in enumerate(sorted(groups)):
            alphas, scores = zip(*sorted(groups[name]), strict=True)
            axes.plot(
                alphas,
                scores,
                color=style.PALETTE[index % len(style.PALETTE)],
                marker=style.MARKERS[index % len(style.MARKERS)],
                markersize=5.5,
                linewidth=1.6,
                label=name,
                zorder=3,
            )
        for (name, value), dashes in zip((lines or {}).items(), cycle(_DASHES), strict=False):
            if math.isfinite(value):
                axes.axhline(value, color=style.INK, linewidth=1.2, dashes=dashes, label=f"{name} {value:.4g}")
        if scored and higher_is_better is not None:
            pick = max if higher_is_better else min
            best = pick(scored, key=lambda point: point["score"])
            axes.plot(
                best["alpha"],
                best["score"],
                marker="o",
                markersize=13,
                fillstyle="none",
                color=style.INK,
                linestyle="none",
                label=f"best {best['score']:.4g} (alpha {best['alpha']:.3g})",
                zorder=4,
            )
        _scale(axes, [point["alpha"] for point in scored])
        axes.set_xlabel("alpha")
        axes.set_ylabel(metric)
        axes.margins(y=0.12)
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(which="both", color=style.FAINT)
        style.without_frame(axes)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        if len(scored) < len(points):
            figure.text(0.01, 0.01, f"{len(points) - len(scored)} without a score", fontsize=7, color=style.FAINT)
        style.save(figure, path)


def _scale(axes: Any, alphas: Sequence[float]) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, and a straight piece down to 0 where 0 occurs."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    positive = [alpha for alpha in alphas if alpha > 0]
    if not positive:
        axes.set_xlim(-1, 1)
        return
    low, high = min(positive), max(positive)
    if len(positive) < len(alphas):
        axes.set_xscale("symlog", linthresh=low, linscale=0.4)
        axes.set_xlim(-low * 0.15, high * 1.4)
        axes.set_xticks(
            [0, *(tick for tick in LogLocator(subs=(1, 2, 5)).tick_values(low, high) if low <= tick <= high)]
        )
    else:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.4, high * 1.4)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
