"""Whether crafted weights can be relied on: enough references, different enough, and explained by the space.

Arithmetic on a measurement. What the references carry is held to be found where a classifier hardly tells them from
clean crops degraded by the crafted distribution; where it does, the axis that gives them away is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Axis, DegradationSpace, find_parameter
from degcraft.features import find_extractor
from degcraft.matching.axis_fit import AxisFit, fits_of_axes
from degcraft.matching.independence import independent_images
from degcraft.matching.measurement import Measurement
from degcraft.matching.two_sample import TwoSampleTest, two_sample_test
from degcraft.matching.valleys import LEAST_SOURCE, divided
from degcraft.matching.weightings import Weighting

FEWEST = 25
"""Independent images below which weights are not to be trusted, whatever resampling says of them."""
FEWEST_SCENES = 10
"""Scenes below which the references speak for those pictures and not for their source."""
MOST_MOVED = 0.4
"""Share of the weight that may move to other bins with other images of the same kind."""
OTHER_CONTENT, TOLD_APART = (0.66, 0.85), 0.9
"""Share of images that a classifier put on the right side, with degnet's features and other photographs on either side,
where the true distribution was in the space, and the share that it may; outside of the space it reached 0.95 to 0.99
(tests/benchmarks/benchmark_reliability.py on CID22 against Kodak and CLIC)."""
BEYOND = 0.25
"""Share of the references beyond an end of an axis from which the axis is too short, over what crafted images show."""
UNDECIDED, TOGETHER = 0.1, 0.3
"""Standard deviation from which the weight of a bin is called undecided where another bin has what it has not: the sum
of both has less than that share of it."""
TELLING = 3
"""Files that are named as those that give the references away."""


@dataclass(frozen=True)
class Caution:
    """One reason for not relying on the weights."""

    code: str
    """`too_few`, `axis`, `content`, `sources`, `too_alike` or `moved`."""
    message: str
    """What is the matter and what to do, in a sentence or two for people."""


@dataclass(frozen=True)
class Reliability:
    """What is known of the trustworthiness of crafted weights."""

    cautions: tuple[Caution, ...]
    """Empty if nothing speaks against them; what to mend first stands first."""
    measures: Mapping[str, Any] = field(default_factory=dict)
    """The numbers behind them, as plain JSON: `files`, `scenes`, `independent_images`, `weight_moved` (expected share
    of the weight that another draw of images would move, 0 to 1), `misfit` (see `Weighting.misfit`), `told_apart`
    (accuracy of the two-sample test, with `chance`), `telling` (files that give the references away), `undecided` (two
    bins that share a weight, in words, or None) and, per axis, the accuracy from that axis alone and the shares of the
    references below, above and without it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: {"cautions": [{"code", "message"}, …], "measures": {…}, "sentences": […]}."""
        return {
            "cautions": [asdict(caution) for caution in self.cautions],
            "measures": dict(self.measures),
            "sentences": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """For people, a line each: what speaks against the weights, or that nothing does, with the number."""
        told = self.measures["told_apart"]
        number = (
            f"a classifier tells the references from images made by these weights in {told['accuracy']:.0%} of cases "
            f"(by chance: up to {told['chance']:.0%})"
        )
        if not self.cautions:
            number = f"reliable as far as can be told: {number}"
        blamed = {one.code for one in self.cautions} & {"too_few", "axis"}
        if told["chance"] < told["accuracy"] < TOLD_APART and not blamed:
            number += (
                f"; more than chance, but other content alone does as much ({OTHER_CONTENT[0]:.0%} to "
                f"{OTHER_CONTENT[1]:.0%}), so it speaks against the space from {TOLD_APART:.0%} on"
            )
        undecided = self.measures.get("undecided")
        return [
            *(f"careful ({one.code.replace('_', ' ')}): {one.message}" for one in self.cautions),
            *([] if undecided is None else [undecided]),
            number,
        ]


def assess(
    measurement: Measurement,
    method: Weighting,
    *,
    draws: NDArray[np.float64],
    files: Sequence[str],
    scenes: NDArray[np.integer],
    crafted: NDArray[np.float32],
) -> Reliability:
    """Looks for what makes the weights of a measurement unreliable.

    Args:
        measurement: Of the references.
        method: What makes the weights.
        draws: (count, N) what other files might have given in their place, not widened.
        files: (m,) name of the file of each reference, to point at.
        scenes: (m,) what `degcraft.matching.scenes` gave.
        crafted: (draws, n, c) features of the clean crops as the distribution degrades them, from `crafted_features`.
    """
    weights = method.weights()
    moved = float(np.abs(draws - weights).sum(axis=1).mean() / 2)
    measures: dict[str, Any] = {
        "files": len(set(files)),
        "scenes": len(np.unique(scenes)),
        "independent_images": independent_images(measurement.references.astype(np.float32), np.asarray(scenes)),
        "weight_moved": moved,
        "misfit": method.misfit(),
    }
    # By scene: of a film, what was learnt of one frame would judge the next one.
    told = two_sample_test(crafted, measurement.references, measurement.hr_groups, scenes, seed=measurement.seed)
    fits = fits_of_axes(measurement, crafted, scenes)
    measures["told_apart"] = {"accuracy": told.accuracy, "chance": told.chance}
    measures["telling"] = _telling(told.telling, files)
    measures["undecided"] = None if method.blocks else _undecided(measurement.space, weights, draws)
    measures["axes"] = {
        name: {"accuracy": fit.accuracy, "below": fit.below, "above": fit.above, "without": fit.without}
        for name, fit in fits.items()
    }
    cautions = list(_too_few(measurement))
    if not cautions:
        # What is trained on beside the bins no other bins can mend.
        space = measurement.space if method.listed is None else None
        cautions += [*_unlike(told, fits, space, files), *_sources(measurement, files)]
        cautions += [*_too_alike(measures), *_moved(measures)]
    return Reliability(tuple(cautions), measures)


def _telling(values: NDArray[np.float64], files: Sequence[str]) -> list[str]:
    """The files with the greatest values, (m,) of the references, by the mean of these; above 0 only."""
    odds: dict[str, list[float]] = {}
    for file, value in zip(files, values, strict=True):
        odds.setdefault(file, []).append(float(value))
    ranked = sorted(odds, key=lambda file: -float(np.mean(odds[file])))
    return [file for file in ranked[:TELLING] if np.mean(odds[file]) > 0]


def _undecided(space: DegradationSpace, weights: NDArray[np.float64], draws: NDArray[np.float64]) -> str | None:
    """The two heaviest bins, where with other images either would have what the other has."""
    if len(weights) < 2:
        return None
    pair = np.sort((-weights).argsort(kind="stable")[:2])
    least, together = draws[:, pair].std(axis=0).min(), draws[:, pair].sum(axis=1)
    if least < UNDECIDED or together.std() > TOGETHER * least:
        return None
    cells = space.each_bin.cells[pair, :, 0]
    named = (
        f"{axis.name} {axis.words(int(first))} or {axis.words(int(second))}"
        for axis, first, second in zip(space.axes, *cells, strict=True)
        if first != second
    )
    low, high = np.quantile(together, [0.025, 0.975])
    return (
        f"whether it is {', '.join(named)} cannot be told: the two heaviest bins together have {low:.0%} to {high:.0%}"
    )


def _too_few(measurement: Measurement) -> Iterator[Caution]:
    n, m = measurement.n, measurement.m
    if min(n, m) < FEWEST:
        which, count = ("references", m) if m <= n else ("clean images", n)
        yield Caution(
            "too_few",
            f"only {count} patches could be cut from the {which}, and with fewer than {FEWEST} the weights are mostly "
            f"chance. Add images; about 100 patches are a good number.",
        )


def _unlike(
    told: TwoSampleTest, fits: Mapping[str, AxisFit], space: DegradationSpace | None, files: Sequence[str]
) -> Iterator[Caution]:
    """The one axis to blame, or else the content; the space is None where its bins are not what is trained on."""
    worst = max(fits.values(), key=lambda fit: (fit.outside >= BEYOND, fit.accuracy), default=None)

    def named(values: NDArray[np.float64]) -> str:
        telling = _telling(values, files)
        return f" Most telling: {', '.join(telling)}." if telling else ""

    if worst is not None and (worst.outside >= BEYOND or worst.accuracy >= TOLD_APART):
        values = worst.beyond - 0.5 if worst.outside >= BEYOND else worst.telling
        yield Caution("axis", (_milder(worst) if space is None else _blamed(worst, space)) + named(values))
    elif told.accuracy >= TOLD_APART and told.differs:
        yield Caution(
            "content",
            f"the references are told from images made by these weights in {told.accuracy:.0%} of cases, by no single "
            f"axis of the space: their content or sharpness differs from the clean images', or they carry what no axis "
            f"describes. Take clean images more like them, and judge the result on pictures.{named(told.telling)}",
        )


def _use(axis: Axis, space: DegradationSpace) -> str:
    """What to do: the whole space with one axis in another's place, as `--axis` takes it."""
    axes = (f"--axis {axis if own.name == axis.name else own}" for own in space.axes)
    return f"Use {' '.join(axes)} (in a search: `space`)."


