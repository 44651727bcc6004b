"""What a measurement keeps: features of degraded clean crops and of the references, with all they depend on.

Measuring takes the time; distances, weights of any kind and how far to trust them are arithmetic on this.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching.arrays import load_arrays, save_arrays
from degcraft.matching.frechet import frechet_distances

FORMAT = "degcraft-measurement/2"
"""In every file and every cache key: a change of the measurement or of the file raises the number."""

_FACTS = ("extractor", "layer", "extractor_identity", "seed", "scale", "hr_hash", "reference_hash")
_ARRAYS = ("features", "parameters", "references", "hr_groups", "reference_groups")


@dataclass(frozen=True, eq=False)
class Measurement:
    """Features of every degraded crop and of the references.

    Raises:
        DegcraftError: arrays that do not fit one another or the space, or features that are not finite.
    """

    space: DegradationSpace
    features: NDArray[np.float16]
    """(N, n, c): of the same n clean crops in each of the N groups of the space: its bins, row-major over its axes, or
    rounds of draws from all of it."""
    parameters: NDArray[np.float32]
    """(N, n, axes): what was done to each of them, in the units of the axes."""
    references: NDArray[np.float16]
    """(m, c)."""
    hr_groups: NDArray[np.integer]
    """(n,) number of the file that each clean crop was cut from."""
    reference_groups: NDArray[np.integer]
    """(m,) the same of the references."""
    extractor: str
    """Registry name of the extractor."""
    layer: str
    """The layer it was cut at."""
    extractor_identity: str
    """Its sha256 over weights and settings."""
    seed: int
    """Of the degradations."""
    scale: int
    """Downsampling factor."""
    hr_hash: str
    """Content hash of the HR crops."""
    reference_hash: str
    """Content hash of the reference patches."""

    def __post_init__(self) -> None:
        bins, crops, width = self.features.shape if self.features.ndim == 3 else (0, 0, 0)
        if bins != self.space.groups or self.references.ndim != 2 or self.references.shape[1] != width:
            raise DegcraftError(
                f"a measurement of {self.space.groups} groups needs features (groups, crops, c) and references (m, c), "
                f"but got {self.features.shape} and {self.references.shape}"
            )
        shapes = {
            "parameters": (bins, crops, len(self.space.axes)), "hr_groups": (crops,), "reference_groups": (self.m,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DegcraftError(f"{name} must have the shape {shape}, but got {getattr(self, name).shape}")
        for name in ("features", "references"):
            if not np.isfinite(getattr(self, name)).all():
                raise DegcraftError(f"{name} of {self.extractor}:{self.layer} must be finite in half precision")

    @property
    def n(self) -> int:
        """Clean crops, the same in every group."""
        return self.features.shape[1]

    @property
    def m(self) -> int:
        """Reference patches."""
        return self.references.shape[0]

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """(N,) squared Fréchet distances of the groups to the references (eq. 3 of arXiv 2305.18107)."""
        return frechet_distances(
            (features.astype(np.float32) for features in self.features), self.references.astype(np.float32)
        )

    @cached_property
    def cells(self) -> NDArray[np.intp]:
        """(N, n, axes) the cells that what was done to each crop lies in."""
        return self.space.cells_of(self.parameters)

    def drawn(self, weights: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float32]:
        """(draws, n, c) features of the clean crops as a distribution over the bins degrades them: a bin for each crop.

        Args:
            weights: (N,) summing to 1; of bins that were measured one by one.
            draws: How many times.
            seed: Of the bins drawn.
        """
        bins = np.random.default_rng(seed).choice(len(weights), size=(draws, self.n), p=weights)
        return self.features[bins, np.arange(self.n)].astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Writes an .npz; see `save_arrays`."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _ARRAYS}
        facts = {"format": FORMAT, "space": self.space.to_list(), **{name: getattr(self, name) for name in _FACTS}}
        save_arrays(path, arrays, facts)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            DegcraftError: no such file, or one that is no measurement of this format, or damaged.
        """
        arrays, facts = load_arrays(path)
        if (found := facts.pop("format", None)) != FORMAT:
            raise DegcraftError(f"{path}: format must be '{FORMAT}', but got {found!r}")
        return cls(space=DegradationSpace.from_list(facts.pop("space")), **arrays, **facts)


def measurement_key(
    *, space: DegradationSpace, scale: int, seed: int, hr_hash: str, reference_hash: str, extractor_identity: str
) -> str:
    """sha256 over all that decides a measurement: what has the same key need not be measured again.

    The sizes of both sets are part of their content hashes.
    """
    known = {
        "format": FORMAT,
        "space": space.to_list(),
        "scale": scale,
        "seed": seed,
        "hr": hr_hash,
        "references": reference_hash,
        "extractor": extractor_identity,
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True, allow_nan=False).encode()).hexdigest()
