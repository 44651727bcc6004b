"""Measures the features of every bin's crops and of the references once, and keeps them."""

from pathlib import Path

import numpy as np
import torch

from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.matching.distances import (
    BATCH,
    Progress,
    bin_features,
    check_patches,
    file_numbers,
    image_features,
)
from degcraft.matching.measurement import FORMAT, Measurement
from degcraft.matching.record import cache_key


def measure(
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    *,
    scale: int = 4,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Features of the clean crops degraded by every bin, and of the references, in this process.

    Args:
        space: The degradation space.
        hr: Clean patches, `scale` times the size of the references; at least 4.
        references: Patches of the real low-resolution images; at least 4.
        extractor: Which features.
        scale: Downsampling factor.
        seed: Of the degradations.
        device: Where to degrade and extract.
        batch: Images the extractor sees at once.
        cache: A folder in which the same measurement is looked for first, and kept.
        progress: Told after each bin.

    Raises:
        DegcraftError: sizes that do not fit, fewer than 4 patches, or what degrading and extracting refuse.
    """
    check_patches(hr, references, scale)
    if min(len(hr), len(references)) < 4:
        raise DegcraftError(
            f"measuring needs at least 4 patches of either side, but got {len(hr)} of clean images "
            f"and {len(references)} of references"
        )
    key = cache_key(
        space=space, scale=scale, seed=seed, hr_hash=hr.content_hash, reference_hash=references.content_hash,
        extractor_identity=f"{FORMAT} {extractor.identity}",
    )  # fmt: skip
    kept = None if cache is None else cache / f"{key}.npz"
    if kept is not None and kept.exists():
        try:
            return Measurement.load(kept)
        except DegcraftError:
            pass  # damaged, or of another version: measured anew, and replaced
    crops = hr.images().to(device)
    features = []
    for index in range(space.n_bins):
        found = bin_features(space, index, crops, extractor, scale=scale, seed=seed, device=device, batch=batch)
        features.append(found.astype(np.float16))
        if progress is not None:
            progress(index + 1, space.n_bins)
    measured = Measurement(
        space=space,
        features=np.stack(features),
        references=image_features(references.pixels, extractor, device=device, batch=batch).astype(np.float16),
        hr_groups=file_numbers(hr),
        reference_groups=file_numbers(references),
        extractor=extractor.name,
        layer=extractor.layer,
        extractor_identity=extractor.identity,
        seed=seed,
        scale=scale,
        hr_hash=hr.content_hash,
        reference_hash=references.content_hash,
    )
    if kept is not None:
        measured.save(kept)
    return measured
