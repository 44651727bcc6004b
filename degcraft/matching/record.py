"""The distances of all bins with all they depend on: a JSON file, and the key it is found by again."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole

FORMAT = "degcraft-distances/2"
"""In every file and every cache key: a change of the measurement or of the file raises the number."""

_VECTORS = ("distances", "low", "high", "excess")


@dataclass(frozen=True, eq=False)
class BinDistances:
    """Fréchet distance of every bin of a space to a set of reference images, and where it came from.

    Raises:
        DegcraftError: vectors that do not have one finite number per bin.
    """

    distances: NDArray[np.float64]
    """(N,) squared Fréchet distances, row-major over the axes of the space."""
    low: NDArray[np.float64]
    """(N,) lower ends of the 95 % intervals by half-sampling (`degcraft.matching.intervals`)."""
    high: NDArray[np.float64]
    """(N,) upper ends."""
    excess: NDArray[np.float64]
    """(N,) estimate of what the small number of images adds to each distance."""
    extractor: str
    """Registry name of the extractor."""
    layer: str
    """The layer it was cut at."""
    extractor_identity: str
    """Its sha256 over weights and settings."""
    n: int
    """HR crops, degraded by each bin."""
    m: int
    """Reference patches."""
    seed: int
    """Of the degradations and of the resampling."""
    scale: int
    """Downsampling factor."""
    space: list[dict[str, Any]]
    """The axes as `DegradationSpace.to_list` gives them."""
    hr_hash: str
    """Content hash of the HR crops."""
    reference_hash: str
    """Content hash of the reference patches."""

    def __post_init__(self) -> None:
        bins = DegradationSpace.from_list(self.space).n_bins
        for name in _VECTORS:
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != (bins,) or not np.isfinite(values).all():
                raise DegcraftError(
                    f"{name} must be {bins} finite numbers, one per bin, "
                    f"but got {int(np.isfinite(values).sum())} finite ones in shape {values.shape}"
                )
            object.__setattr__(self, name, values)

    @property
    def key(self) -> str:
        """The `cache_key` of what was measured."""
        return cache_key(
            space=self.space,
            scale=self.scale,
            seed=self.seed,
            hr_hash=self.hr_hash,
            reference_hash=self.reference_hash,
            extractor_identity=self.extractor_identity,
        )

    def save(self, path: str | Path) -> None:
        """Writes the JSON file, whole or not at all; missing parent folders are made.

        Raises:
            DegcraftError: the folder cannot be written to.
        """
        content = {
            "format": FORMAT,
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
        }
        text = json.dumps(content | {name: content[name].tolist() for name in _VECTORS}, indent=1, allow_nan=False)
        with written_whole(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads what `save` wrote; every number comes back exactly.

        Raises:
            DegcraftError: no such file, no JSON of this format, a field missing, unknown or of another type.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DegcraftError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise DegcraftError(f"{path}: must be a JSON file, but {error}") from error
        try:
            return cls(**_checked(content))
        except DegcraftError as error:
            raise DegcraftError(f"{path}: {error}") from error


def cache_key(
    *,
    space: DegradationSpace | Sequence[Mapping[str, Any]],
    scale: int,
    seed: int,
    hr_hash: str,
    reference_hash: str,
    extractor_identity: str,
) -> str:
    """sha256 over all that decides the distances: what has the same key need not be measured again.

    The sizes of both sets are part of their content hashes. alpha is no part: no distance depends on it.

    Args:
        space: The space or its `to_list`.
        scale: Downsampling factor.
        seed: Of the degradations and of the resampling.
        hr_hash: Content hash of the HR crops.
        reference_hash: Content hash of the reference patches.
        extractor_identity: `FeatureExtractor.identity`.
    """
    axes = space.to_list() if isinstance(space, DegradationSpace) else space
    parts = {
        "format": FORMAT,
        # 5 and 5.0 bound the same axis.
        "space": [[axis["name"], float(axis["low"]), float(axis["high"]), int(axis["bins"])] for axis in axes],
        "scale": scale,
        "seed": seed,
        "hr": hr_hash,
        "references": reference_hash,
        "extractor": extractor_identity,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _checked(content: Any) -> dict[str, Any]:
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise DegcraftError(f"format must be '{FORMAT}', but got {found!r}")
    fields = {name: value for name, value in content.items() if name != "format"}
    known = [field.name for field in dataclasses.fields(BinDistances)]
    if missing := [name for name in known if name not in fields]:
        raise DegcraftError(f"field {missing[0]} is missing")
    if unknown := [name for name in fields if name not in known]:
        raise DegcraftError(f"field '{unknown[0]}' is unknown")
    for name in known:
        kind = _kind(name)
        if not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise DegcraftError(f"{name} must be a JSON {_WORDS[kind]}, but got {fields[name]!r}")
    for name in _VECTORS:
        if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in fields[name]):
            raise DegcraftError(f"{name} must hold numbers only")
    return fields


_WORDS = {list: "list", int: "integer", str: "string"}


def _kind(name: str) -> type:
    if name in (*_VECTORS, "space"):
        return list
    return int if name in ("n", "m", "seed", "scale") else str
