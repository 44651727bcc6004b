"""Measures the features of every bin's crops and of the references once, in groups of bins that may run anywhere.

A bin's images are the same HR crops in every bin, degraded with a generator that is seeded from (seed, bin)
alone, so that a bin's numbers do not depend on which process measured it, or after which other bin.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.cache import read_kept
from degcraft.degradation import Degradation, DegradationSpace, degrade
from degcraft.degradation.space import PART
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.matching.extracting import BATCH, as_float, image_features
from degcraft.matching.measurement import Measurement, measurement_key
from degcraft.randomness import generator_of

Group = dict[str, NDArray[np.generic]]
"""Bins measured together: `bin` (k,) int64, `features` (k, n, c) float16, `parameters` (k, n, axes) float32."""

Progress = Callable[[int, int], None]
"""Told (bins done, bins in all) after each bin."""

FEWEST = 4
"""Patches that a measurement needs on either side."""


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
    say: Callable[[str], None] = print,
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
        say: Told in a sentence of a measurement in the cache that is damaged, and made anew, or that cannot be kept.

    Raises:
        DegcraftError: sizes that do not fit, fewer than 4 patches, or what degrading and extracting refuse.
    """
    kept = None if cache is None else cache / f"{key_of(space, hr, references, extractor, scale, seed)}.npz"
    found = None if kept is None else read_kept(Measurement.load, kept, say)
    if found is not None:
        return found
    check_patches(hr, references, scale)
    if min(len(hr), len(references)) < FEWEST:
        raise DegcraftError(
            f"measuring needs at least {FEWEST} patches of either side, but got {len(hr)} of clean images "
            f"and {len(references)} of references"
        )
    group = measure_group(
        space, range(space.groups), hr.pixels, extractor,
        scale=scale, seed=seed, device=device, batch=batch, progress=progress,
    )  # fmt: skip
    measured = join_groups(
        [group], space, hr, references, extractor, scale=scale, seed=seed, device=device, batch=batch
    )
    if kept is not None:
        try:
            measured.save(kept)
        except DegcraftError as error:
            say(f"{error}; the measurement is not kept")
    return measured


def measure_group(
    space: DegradationSpace,
    bins: Sequence[int],
    hr: Tensor,
    extractor: FeatureExtractor,
    *,
    scale: int,
    seed: int,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
    progress: Progress | None = None,
) -> Group:
    """Features of the crops degraded by some bins; the work of one shard.

    Any partition of the bins into groups gives the same numbers.

    Args:
        space: The degradation space.
        bins: Which ones, row-major.
        hr: (n, 3, H, W) HR crops, the same for all bins.
        extractor: Which features.
        scale: Downsampling factor.
        seed: Of the degradations.
        device: Where to degrade and extract.
        batch: Images the extractor sees at once.
        progress: Told after each bin.

    Raises:
        DegcraftError: a bin that does not exist, or what degrading or extracting refuse.
    """
    # Once for all bins: converting them is half as much work as degrading them.
    hr = as_float(hr.to(device))
    features = np.empty((len(bins), len(hr), extractor.dimensions), dtype=np.float16)
    parameters = np.empty((len(bins), len(hr), len(space.axes)), dtype=np.float32)
    for place, index in enumerate(bins):
        lr, drawn = degrade_bin(space, index, hr, scale=scale, seed=seed, device=device)
        features[place] = image_features(lr, extractor, device=device, batch=batch)
        parameters[place] = np.stack([drawn.parameters[axis.name].numpy() for axis in space.axes], axis=1)
        if progress is not None:
            progress(place + 1, len(bins))
    return {"bin": np.asarray(bins, dtype=np.int64), "features": features, "parameters": parameters}


def join_groups(
    groups: Iterable[Group],
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    *,
    scale: int,
    seed: int,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
) -> Measurement:
    """Puts the groups that `measure_group` gave, in any order, together with the features of the references.

    Raises:
        DegcraftError: a bin is missing or was measured twice, or what extracting refuses.
    """
    parts = list(groups)
    bins = np.concatenate([part["bin"] for part in parts]) if parts else np.empty(0, dtype=np.int64)
    if not np.array_equal(np.sort(bins), np.arange(space.groups)):
        raise DegcraftError(
            f"groups must hold each of the {space.groups} groups once, "
            f"but hold {len(bins)}, {len(set(bins.tolist()))} of them different"
        )
    order = np.argsort(bins)
    features = image_features(references.pixels, extractor, device=device, batch=batch)
    return Measurement(
        space=space,
        features=np.concatenate([part["features"] for part in parts])[order],
        parameters=np.concatenate([part["parameters"] for part in parts])[order],
        references=features.astype(np.float16),
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


def degrade_bin(
    space: DegradationSpace,
    index: int,
    hr: Tensor,
    *,
    scale: int,
    seed: int,
    device: str | torch.device = "cpu",
) -> tuple[Tensor, Degradation]:
    """The HR crops degraded by draws from one bin, in order, and what was done to each.

    Args:
        space: The degradation space.
        index: Number of the bin, row-major.
        hr: (n, 3, H, W), uint8 or float in [0, 1]; H and W multiples of `scale`.
        scale: Downsampling factor.
        seed: With the bin it decides the parameters and the noise.
        device: Where to compute; the draws are the same on every one.

    Returns:
        (n, 3, H/scale, W/scale) float32 in [0, 1] on `device`, and the degradation of each on the CPU.
    """
    generator = bin_generator(seed, index)
    images, drawn = [], []
    for part, degradation in zip(hr.split(PART), space.group(index, len(hr), seed, generator), strict=True):
        images.append(degrade(as_float(part.to(device)), degradation.to(device), scale, generator))
        drawn.append(degradation.parameters)
    return torch.cat(images), Degradation({name: torch.cat([one[name] for one in drawn]) for name in drawn[0]})


def bin_generator(seed: int, index: int) -> torch.Generator:
    """The CPU generator of one bin, seeded from (seed, bin) alone."""
    return generator_of(f"degcraft bin {seed} {index}")


def key_of(
    space: DegradationSpace, hr: Patches, references: Patches, extractor: FeatureExtractor, scale: int, seed: int
) -> str:
    """The `measurement_key` of what `measure` would measure."""
    return measurement_key(
        space=space, scale=scale, seed=seed, hr_hash=hr.content_hash, reference_hash=references.content_hash,
        extractor_identity=extractor.identity,
    )  # fmt: skip


def file_numbers(patches: Patches) -> NDArray[np.intp]:
    """(n,) number, from 0, of the file that each patch was cut from."""
    return np.unique(np.asarray(patches.files, dtype=object), return_inverse=True)[1]


def check_patches(hr: Patches, references: Patches, scale: int) -> None:
    """Both sides must show the extractor equally large images: features average over borders, too.

    Raises:
        DegcraftError: the HR patches are not `scale` times as large as the reference patches.
    """
    expected, side = scale * references.pixels.shape[-1], hr.pixels.shape[-1]
    if side != expected:
        raise DegcraftError(
            f"HR patches must have {expected} pixels a side, {scale} times those of the reference patches, "
            f"but have {side}"
        )
