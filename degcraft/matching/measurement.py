"""What a measurement keeps: features of degraded clean crops and of the references, with all they depend on.

Measuring takes the time; distances, weights of any kind and how far to trust them are arithmetic on this.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.matching.frechet import frechet_distances
from degcraft.matching.intervals import resample_interval
from degcraft.matching.record import BinDistances

FORMAT = "degcraft-measurement/1"
"""In every file and every cache key: a change of the measurement or of the file raises the number."""

_FACTS = ("extractor", "layer", "extractor_identity", "seed", "scale", "hr_hash", "reference_hash")
_ARRAYS = ("features", "references", "hr_groups", "reference_groups")


@dataclass(frozen=True, eq=False)
class Measurement:
    """Features of every degraded crop and of the references.

    Raises:
        DegcraftError: arrays that do not fit one another or the space, or features that are not finite.
    """

    space: DegradationSpace
    features: NDArray[np.float16]
    """(N, n, c): of the same n clean crops in each of the N bins, row-major over the axes of the space."""
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
        if bins != self.space.n_bins or self.references.ndim != 2 or self.references.shape[1] != width:
            raise DegcraftError(
                f"a measurement of {self.space.n_bins} bins needs features (bins, crops, c) and references (m, c), "
                f"but got {self.features.shape} and {self.references.shape}"
            )
        for name, count in (("hr_groups", crops), ("reference_groups", self.m)):
            if getattr(self, name).shape != (count,):
                raise DegcraftError(f"{name} must be {count} numbers, but got the shape {getattr(self, name).shape}")
        for name in ("features", "references"):
            if not np.isfinite(getattr(self, name)).all():
                raise DegcraftError(f"{name} of {self.extractor}:{self.layer} must be finite in half precision")

    @property
    def n(self) -> int:
        """Clean crops, the same in every bin."""
        return self.features.shape[1]

    @property
    def m(self) -> int:
        """Reference patches."""
        return self.references.shape[0]

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """(N,) squared Fréchet distances of the bins to the references (eq. 3 of arXiv 2305.18107)."""
        return frechet_distances(
            (features.astype(np.float32) for features in self.features), self.references.astype(np.float32)
        )

    def with_intervals(self) -> BinDistances:
        """The distances with their 95 % intervals by half-sampling, and all they depend on."""
        distances, references = self.distances, self.references.astype(np.float32)
        found = [
            resample_interval(
                features.astype(np.float32), references, distance=float(distance), seed=self.seed,
                groups=self.hr_groups, reference_groups=self.reference_groups,
            )
            for features, distance in zip(self.features, distances, strict=True)
        ]  # fmt: skip
        return BinDistances(
            distances=distances,
            low=np.array([one.low for one in found]),
            high=np.array([one.high for one in found]),
            excess=np.array([one.excess for one in found]),
            n=self.n,
            m=self.m,
            space=self.space.to_list(),
            **{name: getattr(self, name) for name in _FACTS},
        )

    def save(self, path: str | Path) -> None:
        """Writes an .npz with a checksum, whole or not at all; missing parent folders are made.

        Raises:
            DegcraftError: the folder cannot be written to.
        """
        arrays = {name: np.asarray(getattr(self, name)) for name in _ARRAYS}
        facts = {"format": FORMAT, "space": self.space.to_list(), **{name: getattr(self, name) for name in _FACTS}}
        facts["checksum"] = _checksum(arrays, facts)
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, facts=np.asarray(json.dumps(facts)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            DegcraftError: no such file, or one that is no measurement of this format, or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files if name != "facts"}
                facts = json.loads(str(kept["facts"]))
            found = facts.pop("format"), facts.pop("checksum")
            if found[0] != FORMAT:
                raise DegcraftError(f"{path}: format must be '{FORMAT}', but got {found[0]!r}")
            if found[1] != _checksum(arrays, {"format": FORMAT, **facts}):
                raise DegcraftError(f"{path}: is damaged: its checksum does not fit what it holds")
            return cls(space=DegradationSpace.from_list(facts.pop("space")), **arrays, **facts)
        except FileNotFoundError as error:
            raise DegcraftError(f"{path}: does not exist") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise DegcraftError(f"{path}: must be a measurement that degcraft wrote, but {error!r}") from error


def _checksum(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
