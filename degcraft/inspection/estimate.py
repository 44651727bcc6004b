"""Blur, noise and JPEG quality of each image, read off the patches that tell most of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.errors import DegcraftError
from degcraft.images import ImageError, Skipped, read_rgb8
from degcraft.images.folder import in_threads
from degcraft.inspection.calibration import TRUST, Trust
from degcraft.inspection.distribution import AxisEstimate, Probabilities, pool, read_estimate
from degcraft.inspection.evidence import SIDE, choose_patches

if TYPE_CHECKING:
    from degcraft.features import DegNet

PATCHES = 12
"""Patches looked at in an image that has so many."""
THUMBNAIL = 128
_AT_ONCE = 16
"""Images held decoded between two runs of the network."""


@dataclass(frozen=True, eq=False)
class ImageEstimate:
    """What one image carries."""

    path: Path
    width: int
    height: int
    axes: dict[str, AxisEstimate]
    """Of the axes of `TRUST`: what images are compared by."""
    probabilities: dict[str, Probabilities]
    """(cells,) per axis, summing to 1."""
    patches: int
    """How many patches it was read from."""
    closeup: NDArray[np.uint8]
    """(h, w, 3) the patch with the best evidence, its own pixels."""
    thumbnail: NDArray[np.uint8]
    """(h, w, 3) the whole image, sides at most `THUMBNAIL`."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What a set of images carries, and which could not be read."""

    images: tuple[ImageEstimate, ...]
    skipped: tuple[Skipped, ...]
    grids: dict[str, NDArray[np.float64]]
    """(cells,) per axis: the values that the cells of `probabilities` stand for."""

    def check(self, what: str = "image", field: str = "") -> None:
        """Refuses an inspection that saw nothing.

        Raises:
            DegcraftError: There is no image; it says why of the first.
        """
        if not self.images:
            first, count = self.skipped[0], f"{len(self.skipped)} {what}{'s' * (len(self.skipped) != 1)}"
            raise DegcraftError(f"{field}none of {count} could be used; the first: {first.path}: {first.reason}")


def inspect_files(
    files: Sequence[Path],
    network: DegNet,
    *,
    trust: Mapping[str, Trust] = TRUST,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Estimate the degradation of every file; nothing is resized.

    Up to `PATCHES` patches of `SIDE` pixels are cut from each image on the grid of its JPEG blocks. The network gives
    a distribution for each, and these are pooled into one per axis (`pool`), sharpened by no more than measurement
    allows (`TRUST`); on an axis of which that was not measured, their mean stands.

    Args:
        files: images, read as `degcraft.images.read_image` reads them (with 8 bits).
        network: on `device`.
        trust: what the patches of an image are worth together, per axis.
        device: where the network runs.
        progress: called with the number of files done and of all.

    Returns:
        The estimates in the order of the files. Files that cannot be read, have a side under
        `network.minimum_side` or show one flat colour are among `skipped`.
    """
    grids = {axis: grid.double().numpy() for axis, grid in network.grids.items()}
    images: list[ImageEstimate] = []
    skipped: list[Skipped] = []
    for start in range(0, len(files), _AT_ONCE):
        chunk = files[start : start + _AT_ONCE]
        looked = in_threads(lambda path: _look(path, network.minimum_side), chunk)
        seen = [one for one in looked if isinstance(one, _Seen)]
        skipped += [one for one in looked if isinstance(one, Skipped)]
        posteriors = patch_posteriors(network, [one.patches for one in seen], device)
        images += [_estimate(one, each, grids, trust) for one, each in zip(seen, posteriors, strict=True)]
        if progress is not None:
            progress(min(start + _AT_ONCE, len(files)), len(files))
    return Inspection(tuple(images), tuple(skipped), grids)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of a decoded image."""

    path: Path
    width: int
    height: int
    patches: NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]


def _look(path: Path, least: int) -> _Seen | Skipped:
    try:
        image = read_rgb8(path)
    except ImageError as error:
        return Skipped(path, error.reason)
    height, width = image.shape[1:]
    if min(height, width) < least:
        return Skipped(path, f"{width}x{height} pixels, smaller than {least}")
    if (image == image[:, :1, :1]).all():
        return Skipped(path, "one flat colour, on which nothing can be seen")
    share = min(1.0, THUMBNAIL / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    thumbnail = cv2.resize(image.transpose(1, 2, 0), size, interpolation=cv2.INTER_AREA)
    patches = choose_patches(image, PATCHES)
    return _Seen(path, width, height, patches, np.asarray(thumbnail, dtype=np.uint8))


def patch_posteriors(
    network: DegNet, patches: Sequence[NDArray[np.uint8]], device: torch.device | str
) -> list[dict[str, NDArray[np.float32]]]:
    """What the network believes of each patch; patches of one size go through it together.

    Args:
        network: on `device`.
        patches: per image, (k, 3, h, w).
        device: where the network runs.

    Returns:
        per image and axis (k, cells).
    """
    by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, stack in enumerate(patches):
        by_size[stack.shape[1:]].append(index)
    results: list[dict[str, NDArray[np.float32]]] = [{} for _ in patches]
    for indices in by_size.values():
        pixels = torch.from_numpy(np.concatenate([patches[index] for index in indices]))
        found = network.posteriors(pixels.to(device).float().div_(255))
        lengths = [len(patches[index]) for index in indices]
        for axis, values in found.items():
            for index, part in zip(indices, values.cpu().split(lengths), strict=True):
                results[index][axis] = part.numpy()
    return results


def _estimate(
    seen: _Seen,
    posteriors: dict[str, NDArray[np.float32]],
    grids: dict[str, NDArray[np.float64]],
    trust: Mapping[str, Trust],
) -> ImageEstimate:
    count, _, height, width = seen.patches.shape
    # A patch with half the pixels is half a patch of evidence.
    worth = height * width / SIDE**2
    pooled = {
        axis: pool(found, trust[axis].of(count) * worth) if axis in trust else found.mean(axis=0, dtype=np.float64)
        for axis, found in posteriors.items()
    }
    return ImageEstimate(
        path=seen.path,
        width=seen.width,
        height=seen.height,
        axes={axis: read_estimate(pooled[axis], grids[axis]) for axis in pooled if axis in trust},
        probabilities=pooled,
        patches=count,
        closeup=np.ascontiguousarray(seen.patches[0].transpose(1, 2, 0)),
        thumbnail=seen.thumbnail,
    )


def pooled_axes(inspection: Inspection, members: tuple[int, ...]) -> dict[str, AxisEstimate]:
    """What an image drawn from these carries: the mean of their distributions, read off."""
    compared = inspection.images[0].axes
    return {axis: read_estimate(pooled(inspection, members, axis), inspection.grids[axis]) for axis in compared}


def pooled(inspection: Inspection, members: tuple[int, ...], axis: str) -> Probabilities:
    """(cells,) the mean of the distributions of these on an axis."""
    return np.asarray(np.mean([inspection.images[index].probabilities[axis] for index in members], axis=0))
