"""Images beside each other, pixel for pixel."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.figures import style

_MARGIN, _GAP, _LINE = 16, 8, 20


def draw_contact_sheet(
    rows: Sequence[tuple[str, Sequence[Tensor]]],
    path: str | Path,
    column_titles: Sequence[str],
    *,
    max_side: int = 384,
) -> None:
    """Draws rows of images with a caption each, and writes a PNG.

    Within a row every image is enlarged by repeating pixels to the height of the largest, so that LR, SR and HR of
    one scene lie over each other. Nothing is smoothed. Where the largest is longer than `max_side`, all images of
    the row show the same part of their middle. Rows that would make a tall column stand in several beside each other.

    Args:
        rows: (caption, images), images (3,h,w) float in [0,1] on any device; a row may have fewer than the others.
        path: the PNG file; its folder is made where it is missing.
        column_titles: one heading per column.
        max_side: longest side of a picture in pixels of the sheet.

    Raises:
        DegcraftError: no row, a row with more images than titles, or an image of another shape.
    """
    if not rows:
        raise DegcraftError("a contact sheet needs at least one row, but got none")
    pictures = []
    for caption, images in rows:
        if len(images) > len(column_titles):
            raise DegcraftError(
                f"row {caption!r} must not have more images than the {len(column_titles)} titles, but has {len(images)}"
            )
        for image in images:
            if image.ndim != 3 or image.shape[0] != 3:
                raise DegcraftError(f"row {caption!r}: images must be (3,h,w), but got {tuple(image.shape)}")
        pictures.append(_same_size(images, max_side))

    font, bold = style.typeface("DejaVuSans.ttf", 13), style.typeface("DejaVuSans-Bold.ttf", 13)
    # A title is broken rather than its column widened, so that the pictures stay close to each other.
    widths = [
        max(
            [row[column].width for row in pictures if column < len(row)]
            + [math.ceil(bold.getlength(word)) for word in title.split()],
            default=0,
        )
        for column, title in enumerate(column_titles)
    ]
    titles = [style.wrapped(title, bold, width) for title, width in zip(column_titles, widths, strict=True)]
    head = max(map(len, titles), default=1)
    needed = sum(widths) + _GAP * (len(widths) - 1)
    inner = max(needed, 240)
    captions = [style.wrapped(caption, font, inner) for caption, _ in rows]
    heights = [
        max((picture.height for picture in row), default=0) + _LINE * len(lines) + _GAP
        for row, lines in zip(pictures, captions, strict=True)
    ]
    blocks = _blocks(heights, inner + _MARGIN)
    tall = max(sum(heights[row] for row in block) for block in blocks)
    size = ((inner + _MARGIN) * len(blocks) + _MARGIN, tall + _LINE * head + 2 * _MARGIN)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for place, block in enumerate(blocks):
        first, top = _MARGIN + (inner + _MARGIN) * place, _MARGIN + _LINE * head
        lefts = [first + sum(widths[:column]) + _GAP * column for column in range(len(widths))]
        for left, lines in zip(lefts, titles, strict=True):
            for number, line in enumerate(lines, head - len(lines)):
                pen.text((left, _MARGIN - 4 + _LINE * number), line, fill=style.INK, font=bold)
        for row in block:
            for number, line in enumerate(captions[row]):
                pen.text((first, top + _LINE * number), line, fill="#555555", font=font)
            for left, picture in zip(lefts, pictures[row], strict=False):
                sheet.paste(picture, (left, top + _LINE * len(captions[row])))
            top += heights[row]
    style.save_atomically(path, lambda file: sheet.save(file, "PNG"))


def _blocks(heights: Sequence[int], width: int) -> list[list[int]]:
    """Rows beside each other in as few blocks as make the sheet no more than half as tall again as wide."""
    for count in range(1, len(heights) + 1):
        each = math.ceil(len(heights) / count)
        blocks = [list(range(start, min(start + each, len(heights)))) for start in range(0, len(heights), each)]
        if max(sum(heights[row] for row in block) for block in blocks) <= 1.5 * width * len(blocks):
            break
    return blocks


def _same_size(images: Sequence[Tensor], max_side: int) -> list[Image.Image]:
    """8-bit pictures of one height, cut to the same part of the middle where they are too large."""
    if not images:
        return []
    tallest = max(images, key=lambda image: image.shape[1])
    share = min(1.0, max_side / max(tallest.shape[1:]))
    target = round(tallest.shape[1] * share)
    pictures = []
    for image in images:
        height, width = image.shape[1:]
        high, wide = max(1, round(height * share)), max(1, round(width * share))
        top, left = (height - high) // 2, (width - wide) // 2
        part = image[:, top : top + high, left : left + wide].detach().to("cpu", torch.float32)
        pixels = (part.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        if high != target:
            size = (max(1, round(wide * target / high)), target)
            picture = picture.resize(size, Image.Resampling.NEAREST)
        pictures.append(picture)
    return pictures
