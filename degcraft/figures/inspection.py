"""A pile of inspected images at a glance: pictures, their estimates with intervals, and who stands apart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from degcraft.degradation import find_parameter
from degcraft.features import cell_borders
from degcraft.figures import style
from degcraft.inspection.pile import Pile
from degcraft.inspection.words import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 24
"""Images drawn one by one; of a larger pile all that stand apart and a choice of the others."""

_ROW, _STRIP, _HEAD, _FOOT = 0.46, 0.95, 0.85, 0.75
_WIDTH = 11.0
_NONE = 116.0
"""Where an image without compression is drawn on the axis of qualities."""
_BARS = 30
"""Of the distribution that the main source has on an axis."""
_LEGEND = (
    "Each image as a whole, the patch of it that tells most, its estimate (point) and the 90 % interval of it (line). "
    "Behind them the pile's middle and 90 % range;\non top what is believed of the pile, and a mark at every image's "
    "estimate. px: pixels of an image four times as large, noise of 255, quality as libjpeg counts it."
)
_OUTLIER = style.PALETTE[1]
_MAIN = style.PALETTE[0]
_SOURCES = (style.PALETTE[2], style.PALETTE[3], style.PALETTE[4], style.PALETTE[5])


def draw_inspection(pile: Pile, path: str | Path, *, title: str = "") -> None:
    """Draws an inspection and writes a PNG.

    A line per image holds the whole picture, its most telling patch magnified, and per axis the estimate with its 90 %
    interval; a band shows the range of the main source. Above, all images of the pile, and what the main source
    carries as a distribution. Other sources and outliers have colours of their own and say what is different.

    Args:
        pile: what to draw; of more than `ROWS` images, those that stand apart first and then an even choice of the
            others by their blur.
        path: the PNG file; its folder is made where it is missing.
        title: the first line.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = _rows(pile)
    colours, notes = _groups(pile)
    height = _HEAD + _STRIP + len(rows) * _ROW + _FOOT
    with rc_context(style.TEXT):
        figure = Figure(figsize=(_WIDTH, height))
        count = len(pile.inspection.images)
        figure.text(0.16 / _WIDTH, 1 - 0.18 / height, title, fontsize=12, fontweight="bold", va="top")
        share = f"{len(pile.main)} of " if len(pile.main) < count else ""
        said = f"{share}{count} image{'s' * (count != 1)}: {sentence(pile.axes | pile.besides)}"
        if len(rows) < count:
            said += f"   ·   {len(rows)} of them shown"
        figure.text(0.16 / _WIDTH, 1 - 0.47 / height, said, fontsize=9.5, va="top")
        grid = figure.add_gridspec(
            2, 4, width_ratios=(3.3, 2.4, 2.4, 2.4), height_ratios=(_STRIP, len(rows) * _ROW), wspace=0.1, hspace=0.0,
            left=0.16 / _WIDTH, right=1 - 0.2 / _WIDTH, top=1 - _HEAD / height, bottom=_FOOT / height,
        )  # fmt: skip
        _draw_pictures(figure.add_subplot(grid[1, 0]), pile, rows, colours, notes)
        for column, axis in enumerate(pile.axes, start=1):
            limits = _limits(pile, axis)
            strip = figure.add_subplot(grid[0, column])
            _draw_strip(strip, pile, axis, colours, limits)
            _draw_estimates(figure.add_subplot(grid[1, column]), pile, axis, rows, colours, limits)
        figure.text(0.16 / _WIDTH, 0.12 / height, _LEGEND, fontsize=7.5, color=style.FAINT, linespacing=1.4)
        style.save(figure, path)