def _milder(fit: AxisFit) -> str:
    return (
        f"the references are told from images made by these estimates by their {fit.axis.name} alone in "
        f"{fit.accuracy:.0%} of cases. Estimates lean to the mild side of what is believed of each image, so this, and "
        f"that a classifier succeeds, is meant, unless pictures show it left over: then a greater quantile (0.5 is the "
        f"middle) takes more of it."
    )


def _blamed(fit: AxisFit, space: DegradationSpace) -> str:
    name, wider = fit.axis.name, fit.wider()
    where = {"above": f"above {fit.axis.high:g}", "below": f"below {fit.axis.low:g}", "without": "without it"}
    most = max(where, key=lambda side: float(getattr(fit, side)))
    if fit.outside >= BEYOND and wider is not None:
        share = float(getattr(fit, most))
        return (
            f"{share:.0%} of the references have a {name} that the space does not hold ({where[most]}). "
            f"{_use(wider, space)}"
        )
    finer = fit.finer()
    if finer is not None:
        return (
            f"the references are told from images made by these weights by their {name} alone in {fit.accuracy:.0%} of "
            f"cases, though the axis reaches far enough: its bins are too coarse for them. {_use(finer, space)}"
        )
    return (
        f"the references are told from images made by these weights by their {name} alone in {fit.accuracy:.0%} of "
        f"cases, and no amount of it explains them: it is of another kind than the space makes, or the clean images' "
        f"own. The weights are the nearest there is; judge the result on pictures."
    )


