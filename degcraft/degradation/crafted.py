"""A crafted training distribution and its JSON file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from degcraft.degradation.blocks import Blocks
from degcraft.degradation.sources import ListedSource, SpaceSource
from degcraft.degradation.space import DegradationSpace, check_weights
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.results import Result, Table

FORMAT = "degcraft-crafted/2"
_FIRST_FORMAT = "degcraft-crafted/1"
"""Knew eq. 4 alone, by its `alpha`; still read."""
_KEYS = (
    "format",
    "axes",
    "weights",
    "low",
    "high",
    "distances",
    "weighting",
    "extractor",
    "n",
    "entropy",
    "effective_bins",
    "provenance",
)
_SHOWN = 8
"""Bins in the table."""
_LEAST_SHOWN = 0.0005
"""Weights below it read as nothing."""
_TOLERANCE = 1e-6
"""Of what is rounded on its way through a file."""


@dataclass(frozen=True, eq=False, repr=False)
class CraftedDistribution(Result):
    """Weights over the bins of a space or over blocks of them, and where they came from.

    Raises:
        DegcraftError: naming the field: weights, intervals or distances that do not fit the space, or a number that
            cannot be.
    """

    space: DegradationSpace
    weights: NDArray[np.float64]
    """(K,), normalised to sum to 1: of the blocks, or of the bins row-major over the axes."""
    distances: NDArray[np.float64] | None = None
    """(K,) Fréchet distances (eq. 3), or None where the weights come from elsewhere."""
    low: NDArray[np.float64] | None = None
    """(K,) lower ends of the 95 % intervals of the weights, or None."""
    high: NDArray[np.float64] | None = None
    """(K,) upper ends."""
    blocks: Blocks | None = None
    """K blocks of bins, or None for the bins."""
    listed: ListedSource | None = None
    """Degradations to train on in place of draws from the bins, which then only show them; or None."""
    weighting: dict[str, Any] | None = None
    """`name` and knobs of the weighting that made the weights, or None."""
    extractor: str | None = None
    """Name of the feature extractor, or None."""
    n: int | None = None
    """Reference images that were looked at, or None."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Seeds, hashes, versions: plain JSON."""

    def __post_init__(self) -> None:
        count = self.space.n_bins if self.blocks is None else len(self.blocks)
        object.__setattr__(self, "weights", check_weights(self.weights, count))
        for name in ("distances", "low", "high"):
            if getattr(self, name) is None:
                continue
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise DegcraftError(
                    f"{name} must be {count} finite numbers, but got the shape {values.shape}"
                    + ("" if np.isfinite(values).all() else " with values that are not finite")
                )
            object.__setattr__(self, name, values)
        self._check_interval()
        if self.n is not None and self.n < 1:
            raise DegcraftError(f"n must be at least 1, but got {self.n}")
        scale = self.scale
        if scale is not None and (isinstance(scale, bool) or not isinstance(scale, int) or not 1 <= scale <= 8):
            raise DegcraftError(f"provenance.scale must be a whole number from 1 to 8, but got {scale!r}")

    def _check_interval(self) -> None:
        if self.low is None or self.high is None:
            if self.low is not self.high:
                missing, given = ("low", "high") if self.low is None else ("high", "low")
                raise DegcraftError(f"{missing} must be given with {given}, but is null")
            return
        for name, values in (("low", self.low), ("high", self.high)):
            wrong = (values < -_TOLERANCE) | (values > 1 + _TOLERANCE)
            if wrong.any():
                raise DegcraftError(f"{name} must be shares from 0 to 1, but got {values[wrong][0]:g}")
        above = self.low > self.high + _TOLERANCE
        if above.any():
            low, high = self.low[above][0], self.high[above][0]
            raise DegcraftError(f"low must not lie above high, but got {low:g} and {high:g}")

    @staticmethod
    def uniform(space: DegradationSpace) -> "CraftedDistribution":
        """Every bin alike: the baseline."""
        if space.is_sampled:
            return CraftedDistribution(space, np.ones(1), blocks=Blocks.whole(space))
        return CraftedDistribution(space, space.uniform_weights())

    @property
    def parts(self) -> Blocks:
        """What the weights are of."""
        return self.blocks or self.space.each_bin

    @property
    def entropy(self) -> float:
        """Shannon entropy of the weights of the bins in nats, 0 to ln(n_bins)."""
        inside = 0.0 if self.blocks is None else float(self.weights @ np.log(self.blocks.bins))
        return float(entr(self.weights).sum()) + inside

    @property
    def effective_bins(self) -> float:
        """exp(entropy): the number of equally weighted bins of the same entropy, 1 to n_bins."""
        return float(np.exp(self.entropy))

    @property
    def warnings(self) -> list[str]:
        """What speaks against relying on the weights and what to do, what to mend first first.

        Empty where nothing does, or where it was not asked, as of uniform weights.
        """
        return [caution["message"] for caution in self.provenance.get("reliability", {}).get("cautions", ())]

    @property
    def scale(self) -> int | None:
        """Of the networks that it was found for: blur is counted in pixels of images so many times as large.

        None where the file does not say.
        """
        return self.provenance.get("scale")

    def described(self) -> str:
        """What made the weights: `degnet, confusion width 0.3`."""
        return ", ".join(filter(None, (self.extractor, weighting_words(self.weighting) if self.weighting else "")))

    def sentences(self) -> list[str]:
        """How many bins count and what made the weights, then how far they can be relied on."""
        count = f"effective bins: {self.effective_bins:.1f} of {self.space.n_bins:,}"
        layer = self.provenance.get("layer")
        features = f"features: {self.extractor}" + (f":{layer}" if layer else "") if self.extractor else ""
        weighting = f"weighting: {weighting_words(self.weighting)}" if self.weighting else ""
        reliability = self.provenance.get("reliability", {}).get("sentences", [])
        return [" · ".join(filter(None, (count, features, weighting))), *reliability]

    def table(self) -> Table:
        """The heaviest bins or blocks, with the intervals of their weights; distances in units of the nearest: D has
        no scale.
        """
        ranked = (-self.weights).argsort(kind="stable")[:_SHOWN].tolist()
        order = [index for index in ranked if self.weights[index] >= _LEAST_SHOWN] or ranked
        columns = {"weight": [f"{self.weights[index]:.3f}" for index in order]}
        if self.low is not None and self.high is not None:
            columns["95 %"] = [f"{self.low[index]:.2f}–{self.high[index]:.2f}" for index in order]
        if self.blocks is not None:
            columns["block"] = [self.blocks.words(index) for index in order]
        else:
            for place, axis in enumerate(self.space.axes):
                columns[axis.name] = [axis.words(int(self.parts.cells[index, place, 0])) for index in order]
        if self.distances is not None:
            nearest = self.distances.min() or 1.0
            columns["distance, nearest 1"] = [f"{self.distances[index] / nearest:.2f}" for index in order]
        rows = list(zip(*columns.values(), strict=True))
        return Table(f"heaviest {'bins' if self.blocks is None else 'blocks'}", list(columns), rows)

    def draw(self, path: str | Path, *, title: str | None = None) -> None:
        """Writes the weight map, see `degcraft.figures.draw_crafted`, under `described` or another title."""
        # Figures know distributions, so a distribution knows them only when it is drawn.
        from degcraft.figures import draw_crafted

        draw_crafted(self, path, title=self.described() if title is None else title)

    def source(self) -> SpaceSource | ListedSource:
        """The distribution as something to train on."""
        return self.listed or SpaceSource(self.space, self.weights, self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """The file's content as plain JSON."""
        return {
            "format": FORMAT,
            "axes": self.space.to_list(),
            **({} if self.blocks is None else {"blocks": self.blocks.cells.tolist()}),
            **({} if self.listed is None else {"listed": self.listed.describe()["parameters"]}),
            "weights": self.weights.tolist(),
            **{name: _listed(getattr(self, name)) for name in ("low", "high", "distances")},
            "weighting": self.weighting,
            "extractor": self.extractor,
            "n": self.n,
            "entropy": self.entropy,
            "effective_bins": self.effective_bins,
            "provenance": self.provenance,
        }

    def save(self, path: str | Path) -> None:
        """Writes the JSON file: whole or not at all, making the folder where it is missing.

        Raises:
            DegcraftError: the file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> "CraftedDistribution":
        """Reads what `save` wrote.

        Raises:
            DegcraftError: the file cannot be read, is no JSON of this format, lacks a field or has one too
                many, or its weights do not fit its axes.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DegcraftError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise DegcraftError(f"{path}: must be a JSON file, but is no text") from error
        except (ValueError, RecursionError) as error:
            raise DegcraftError(f"{path}: must be a JSON file, but {error}") from error
        try:
            return _from_dict(content)
        except DegcraftError as error:
            raise DegcraftError(f"{path}: {error}") from error


def weighting_words(weighting: Mapping[str, Any]) -> str:
    """A weighting for people: `confusion width 0.3`."""
    knobs = (f"{key} {value:.3g}" for key, value in weighting.items() if key != "name")
    return " ".join([weighting["name"], *knobs])


def _from_dict(content: Any) -> CraftedDistribution:
    found = content.get("format") if isinstance(content, dict) else None
    if found == _FIRST_FORMAT:
        content = _from_first(content)
    elif found != FORMAT:
        raise DegcraftError(f'format must be "{FORMAT}", but got {found!r}')
    if missing := [key for key in _KEYS if key not in content]:
        raise DegcraftError(f"field {missing[0]} is missing")
    if unknown := [key for key in content if key not in (*_KEYS, "blocks", "listed")]:
        raise DegcraftError(f"field {unknown[0]!r} is unknown")
    weights = _numbers(content["weights"], "weights")
    total = sum(weights.tolist())  # NumPy would warn of one too large
    if abs(total - 1) > _TOLERANCE:
        raise DegcraftError(f"weights must sum to 1, but got {total:g}")
    for name in ("provenance", "weighting"):
        if not isinstance(content[name], dict) and not (name == "weighting" and content[name] is None):
            raise DegcraftError(f"{name} must be an object, but got {content[name]!r}")
    space = DegradationSpace.from_list(content["axes"])
    return CraftedDistribution(
        space=space,
        weights=weights,
        blocks=_blocks(space, content["blocks"]) if "blocks" in content else None,
        listed=ListedSource.of(content["listed"]) if "listed" in content else None,
        **{
            name: None if content[name] is None else _numbers(content[name], name)
            for name in ("low", "high", "distances")
        },
        weighting=content["weighting"],
        extractor=_optional(content, "extractor", str),
        n=_optional(content, "n", int),
        provenance=content["provenance"],
    )


def _from_first(content: dict[str, Any]) -> dict[str, Any]:
    """A file of the first format as one of this."""
    alpha = _optional(content, "alpha", int | float) if "alpha" in content else None
    rest = {key: value for key, value in content.items() if key != "alpha"}
    return {"low": None, "high": None, "weighting": None if alpha is None else {"name": "eq4", "alpha": alpha}, **rest}


def _blocks(space: DegradationSpace, value: Any) -> Blocks:
    try:
        cells = np.array(value)
    except ValueError:
        cells = np.empty(0)
    return Blocks(space, cells)


def _listed(values: NDArray[np.float64] | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _numbers(value: Any, name: str) -> NDArray[np.float64]:
    is_list = isinstance(value, list)
    if not is_list or any(isinstance(item, bool) or not isinstance(item, int | float) for item in value):
        raise DegcraftError(f"{name} must be a list of numbers")
    try:
        return np.asarray(value, dtype=np.float64)
    except OverflowError:
        raise DegcraftError(f"{name} must be numbers of double precision, but holds a larger one") from None


def _optional(content: dict[str, Any], name: str, kind: Any) -> Any:
    value = content[name]
    if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
        raise DegcraftError(f"{name} must be {getattr(kind, '__name__', 'a number')} or null, but got {value!r}")
    return value
