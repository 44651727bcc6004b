"""Whether crafted weights can be relied on: enough references, different enough, and inside the space.

Everything is read off the features of the few bins that hold the weight; they are degraded again, exactly as they
were when the distances were measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.degradation import DegradationSpace
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.matching.alike import independent_images, scenes
from degcraft.matching.beyond import beyond_borders
from degcraft.matching.distances import BATCH, degrade_bin, file_numbers
from degcraft.matching.frechet import frechet_distance
from degcraft.matching.intervals import half_distances, own_half_distances
from degcraft.matching.record import BinDistances
from degcraft.matching.sets import ImageSet
from degcraft.matching.weights import craft_weights

FEWEST = 25
"""Independent images below which weights are not to be trusted, whatever resampling says of them."""
FEWEST_SCENES = 10
"""Scenes below which the references speak for those pictures and not for their source."""
MOST_MOVED = 0.4
"""Share of the weight that may move to other bins with other images of the same kind."""
UNLIKE = 3.0
"""How much farther than two halves of a bin's own images the references may lie from it. With degnet's features
references inside the space came to 0.8 to 2.2, other content and sharpness included, and those outside to 4.6 and more
(tests/benchmarks/benchmark_reliability.py on CID22, 80 patches)."""
BORDER_SHARE = 0.5
"""Share of the weight at one end of an axis from which what lies beyond is looked at."""

_NEAR_SHARE, _NEAR_BINS = 0.8, 5


@dataclass(frozen=True)
class Warning:
    """One reason for not relying on the weights."""

    code: str
    """`too_few`, `too_alike`, `out_of_space` or `edge`."""
    message: str
    """What is the matter and what to do, in a sentence or two for people."""


@dataclass(frozen=True)
class Reliability:
    """What is known of the trustworthiness of crafted weights."""

    warnings: tuple[Warning, ...]
    """Empty if nothing speaks against them."""
    measures: Mapping[str, Any] = field(default_factory=dict)
    """The numbers behind the warnings, as plain JSON: `independent_images`, `files`, `scenes`, `weight_moved`
    (expected share of the weight that another draw of images would move, 0 to 1), `distance_ratio` (distance of
    the nearest bin, or mix of bins, in units of that between halves of its own images; about 1 when only chance
    and content differ) and `beyond` (what was tried beyond the borders that hold most of the weight)."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the warnings, in order."""
        return tuple(warning.code for warning in self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: {"warnings": [{"code", "message"}, …], "measures": {…}}."""
        return {"warnings": [asdict(warning) for warning in self.warnings], "measures": dict(self.measures)}


def assess(
    space: DegradationSpace,
    hr: Patches,
    references: Patches,
    extractor: FeatureExtractor,
    measured: BinDistances,
    *,
    alpha: float = 25.0,
    weights: NDArray[np.float64] | None = None,
    draws: NDArray[np.float64] | None = None,
    device: str | torch.device = "cpu",
    batch: int = BATCH,
) -> Reliability:
    """Looks for what makes the weights of these distances unreliable.

    Costs as much as measuring some ten bins.

    Args:
        space: The degradation space that was measured.
        hr: The clean patches that were degraded.
        references: The reference patches; their files are read once more, as thumbnails.
        extractor: The one that was used.
        measured: The distances of these patches.
        alpha: What eq. 4 crafts the weights with, unless they are given.
        weights: (n_bins,) the weights of another weighting.
        draws: (draws, n_bins) what other files might have given in their place, with `weights`.
        device: Where to degrade and extract.
        batch: Images the extractor sees at once.

    Raises:
        DegcraftError: a reference file cannot be read any more, or what `bin_features` and `craft_weights` refuse.
    """
    given = weights
    weights = craft_weights(measured.distances, alpha) if given is None else given
    crops, scene = file_numbers(hr), scenes(references.files)

    def bin_set(part: DegradationSpace, index: int) -> ImageSet:
        degraded = degrade_bin(part, index, hr.pixels, scale=measured.scale, seed=measured.seed, device=device)
        return ImageSet.of(torch.cat(list(degraded)), crops, extractor, device=device, batch=batch)

    target = ImageSet.of(references.pixels, scene, extractor, device=device, batch=batch)
    bins = {int(index): bin_set(space, int(index)) for index in _near(measured.distances, weights)}
    independent = independent_images(target.features, target.groups)
    if given is None or draws is None:
        moved = _weight_moved(measured, weights, alpha, bins, target)
    else:
        moved = float(np.abs(draws - given).sum(axis=1).mean() / 2)
    ratio = _distance_ratio(weights, bins, target, seed=measured.seed)
    beyond = list(beyond_borders(space, weights, measured.distances, BORDER_SHARE, bin_set, target))
    measures = {
        "independent_images": independent,
        "files": len(set(references.files)),
        "scenes": int(scene.max()) + 1,
        "weight_moved": moved,
        "distance_ratio": ratio,
        "beyond": [asdict(step) for step in beyond],
    }
    found = (
        *_too_few(len(hr), len(references), moved),
        *_too_alike(len(references), measures),
        *_out_of_space(ratio),
        *(Warning("edge", step.message) for step in beyond if step.nearer),
    )
    return Reliability(found, measures)


def _near(distances: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """The nearest bins, as many as hold most of the weight, but only a few."""
    order = np.argsort(distances, kind="stable")
    holding = int(np.searchsorted(weights[order].cumsum(), _NEAR_SHARE)) + 1
    return order[: min(holding, _NEAR_BINS)]


def _weight_moved(
    measured: BinDistances,
    weights: NDArray[np.float64],
    alpha: float,
    bins: Mapping[int, ImageSet],
    target: ImageSet,
) -> float:
    """Expected total variation between these weights and those of another draw of images.

    The far bins err like the near ones on the average: most of an error is of the references and common to all.
    """
    errors = np.stack([one.errors(target, seed=measured.seed) for one in bins.values()], axis=1)
    drawn = measured.distances + errors.mean(axis=1, keepdims=True)
    drawn[:, list(bins)] = measured.distances[list(bins)] + errors
    return float(np.mean([np.abs(craft_weights(row, alpha) - weights).sum() / 2 for row in drawn]))


def _distance_ratio(
    weights: NDArray[np.float64], bins: Mapping[int, ImageSet], target: ImageSet, *, seed: int
) -> float:
    """Distance of the references to the nearest bin, or to the mix of the near ones, in units of its own halves'.

    Halves against halves on both sides, of equally many images, as each distance grows where they are few.
    """
    count = min(len(target.features), *(len(one.features) for one in bins.values()))
    references = target.spread(count)
    stack = np.stack([one.spread(count) for one in bins.values()])
    share = weights[list(bins)]
    share = share / share.sum() if share.sum() > 0 else np.full(len(bins), 1 / len(bins))
    chosen = np.random.default_rng(seed).choice(len(bins), size=count, p=share)
    candidates = (stack[0], stack[chosen, np.arange(count)])
    nearest = min(candidates, key=lambda features: frechet_distance(features, references))
    own = float(own_half_distances(nearest, seed=seed).mean())
    across = float(half_distances(nearest, references, seed=seed).mean())
    return across / own if own > 0 else float(across > 0) + 1.0


def _too_few(n: int, m: int, moved: float) -> Iterator[Warning]:
    if min(n, m) < FEWEST:
        which, count = ("references", m) if m <= n else ("clean images", n)
        yield Warning(
            "too_few",
            f"only {count} patches could be cut from the {which}, and with fewer than {FEWEST} the weights are mostly "
            f"chance. Add images; about 100 patches are a good number.",
        )
    elif moved > MOST_MOVED:
        yield Warning(
            "too_few",
            f"with {m} other patches of the same kind about {moved:.0%} of the weight would lie on other bins. "
            f"Use more patches (and more images, if these have no more), or a wider distribution "
            f"(a smaller alpha, a larger width).",
        )


def _too_alike(m: int, measures: Mapping[str, Any]) -> Iterator[Warning]:
    independent, files, different = (measures[name] for name in ("independent_images", "files", "scenes"))
    if m >= FEWEST and (independent < FEWEST or different < FEWEST_SCENES):
        shown = _count(files, "file") + (f" that show {_count(different, 'scene')}" if different < files else "")
        yield Warning(
            "too_alike",
            f"the {m} reference patches come from {shown}, and are worth about {independent:.0f} independent images: "
            f"the weights speak for these pictures and perhaps not for others by the same source. Add other scenes.",
        )


def _out_of_space(ratio: float) -> Iterator[Warning]:
    if ratio > UNLIKE:
        yield Warning(
            "out_of_space",
            f"the references are unlike every bin: even from the nearest they lie {ratio:.1f} times as far as images "
            f"of that bin lie from one another. They carry something that the space does not hold, such as another "
            f"kind of blur, more or less of an axis than its range, or no compression at all (`degcraft inspect` shows "
            f"which); or their content differs too much from the clean images' for these features.",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