def _rows(pile: Pile) -> list[int]:
    """The images to draw, from the sharpest of the main source down to the outliers."""
    images = pile.inspection.images
    apart = [index for each in pile.sources for index in each.members[: ROWS // 4]]
    apart += [each.members[0] for each in pile.outliers]
    apart = apart[: ROWS - min(len(pile.main), ROWS // 2)]
    main = sorted(pile.main, key=lambda index: images[index].axes["blur_sigma"].value)
    room = ROWS - len(apart)
    if len(main) > room:
        main = [main[place] for place in np.linspace(0, len(main) - 1, room).round().astype(int)]
    return main + apart


def _groups(pile: Pile) -> tuple[dict[int, str], dict[int, str]]:
    """Colour and note of every image."""
    colours = dict.fromkeys(pile.main, _MAIN)
    notes: dict[int, str] = {}
    for number, source in enumerate(pile.sources):
        colours |= dict.fromkeys(source.members, _SOURCES[number % len(_SOURCES)])
        notes |= dict.fromkeys(source.members, f"source {number + 2}: {source.headline}")
    for each in pile.outliers:
        colours |= dict.fromkeys(each.members, _OUTLIER)
        notes |= dict.fromkeys(each.members, each.headline)
    return colours, notes


def _draw_pictures(axes: Axes, pile: Pile, rows: list[int], colours: dict[int, str], notes: dict[int, str]) -> None:
    """Per row the whole picture, the magnified patch and the name, in units of a row's height."""
    wide = axes.get_position().width * _WIDTH / _ROW
    for row, index in enumerate(rows):
        image = pile.inspection.images[index]
        for left, picture, drawing in ((0.0, image.thumbnail, "antialiased"), (1.0, image.closeup, "nearest")):
            height, width = (0.92 * side / max(picture.shape[:2]) for side in picture.shape[:2])
            x, y = left + 0.46 - width / 2, row + 0.5 - height / 2
            axes.imshow(picture, extent=(x, x + width, y + height, y), interpolation=drawing, zorder=2)
        note = notes.get(index, "")
        axes.text(
            2.1, row + (0.3 if note else 0.5), _short(image.path.name, 30), va="center", fontsize=8,
            color=colours[index] if note else style.INK,
        )  # fmt: skip
        if note:
            axes.text(2.1, row + 0.68, _short(note, 40), va="center", fontsize=6.8, color=colours[index])
    axes.set(xlim=(0, wide), ylim=(len(rows), 0), aspect="auto")
    axes.axis("off")


def _draw_strip(axes: Axes, pile: Pile, axis: str, colours: dict[int, str], limits: tuple[float, float]) -> None:
    """The distribution of the main source, and a mark per image below it."""
    images, grid = pile.inspection.images, pile.inspection.grids[axis]
    mean = np.mean([images[index].probabilities[axis] for index in pile.main], axis=0)
    finite = np.isfinite(grid)
    edges = cell_borders(grid)
    # Cells differ in width, so their probabilities are shared out to bars of one width.
    borders = np.linspace(edges[0], max(limits[1], edges[1]), _BARS + 1)
    below = np.interp(borders, edges, np.concatenate([[0.0], np.cumsum(mean[finite])]))
    axes.stairs(np.diff(below), borders, fill=True, color=_MAIN, alpha=0.3, linewidth=0)
    if not finite.all():
        width = borders[1] - borders[0]
        axes.bar(_NONE, mean[~finite].sum(), width=width, color=_MAIN, alpha=0.3, linewidth=0)
    top = max(axes.dataLim.y1, 1e-6)
    for colour in dict.fromkeys(colours.values()):
        places = [_place(images[index].axes[axis].value) for index in colours if colours[index] == colour]
        level = np.full(len(places), -0.13 * top)
        axes.plot(places, level, "|", markersize=7, color=colour, alpha=0.8, clip_on=False)
    axes.set(xlim=limits, ylim=(-0.28 * top, 1.08 * top), xticks=[], yticks=[])
    axes.set_title(find_parameter(axis).heading, fontsize=9.5, loc="left")
    axes.spines[:].set_visible(False)


def _draw_estimates(
    axes: Axes, pile: Pile, axis: str, rows: list[int], colours: dict[int, str], limits: tuple[float, float]
) -> None:
    """A point with its interval per row, over the range of the main source."""
    usual = pile.axes[axis]
    axes.axvspan(_place(usual.low), _place(usual.high), color=_MAIN, alpha=0.08, linewidth=0)
    axes.axvline(_place(usual.value), color=_MAIN, alpha=0.5, linewidth=1)
    for row, index in enumerate(rows):
        one = pile.inspection.images[index].axes[axis]
        ends = (_place(one.low), _place(one.high))
        axes.plot(ends, (row + 0.5, row + 0.5), color=colours[index], linewidth=1.6, alpha=0.55, solid_capstyle="butt")
        axes.plot(_place(one.value), row + 0.5, marker="o", markersize=5, color=colours[index], clip_on=False)
    axes.set(xlim=limits, ylim=(len(rows), 0), yticks=[])
    if not find_parameter(axis).mild_is_low:
        ticks = [tick for tick in range(0, 101, 20) if tick >= limits[0]]
        axes.set_xticks([*ticks, _NONE], [*map(str, ticks), "none"])
    axes.hlines(range(len(rows) + 1), *limits, color="#eeeeee", linewidth=0.7, zorder=0)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _limits(pile: Pile, axis: str) -> tuple[float, float]:
    """Range of an axis: from its first cell to the end of what the pile holds."""
    ends = [_place(each) for image in pile.inspection.images for each in (image.axes[axis].low, image.axes[axis].high)]
    known = find_parameter(axis)
    if not known.mild_is_low:
        return min(*ends, 60.0) - 4, _NONE + 4
    high = max(*ends, 3 * known.bin_width if known.bin_width < 10 else known.bin_width)
    return -0.03 * high, 1.05 * high


def _place(value: float) -> float:
    return _NONE if math.isinf(value) else value


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[-(length - length // 2) :]}"
