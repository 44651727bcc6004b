"""Measures several extractors against references whose degradation is known (eq. 3 of arXiv 2305.18107).

Degrading the bins costs more than most extractors, so each bin is degraded once per seed and shown to all of
them, and an extractor's features of a bin are compared with the references of every setting.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.comparison.choices import Choice
from degcraft.comparison.known import known_references
from degcraft.degradation import Box, DegradationSpace
from degcraft.features import FeatureExtractor
from degcraft.images import STRUCTURED, Patches, cut_structured
from degcraft.matching import check_patches, degrade_bin, frechet_distance, image_features

Progress = Callable[[int, int], None]
"""Told (bins done, bins in all)."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """The distances that one extractor gives one setting."""

    choice: Choice
    setting: int
    seed: int
    distances: NDArray[np.float64]
    """(n_bins,)."""
    seconds: float
    """Spent on features and distances, for this setting alone: what it would take without the other extractors
    and settings, less the degrading of the bins."""


@dataclass(frozen=True, eq=False)
class SeedRun:
    """What one draw of crops and degradations gave."""

    measurements: tuple[Measurement, ...]
    """One per extractor and setting, settings fastest."""
    degrading_seconds: float
    """Spent on degrading all bins, once for all extractors."""
    hr_hash: str
    """Of the HR crops."""
    clean_hash: str
    """Of the clean crops that the references were made from."""


def compare_extractors(
    space: DegradationSpace,
    hr_files: Sequence[Path],
    clean_files: Sequence[Path],
    settings: Mapping[int, Box],
    extractors: Mapping[Choice, FeatureExtractor],
    *,
    size: int = 72,
    count: int = 100,
    structured: float = STRUCTURED,
    scale: int = 4,
    seeds: Sequence[int] = (0,),
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[SeedRun]:
    """`compare_once` for every seed, each with crops of its own cut from the files.

    Args:
        space: The degradation space.
        hr_files: Clean images that the bins degrade.
        clean_files: Other clean images, that the settings degrade into references.
        settings: Number → box of degradations.
        extractors: What to compare.
        size: Side of the references in pixels; the crops are `scale` times as large.
        count: Crops on either side; fewer where the images hold no more.
        structured: Share of the crops cut that is kept, see `cut_structured`.
        scale: Downsampling factor.
        seeds: Of the crops and of the degradations.
        device: Where to degrade and extract.
        progress: Told after each bin of each seed.

    Raises:
        DegcraftError: what `cut_structured` or `compare_once` refuse.
    """
    runs = []
    for done, seed in enumerate(seeds):
        hr, clean = (
            cut_structured(files, size=size * scale, count=count, seed=seed, scale=scale, structured=structured)
            for files in (hr_files, clean_files)
        )

        def tell(bins: int, of: int, before: int = done) -> None:
            if progress is not None:
                progress(before * of + bins, len(seeds) * of)

        runs.append(
            compare_once(space, hr, clean, settings, extractors, scale=scale, seed=seed, device=device, progress=tell)
        )
    return runs


def compare_once(
    space: DegradationSpace,
    hr: Patches,
    clean: Patches,
    settings: Mapping[int, Box],
    extractors: Mapping[Choice, FeatureExtractor],
    *,
    scale: int = 4,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> SeedRun:
    """Distances of every bin to clean crops degraded by each setting, by every extractor.

    Args:
        space: The degradation space.
        hr: Clean crops that the bins degrade.
        clean: Clean crops of other images, equally large, that the settings degrade into references.
        settings: Number → box of degradations.
        extractors: What to compare.
        scale: Downsampling factor.
        seed: Of the degradations on both sides.
        device: Where to degrade and extract.
        progress: Told after each bin.

    Raises:
        DegcraftError: sizes that do not fit, or what degrading, extracting or the distance refuse.
    """
    references = {number: known_references(clean, box, scale, seed, device=device) for number, box in settings.items()}
    for patches in references.values():
        check_patches(hr, patches, scale)
    clocks: dict[tuple[Choice, int | None], _Clock] = {}
    targets = {}
    for choice, extractor in extractors.items():
        clocks[choice, None] = _Clock(device)
        for number, patches in references.items():
            with clocks.setdefault((choice, number), _Clock(device)):
                targets[choice, number] = image_features(patches.pixels, extractor, device=device)

    distances = {key: np.empty(space.n_bins) for key in targets}
    degrading = _Clock(device)
    crops = hr.pixels.to(device).float().div_(255)
    for index in range(space.n_bins):
        with degrading:
            lr, _ = degrade_bin(space, index, crops, scale=scale, seed=seed, device=device)
        for choice, extractor in extractors.items():
            with clocks[choice, None]:
                features = image_features(lr, extractor, device=device)
            for number in settings:
                with clocks[choice, number]:
                    distances[choice, number][index] = frechet_distance(features, targets[choice, number])
        if progress is not None:
            progress(index + 1, space.n_bins)
    measurements = tuple(
        Measurement(choice, number, seed, values, seconds=clocks[choice, None].seconds + clocks[choice, number].seconds)
        for (choice, number), values in distances.items()
    )
    return SeedRun(measurements, degrading.seconds, hr.content_hash, clean.content_hash)


class _Clock:
    """Adds up the wall time of the blocks it surrounds, what the device still works on included."""

    def __init__(self, device: str) -> None:
        self.seconds = 0.0
        self._wait = torch.device(device).type == "cuda"

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._wait:
            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - self._started
