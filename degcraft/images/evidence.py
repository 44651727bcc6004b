"""Patches on which a degradation can be seen, for both sides of a comparison alike."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch.nn.functional as F

from degcraft.errors import DegcraftError
from degcraft.images.patches import Patches, cut_patches
from degcraft.images.structured import most_structured

EVIDENT = 0.5
"""Share of the patches that is kept. Chosen on photographs a half of which had been put out of focus: with all
patches 18 to 95 % of the weight fell on the true bins of the four test settings, with the more structured half 77 to
96 %."""
FEWEST = 8
"""Patches that are kept in any case, where there are so many."""


def cut_evident(
    files: Sequence[str | Path],
    *,
    size: int,
    count: int,
    seed: int,
    on_jpeg_blocks: bool = False,
    scale: int = 1,
    evident: float = EVIDENT,
) -> Patches:
    """Cuts more patches than are wanted, and keeps those with the most structure.

    A plain sky or a background out of focus looks blurred under any degradation, and how much of it a set holds
    would be taken for a difference in blur. Dropped from references and HR crops alike, it no longer matters.

    Args:
        files: As for `cut_patches`.
        size: Side of the patches in pixels.
        count: Patches wanted; fewer come back where the images do not hold count / `evident`.
        seed: Of their places.
        on_jpeg_blocks: As for `cut_patches`.
        scale: By what the patches will be reduced before they are compared: 1 for LR references, the downsampling
            factor for HR crops. Structure is looked for at the low resolution.
        evident: Share that is kept, above 0 and at most 1; 1 keeps all, as in arXiv 2305.18107.

    Raises:
        DegcraftError: a share outside (0, 1], nothing but flat colours, or what `cut_patches` refuses.
    """
    if not 0 < evident <= 1:
        raise DegcraftError(f"the share of evident patches must lie above 0 and at most at 1, but is {evident}")
    patches = cut_patches(files, size=size, count=math.ceil(count / evident), seed=seed, on_jpeg_blocks=on_jpeg_blocks)
    if (patches.pixels == patches.pixels[..., :1, :1]).all():
        raise DegcraftError(
            f"{patches.files[0]}: images must show something to measure a degradation on, but every patch of them is "
            "of one flat colour"
        )
    kept = min(len(patches), count, max(FEWEST, math.ceil(evident * len(patches))))
    if kept == len(patches):
        return patches
    reduced = F.avg_pool2d(patches.images(), scale) if scale > 1 else patches.images()
    chosen = most_structured(reduced, kept)
    return Patches(patches.pixels[chosen], tuple(patches.files[i] for i in chosen.nonzero().flatten().tolist()))
