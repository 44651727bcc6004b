"""Measures the distance of every bin to the reference images, in groups of bins that may run anywhere.

A bin's images are the same HR crops in every bin, degraded with a generator that is seeded from (seed, bin)
alone, so that a bin's numbers do not depend on which process measured it, or after which other bin.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation import DegradationSpace, degrade
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.matching.frechet import frechet_distance
from degcraft.matching.intervals import Groups, resample_interval
from degcraft.matching.record import BinDistances

Group = dict[str, NDArray[np.generic]]
"""Bins measured together: `bin` (k,) int64, and `distance`, `low`, `high`, `excess` (k,) float64."""

Progress = Callable[[int, int], None]
"""Told (bins done, bins in all) after each bin."""

BATCH = 25
"""Images per pass: what a CPU core's cache likes."""

# Also how many images share one draw of the noise, so it must not follow the batch of the extractor.
_DEGRADED_AT_ONCE = 25


def image_features(
    images: Tensor, extractor: FeatureExtractor, *, device: str | torch.device = "cpu", batch: int = BATCH
) -> NDArray[np.float32]:
    """Features of many images, a batch at a time.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1].
        extractor: Which features.
        device: Where the images are put before the extractor sees them.
        batch: Images at once.

    Returns:
        (n, c).

    Raises:
        DegcraftError: what the extractor refuses.
    """
    parts = [extractor(_as_float(part.to(device))).cpu() for part in images.split(batch)]
    return torch.cat(parts).numpy()


def bin_generator(seed: int, index: int) -> torch.Generator:
    """The CPU generator of one bin, seeded from (seed, bin) alone."""
    digest = hashlib.sha256(f"degcraft bin {seed} {index}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little"))


def degrade_bin(
    space: DegradationSpace,
    index: int,
    hr: Tensor,
    *,
    scale: int,
    seed: int,
    device: str | torch.device = "cpu",
) -> Iterable[Tensor]:
    """The HR crops degraded by draws from one bin, in order, a few at a time.

    Args:
        space: The degradation space.
        index: Number of the bin, row-major.
        hr: (n, 3, H, W), uint8 or float in [0, 1]; H and W multiples of `scale`.
        scale: Downsampling factor.
        seed: With the bin it decides the parameters and the noise.
        device: Where to compute; the draws are the same on every one.

    Yields:
        (k, 3, H/scale, W/scale) float32 in [0, 1] on `device`.
    """
    generator = bin_generator(seed, index)
    for part in hr.split(_DEGRADED_AT_ONCE):
        degradation = space.sample_bin(index, len(part), generator)
        yield degrade(_as_float(part.to(device)), degradation.to(device), scale, generator)


def bin_features(
    space: DegradationSpace,
    bin_index: int,
    hr: Tensor,
    extractor: FeatureExtractor,
    *,
    scale: int,
    seed: int,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
) -> NDArray[np.float32]:
    """Features of the HR crops after degradation by one bin.

    Args and errors are those of `degrade_bin` and `image_features`.

    Returns:
        (n, c).
    """
    lr = torch.cat(list(degrade_bin(space, bin_index, hr, scale=scale, seed=seed, device=device)))
    return image_features(lr, extractor, device=device, batch=batch)


