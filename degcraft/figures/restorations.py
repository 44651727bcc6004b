"""What restored images look like: enlarged crops beside each other, where they differ most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.figures import style
from degcraft.images.pixels import to_uint8
from degcraft.metrics.signal_to_noise import psnr

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

TRUTH = "HR"
"""Title of the last column."""

_MARGIN, _GAP, _LINE = 16, 8, 19
_TITLE_LINES = 3
"""Of a title at most; what is longer is cut."""
_FRAME = "#D55E00"
_GREY = "#555555"


@dataclass(frozen=True)
class RestoredImage:
    """One held-out image as every column shows it."""

    name: str
    images: Sequence[Tensor]
    """One per column, (3, H, W) with values in [0, 1]; the first is usually the LR image, enlarged by bicubic."""
    truth: Tensor | None = None
    """Its ground truth (3, H, W), as it was scored against; None where there is none."""
    border: int = 0
    """Pixels at every side that were not scored: no crop reaches into them."""


def draw_restorations(
    rows: Sequence[RestoredImage],
    path: str | Path,
    columns: Sequence[str],
    *,
    focus: int = -1,
    side: int = 160,
    enlarge: int = 2,
) -> None:
    """Draws a line per image, of one crop in every column and in the ground truth, and writes a PNG.

    The crop is where the first column and the column `focus` differ most, on average over the crop: in their error
    against the truth, for better or worse, or in their values where there is no truth. Single pixels that stick out
    count no more than the 99th percentile. Pixels are repeated and never smoothed. Under a crop stand its PSNR (RGB)
    and, in parentheses, that of the whole image; at the left the whole image, as `focus` restored it, with the crop's
    frame.

    Args:
        rows: the images, from top to bottom.
        path: the PNG file; its folder is made where it is missing.
        columns: a title for each image of a row; the ground truth follows as `HR` where a row has one.
        focus: the column that is compared with the first.
        side: side of a crop in HR pixels; less where the image is smaller.
        enlarge: pixels of the picture per HR pixel.

    Raises:
        DegcraftError: no row, fewer than two columns, a `focus` that is no column or the first, a side or enlargement
            below 1, or images that do not fit the columns or each other.
    """
    if not rows:
        raise DegcraftError("a picture of restorations needs at least one image, but got none")
    if len(columns) < 2:
        raise DegcraftError(f"a picture of restorations needs at least two columns, but got {len(columns)}")
    if not -len(columns) <= focus < len(columns) or focus % len(columns) == 0:
        raise DegcraftError(f"focus must be one of the columns 1 to {len(columns) - 1}, but is {focus}")
    if side < 1 or enlarge < 1:
        raise DegcraftError(f"side and enlargement of a crop must be at least 1, but are {side} and {enlarge}")
    for row in rows:
        _check(row, len(columns))

    # No wider than what stands in it.
    cell = min(side, max(max(row.images[0].shape[1:]) for row in rows)) * enlarge
    titles = [*columns, TRUTH] if any(row.truth is not None for row in rows) else list(columns)
    font, bold = style.typeface("DejaVuSans.ttf", 13), style.typeface("DejaVuSans-Bold.ttf", 13)
    lefts = [_MARGIN + (cell + _GAP) * index for index in range(len(titles) + 1)]
    of_whole = [_shortened(text, bold, cell) for text in ("whole image", columns[focus])]
    heads = [of_whole, *(_title(title, bold, cell) for title in titles)]
    head = max(map(len, heads))
    places = [differing_crop(row.images[0], row.images[focus], row.truth, side=side, border=row.border) for row in rows]
    wholes = [_whole(row.images[focus], place, cell) for row, place in zip(rows, places, strict=True)]
    # No line is higher than what stands in it, as wide images are not.
    heights = [
        max(whole.height, (place[0].stop - place[0].start) * enlarge) + 2 * _LINE + _GAP
        for whole, place in zip(wholes, places, strict=True)
    ]
    sheet = Image.new("RGB", (lefts[-1] + cell + _MARGIN, 2 * _MARGIN + _LINE * head + sum(heights)), "white")
    pen = ImageDraw.Draw(sheet)
    for left, lines in zip(lefts, heads, strict=True):
        for number, line in enumerate(lines, head - len(lines)):
            pen.text((left, _MARGIN - 4 + _LINE * number), line, fill=style.INK, font=bold)
    bottom = _MARGIN + _LINE * head
    for row, place, whole, height in zip(rows, places, wholes, heights, strict=True):
        top, bottom = bottom, bottom + height
        sheet.paste(whole, (lefts[0], top))
        pen.text((lefts[0], top + whole.height + 2), _shortened(row.name, font, cell), fill=_GREY, font=font)
        shown = list(row.images) if row.truth is None else [*row.images, row.truth]
        for left, image in zip(lefts[1:], shown, strict=False):
            sheet.paste(_enlarged(image[:, place[0], place[1]], enlarge), (left, top))
        if row.truth is not None:
            under = top + (place[0].stop - place[0].start) * enlarge + 2
            for left, image in zip(lefts[1:], row.images, strict=False):
                pen.text((left, under), _quality(image, row, place), fill=_GREY, font=font)
    style.save_atomically(path, lambda file: sheet.save(file, "PNG"))


def differing_crop(
    first: Tensor, second: Tensor, truth: Tensor | None, *, side: int, border: int = 0
) -> tuple[slice, slice]:
    """Rows and columns of the square in which two restorations differ most, the first such from the top left.

    Args:
        first: (3, H, W) with values in [0, 1].
        second: the same shape.
        truth: the same shape: what differs is the error; None: the values.
        side: of the square, in pixels; less where the image is smaller.
        border: pixels at every side that are left out as far as the square leaves room.
    """
    a, b = _pixels(first), _pixels(second)
    if truth is None:
        difference = np.abs(a - b).mean(axis=0)
    else:
        exact = _pixels(truth)
        difference = (np.abs(a - exact) - np.abs(b - exact)).mean(axis=0)
    limit = float(np.quantile(np.abs(difference), 0.99))
    difference = difference.clip(-limit, limit)
    rows, columns = (_allowed(length, side, border) for length in difference.shape)
    sums = cv2.integral(difference)
    high, wide = (min(side, length) for length in difference.shape)
    total = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    allowed = np.round(np.abs(total[rows, columns]), 9)
    top, left = np.unravel_index(int(allowed.argmax()), allowed.shape)
    top, left = int(top) + rows.start, int(left) + columns.start
    return slice(top, top + high), slice(left, left + wide)


def _allowed(length: int, side: int, border: int) -> slice:
    """Where a crop may begin."""
    places = max(0, length - side)
    kept = min(border, places // 2)
    return slice(kept, places - kept + 1)


def _check(row: RestoredImage, columns: int) -> None:
    if len(row.images) != columns:
        raise DegcraftError(f"{row.name}: needs an image for each of the {columns} columns, but has {len(row.images)}")
    images = list(row.images) if row.truth is None else [*row.images, row.truth]
    for image in images:
        if image.shape != images[0].shape or image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise DegcraftError(
                f"{row.name}: images must be (3, H, W) and of the same size, but are "
                f"{tuple(images[0].shape)} and {tuple(image.shape)}"
            )


def _pixels(image: Tensor) -> NDArray[np.float64]:
    """As a file would hold them."""
    return to_uint8(image.detach().cpu()).numpy().astype(np.float64) / 255


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(to_uint8(image.detach().cpu()).permute(1, 2, 0).numpy()))


def _enlarged(crop: Tensor, enlarge: int) -> Image.Image:
    picture = _picture(crop)
    return picture.resize((picture.width * enlarge, picture.height * enlarge), Image.Resampling.NEAREST)


def _whole(image: Tensor, place: tuple[slice, slice], cell: int) -> Image.Image:
    """The image as large as a cell, with the frame of the crop."""
    picture = _picture(image)
    share = cell / max(picture.size)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    top, bottom, left, right = (
        round(value * share) for value in (place[0].start, place[0].stop, place[1].start, place[1].stop)
    )
    ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), outline=_FRAME, width=2)
    return picture


def _quality(image: Tensor, row: RestoredImage, place: tuple[slice, slice]) -> str:
    """PSNR of the crop and of the whole image."""
    assert row.truth is not None
    rounded = to_uint8(image.detach().cpu()).float() / 255
    truth = row.truth.detach().cpu().float()
    here = psnr(rounded[:, place[0], place[1]], truth[:, place[0], place[1]])
    whole = psnr(rounded, truth, border=row.border)
    return " ".join("exact" if math.isinf(value) else form.format(value)
                    for value, form in ((here, "{:.2f} dB"), (whole, "(image {:.2f})")))  # fmt: skip


def _title(text: str, font: FreeTypeFont, width: int) -> list[str]:
    """A title in lines of at most so many pixels, the last with what is left of it."""
    lines = style.wrapped(text, font, width)
    rest = " ".join(lines[_TITLE_LINES - 1 :])
    return [_shortened(line, font, width) for line in [*lines[: _TITLE_LINES - 1], rest] if line]


def _shortened(text: str, font: FreeTypeFont, width: int) -> str:
    """A text of at most so many pixels, its middle left out where it is longer."""
    if font.getlength(text) <= width:
        return text
    kept = len(text)
    while kept > 2:
        kept -= 1
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if font.getlength(short) <= width:
            return short
    return text[:1]