def _sources(measurement: Measurement, files: Sequence[str]) -> Iterator[Caution]:
    """Heaps of files on an axis with a valley between them."""
    read = find_extractor(measurement.extractor).posterior
    if read is None:
        return
    posteriors = read(measurement.references.astype(np.float32), measurement.scale)
    axes = [axis.name for axis in measurement.space.axes if axis.name in posteriors]
    names, places = np.unique(np.asarray(files, dtype=object), return_inverse=True)
    count = len(names)
    if not axes or count < 2 * LEAST_SOURCE:
        return
    values = np.empty((count, len(axes)))
    for column, name in enumerate(axes):
        belief = posteriors[name]
        pooled = np.zeros((count, belief.probabilities.shape[-1]))
        np.add.at(pooled, places, belief.probabilities)
        middle = (pooled.cumsum(axis=1) >= pooled.sum(axis=1, keepdims=True) / 2).argmax(axis=1)
        values[:, column] = [find_parameter(name).scaled(float(value)) for value in belief.values[middle]]
    steps = np.array([find_parameter(name).step for name in axes])
    # Fewer files, which equal values can cut off, are outliers.
    heaps = sorted((heap for heap in divided(np.arange(count), values, steps) if len(heap) >= LEAST_SOURCE), key=len)
    if len(heaps) > 1:
        sizes = " and ".join(str(len(heap)) for heap in reversed(heaps))
        least, most = heaps[0], heaps[-1]
        apart = axes[int((np.abs(values[least].mean(axis=0) - values[most].mean(axis=0)) / steps).argmax())]
        yield Caution(
            "sources",
            f"the references look like {len(heaps)} sources ({sizes} files), most apart in {apart}: one network for "
            f"each restores them better than one for all. The smallest: {', '.join(names[least[:TELLING]])}"
            f"{', …' if len(least) > TELLING else ''}. `degcraft inspect --split-to` gives each a folder that it finds "
            "apart, too.",
        )


def _too_alike(measures: Mapping[str, Any]) -> Iterator[Caution]:
    independent, files, different = (measures[name] for name in ("independent_images", "files", "scenes"))
    if independent < FEWEST or different < FEWEST_SCENES:
        shown = _count(files, "file") + (f" that show {_count(different, 'scene')}" if different < files else "")
        yield Caution(
            "too_alike",
            f"the reference patches come from {shown}, and are worth about {independent:.0f} independent images: "
            f"the weights speak for these pictures and perhaps not for others by the same source. "
            f"Add other {'scenes' if different < files else 'images'}.",
        )


def _moved(measures: Mapping[str, Any]) -> Iterator[Caution]:
    if measures["weight_moved"] > MOST_MOVED:
        yield Caution(
            "moved",
            f"with other patches of the same kind about {measures['weight_moved']:.0%} of the weight would lie on "
            f"other bins. Use more patches (and more images, if these have no more), fewer bins, or a wider "
            f"distribution (a larger width, a smaller alpha).",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