def measure_group(
    space: DegradationSpace,
    bin_indices: Sequence[int],
    hr: Tensor,
    reference_features: NDArray[np.floating],
    extractor: FeatureExtractor,
    *,
    scale: int = 4,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
    groups: Groups | None = None,
    reference_groups: Groups | None = None,
    progress: Progress | None = None,
) -> Group:
    """Distances and intervals of some bins; the work of one shard.

    Holds the crops as float32 and one bin's images at a time. Any partition of the bins into groups gives the same
    numbers.

    Args:
        space: The degradation space.
        bin_indices: Which bins, row-major.
        hr: (n, 3, H, W) HR crops, the same for all bins; n at least 4.
        reference_features: (m, c) from `image_features` of the reference patches; m at least 4.
        extractor: Which features.
        scale: Downsampling factor.
        seed: Of the degradations and of the resampling.
        device: Where to degrade and extract; the distances are computed on the CPU.
        batch: Images the extractor sees at once.
        groups: (n,) `file_numbers` of the crops: the intervals are wider where several are of one file.
        reference_groups: (m,) the same of the reference patches.
        progress: Told after each bin.

    Raises:
        DegcraftError: a bin that does not exist, or what degrading, extracting or the distance refuse.
    """
    # Once for all bins: converting them is half as much work as degrading them.
    hr = _as_float(hr.to(device))
    rows = []
    for done, index in enumerate(bin_indices, start=1):
        features = bin_features(space, index, hr, extractor, scale=scale, seed=seed, device=device, batch=batch)
        distance = frechet_distance(features, reference_features)
        interval = resample_interval(
            features, reference_features, distance=distance, seed=seed, groups=groups, reference_groups=reference_groups
        )
        rows.append((distance, interval.low, interval.high, interval.excess))
        if progress is not None:
            progress(done, len(bin_indices))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return {
        "bin": np.asarray(bin_indices, dtype=np.int64),
        "distance": columns[:, 0],
        "low": columns[:, 1],
        "high": columns[:, 2],
        "excess": columns[:, 3],
    }


def join_groups(
    groups: Iterable[Group],
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    *,
    scale: int = 4,
    seed: int = 0,
) -> BinDistances:
    """Puts the groups that `measure_group` gave, in any order, together with what they were measured from.

    Raises:
        DegcraftError: a bin is missing or was measured twice.
    """
    parts = list(groups)
    bins = np.concatenate([part["bin"] for part in parts]) if parts else np.empty(0, dtype=np.int64)
    if not np.array_equal(np.sort(bins), np.arange(space.n_bins)):
        raise DegcraftError(
            f"groups must hold each of the {space.n_bins} bins once, "
            f"but hold {len(bins)}, {len(set(bins.tolist()))} of them different"
        )
    order = np.argsort(bins)

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([part[name] for part in parts]).astype(np.float64)[order]

    return BinDistances(
        distances=column("distance"),
        low=column("low"),
        high=column("high"),
        excess=column("excess"),
        extractor=extractor.name,
        layer=extractor.layer,
        extractor_identity=extractor.identity,
        n=len(hr.pixels),
        m=len(references.pixels),
        seed=seed,
        scale=scale,
        space=space.to_list(),
        hr_hash=hr.content_hash,
        reference_hash=references.content_hash,
    )


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


def measure_distances(
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    *,
    scale: int = 4,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
    progress: Progress | None = None,
) -> BinDistances:
    """Fréchet distance of every bin to the reference images (eq. 3), in this process.

    Args:
        space: The degradation space.
        hr: Clean patches, `scale` times the size of the references; at least 4.
        references: Patches of the real low-resolution images; at least 4.
        extractor: Which features.
        scale: Downsampling factor.
        seed: Of the degradations and of the resampling.
        device: Where to degrade and extract.
        batch: Images the extractor sees at once.
        progress: Told after each bin.

    Raises:
        DegcraftError: sizes that do not fit, or what `measure_group` refuses.
    """
    check_patches(hr, references, scale)
    reference_features = image_features(references.pixels, extractor, device=device, batch=batch)
    group = measure_group(
        space,
        range(space.n_bins),
        hr.pixels,
        reference_features,
        extractor,
        scale=scale,
        seed=seed,
        device=device,
        batch=batch,
        groups=file_numbers(hr),
        reference_groups=file_numbers(references),
        progress=progress,
    )
    return join_groups([group], space, hr, references, extractor, scale=scale, seed=seed)


def _as_float(images: Tensor) -> Tensor:
    return images.float().div_(255) if images.dtype == torch.uint8 else images
