"""Patches on which a degradation can be seen, for both sides of a comparison alike."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch.nn.functional as F

from degcraft.cache import cache_folder
from degcraft.errors import DegcraftError
from degcraft.images.folder import scan_folder
from degcraft.images.patches import Patches, cut_patches
from degcraft.images.reducing import reduced_files
from degcraft.images.remote import Side, local_folder
from degcraft.images.structured import most_structured

STRUCTURED = 0.5
"""Share of the patches that is kept. Chosen on photographs a half of which had been put out of focus: with all
patches 18 to 95 % of the weight fell on the true bins of the four test settings, with the more structured half 77 to
96 %."""
FEWEST = 8
"""Patches that are kept in any case, where there are so many."""


def cut_structured(
    files: Sequence[str | Path],
    *,
    size: int,
    count: int,
    seed: int,
    on_jpeg_blocks: bool = False,
    scale: int = 1,
    structured: float = STRUCTURED,
) -> Patches:
    """Cuts more patches than are wanted, and keeps those with the most structure.

    A plain sky or a background out of focus looks blurred under any degradation, and how much of it a set holds
    would be taken for a difference in blur. Dropped from references and HR crops alike, it no longer matters.

    Args:
        files: As for `cut_patches`.
        size: Side of the patches in pixels.
        count: Patches wanted; fewer come back where the images do not hold count / `structured`.
        seed: Of their places.
        on_jpeg_blocks: As for `cut_patches`.
        scale: By what the patches will be reduced before they are compared: 1 for LR references, the downsampling
            factor for HR crops. Structure is looked for at the low resolution.
        structured: Share that is kept, above 0 and at most 1; 1 keeps all, as in arXiv 2305.18107.

    Raises:
        DegcraftError: a share outside (0, 1], nothing but flat colours, or what `cut_patches` refuses.
    """
    if not 0 < structured <= 1:
        raise DegcraftError(f"the share of structured patches must lie above 0 and at most at 1, but is {structured}")
    patches = cut_patches(
        files, size=size, count=math.ceil(count / structured), seed=seed, on_jpeg_blocks=on_jpeg_blocks
    )
    if (patches.pixels == patches.pixels[..., :1, :1]).all():
        raise DegcraftError(
            f"{patches.files[0]}: images must show something to measure a degradation on, but every patch of them is "
            "of one flat colour"
        )
    kept = min(len(patches), count, max(FEWEST, math.ceil(structured * len(patches))))
    if kept == len(patches):
        return patches
    reduced = F.avg_pool2d(patches.images(), scale) if scale > 1 else patches.images()
    chosen = most_structured(reduced, kept)
    return Patches(patches.pixels[chosen], tuple(patches.files[i] for i in chosen.nonzero().flatten().tolist()))


def patches_of(
    location: str | Path,
    field: str,
    *,
    size: int,
    count: int,
    seed: int,
    clean_at: int | None = None,
    reduce: int = 1,
    structured: float = STRUCTURED,
    say: Callable[[str], None] | None = None,
) -> Patches:
    """The patches of one side of a comparison, from where its images lie.

    Args:
        location: A folder, its URI, or a video; of a folder of pairs the side that is compared.
        field: What it is called where it is spoken of, such as references.
        size: Side in pixels of a patch at low resolution.
        count: Patches wanted.
        seed: Of their places.
        clean_at: For clean images the downsampling factor: their patches are that much larger. None for references.
        reduce: By how much the images are made smaller first, 1 to 8.
        structured: As for `cut_structured`.
        say: Told what was read, and what was skipped.

    Raises:
        DegcraftError: nothing usable there, or what `cut_structured` refuses.
    """
    scale = clean_at or 1
    side: Side = "lr" if clean_at is None else "hr"
    folder = scan_folder(local_folder(location, side=side), min_side=size * scale * reduce)
    patches = cut_structured(
        reduced_files(folder.files, reduce, cache_folder("reduced")),
        size=size * scale, count=count, seed=seed, on_jpeg_blocks=clean_at is None, scale=scale, structured=structured,
    )  # fmt: skip
    if say is not None:
        say(f"{field}: {folder.summary()}; {len(patches)} patches of {size * scale}x{size * scale}")
    return patches
