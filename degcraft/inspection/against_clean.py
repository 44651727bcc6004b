"""How blurred a pile is against clean images: only they tell blur from content that is soft by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from degcraft.cache import cache_folder
from degcraft.degradation import Axis, DegradationSpace
from degcraft.images import Patches, cut_structured
from degcraft.inspection.clean import CleanSide
from degcraft.inspection.distribution import COVERAGE, AxisEstimate
from degcraft.inspection.suggest import suggest_axes
from degcraft.matching import make_weighting, measure

if TYPE_CHECKING:
    import torch

    from degcraft.features import FeatureExtractor
    from degcraft.inspection.estimate import ImageEstimate
    from degcraft.inspection.pile import Pile

COUNT, SIZE, SCALE = 100, 72, 4
"""Patches of either side, their side at low resolution, and what blur is counted at, as everywhere in an inspection."""
STEP, LEAST, BINS, OTHER_BINS = 0.25, 2.0, 16, 3
"""Of the axis of blur, px: a bin's width, its least end; and how many bins it and other axes have at most."""
DRAWS = 100
CONTENT = 0.17
"""Standard deviation, px, by which one collection of sharp photographs is softer than another: CID22's photographs seem
by 0.22 px more blurred against Kodak's than they are, Kodak's by 0.07 less against CID22's
(tests/benchmarks/benchmark_inspect.py --hr, 14 piles each)."""


def blur_against(
    clean: CleanSide,
    pile: Pile,
    extractor: FeatureExtractor,
    *,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> AxisEstimate:
    """The mean blur of the main source: that of its weights (`confusion`) over fine bins of blur.

    Args:
        clean: The clean images.
        pile: Its other axes have the bins that hold it.
        extractor: degnet, on `device`.
        device: Where to degrade and extract.
        progress: Called with the number of bins measured and of all.

    Returns:
        The mean, in pixels of an image four times as large; its interval is that of other files, and of other content.

    Raises:
        DegcraftError: a side that has no patch of the size.
    """
    top = max(LEAST, math.ceil(pile.axes["blur_sigma"].high))
    blur = Axis("blur_sigma", 0.0, top, min(BINS, round(top / STEP)))
    others = [axis for axis in map(Axis.parse, suggest_axes(pile, SCALE, most=OTHER_BINS)) if axis.name != blur.name]
    measured = measure(
        DegradationSpace((blur, *others)),
        _patches(clean.inspection.images, SIZE * SCALE, scale=SCALE),
        _patches([pile.inspection.images[index] for index in pile.main], SIZE, on_jpeg_blocks=True),
        extractor, scale=SCALE, device=device, cache=cache_folder("measurements"), progress=progress,
    )  # fmt: skip
    method = make_weighting(measured, "confusion")
    weights = np.vstack([method.weights(), method.draws(DRAWS, 0)])
    # The axis of blur is the first, so its bins lie farthest apart.
    mean, *drawn = weights.reshape(len(weights), blur.bins, -1).sum(axis=2) @ np.mean(blur.cells, axis=1)
    doubt = norm.ppf((1 + COVERAGE) / 2) * math.hypot(float(np.std(drawn)), CONTENT)
    return AxisEstimate(float(mean), max(0.0, float(mean) - doubt), float(mean) + doubt)


def _patches(images: Sequence[ImageEstimate], size: int, *, scale: int = 1, on_jpeg_blocks: bool = False) -> Patches:
    large = [one.path for one in images if min(one.width, one.height) >= size]
    # Where none is, the smallness of the first is what is said.
    return cut_structured(
        large or [images[0].path], size=size, count=COUNT, seed=0, scale=scale, on_jpeg_blocks=on_jpeg_blocks
    )
