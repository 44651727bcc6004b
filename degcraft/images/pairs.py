"""LR and HR images that belong together by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.listing import list_images
from degcraft.images.names import same_name

Pixels = TypeVar("Pixels", Tensor, np.ndarray)


class PairListing(NamedTuple):
    """The pairs below a folder with `lr/` and `hr/`, unopened."""

    files: list[tuple[Path, Path]]
    """(lr, hr)."""
    left_out: list[str]
    """What beside them is not used, as clauses."""


def list_pairs(folder: str | Path) -> PairListing:
    """The files of a folder with `lr/` and `hr/`, matched by their path without suffix; none is opened.

    Raises:
        DegcraftError: a sub-folder is missing or empty, two files of one share a name, or a file has no partner.
    """
    root = Path(folder).expanduser()
    for side in ("lr", "hr"):
        if not (root / side).is_dir():
            raise DegcraftError(f"{root}: a folder of pairs must have the sub-folders lr and hr, but has no {side}")
    listings = {side: list_images(root / side) for side in ("lr", "hr")}
    low, high = (files_by_name(listing.images, root / side) for side, listing in listings.items())
    for side, names, other, others in (("lr", low, "hr", high), ("hr", high, "lr", low)):
        alone = [names[name] for name in names if name not in others]
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise DegcraftError(
                f"{alone[0]}{more}: every image in {side} must have one of the same name in {other}, but has none"
            )
    if not low:
        raise DegcraftError(f"{root}: a folder of pairs must have at least one pair, but has no images")
    left_out = [f"{side}: {clause}" for side, listing in listings.items() for clause in listing.left_out()]
    return PairListing([(low[name], high[name]) for name in low], left_out)


def crop_to_scale(lr: Pixels, hr: Pixels, scale: int) -> Pixels | None:
    """HR without the rows and columns at its end that the scale did not divide, fewer than `scale` of each.

    A photograph of 127 rows makes an LR image of 31 at x4, by reducing the 124 that 4 divides.

    Args:
        lr: (..., h, w).
        hr: (..., H, W).
        scale: the factor between them.

    Returns:
        (..., h · scale, w · scale), `hr` itself where nothing is cut; None where the two do not fit at this scale.
    """
    (low_height, low_width), (height, width) = lr.shape[-2:], hr.shape[-2:]
    if scale < 1 or (height // scale, width // scale) != (low_height, low_width):
        return None
    if (height % scale, width % scale) == (0, 0):
        return hr
    return hr[..., : low_height * scale, : low_width * scale]


def files_by_name(images: Sequence[Path], folder: Path) -> dict[str, Path]:
    """The images below a folder by their path without suffix, in the one form of `same_name`; none is opened.

    Raises:
        DegcraftError: two files share a name.
    """
    named: dict[str, Path] = {}
    for path in images:
        name = same_name(path.relative_to(folder).with_suffix("").as_posix())
        if name in named:
            raise DegcraftError(f"{path}: names without suffix must be unique, but {named[name].name} has the same")
        named[name] = path
    return named
