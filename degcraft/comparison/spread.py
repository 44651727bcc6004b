"""How far a distance scatters from draw to draw, against the number of images (Figure 3c of arXiv 2305.18107)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.comparison.choices import Choice
from degcraft.comparison.compare import Progress
from degcraft.degradation import Box, BoxSource, DegradationSource, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import HrPool
from degcraft.matching import frechet_distance, image_features
from degcraft.randomness import generator_of

COUNTS = (10, 20, 50, 100, 150, 200)
DRAWS = 25

_DEGRADED_AT_ONCE = 25


def measure_spread(
    space: DegradationSpace,
    hr: HrPool,
    clean: HrPool,
    box: Box,
    extractors: Mapping[Choice, FeatureExtractor],
    *,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
    size: int = 72,
    scale: int = 4,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[Choice, NDArray[np.float64]]:
    """The distance (eq. 3) of one known setting to the bin that holds most of it, measured over and over.

    Every draw takes new crops at random places of both pools and new degradations; its distance of n images is that
    of its first n. Crops of two draws may overlap, so with few source images the spread is a lower bound.

    Args:
        space: The degradation space.
        hr: Clean images that the bin degrades.
        clean: Other clean images, that the setting degrades into references.
        box: The setting.
        extractors: Which features.
        counts: Numbers of images on either side, each at least 2.
        draws: How often to measure.
        size: Side of the references in pixels; the crops are `scale` times as large.
        scale: Downsampling factor.
        seed: Of everything drawn.
        device: Where to degrade and extract.
        progress: Told after each draw.

    Returns:
        Choice → (counts, draws) distances.

    Raises:
        DegcraftError: a count below 2, no draws, or what the pools, degrading, extracting or the distance refuse.
    """
    if not counts or min(counts) < 2 or draws < 1:
        raise DegcraftError(
            f"a spread needs counts of at least 2 images and at least 1 draw, but got {list(counts)} and {draws}"
        )
    bin_source = BoxSource(space.bounds(int(space.overlap(box).argmax())))
    sides: tuple[tuple[HrPool, DegradationSource], ...] = ((hr, bin_source), (clean, BoxSource(box)))
    distances = {choice: np.empty((len(counts), draws)) for choice in extractors}
    for draw in range(draws):
        generator = generator_of(f"degcraft spread {seed} {draw}")
        images = [_draw_images(pool, source, max(counts), size, scale, generator, device) for pool, source in sides]
        for choice, extractor in extractors.items():
            for place, n in enumerate(counts):
                features, target = (image_features(each[:n], extractor, device=device) for each in images)
                distances[choice][place, draw] = frechet_distance(features, target)
        if progress is not None:
            progress(draw + 1, draws)
    return distances


def _draw_images(
    pool: HrPool,
    source: DegradationSource,
    count: int,
    size: int,
    scale: int,
    generator: torch.Generator,
    device: str,
) -> Tensor:
    """(count, 3, size, size) degraded crops, made a few at a time: the crops are `scale²` times as large."""
    parts = []
    for start in range(0, count, _DEGRADED_AT_ONCE):
        crops = pool.crop_batch(min(_DEGRADED_AT_ONCE, count - start), size * scale, generator)
        parts.append(source.degrade(crops.to(device), scale, generator)[0])
    return torch.cat(parts)
