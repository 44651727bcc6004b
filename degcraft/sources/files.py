"""What was found before and lies in a file: a crafted distribution, a learned degradation."""

from degcraft.degradation import CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError
from degcraft.learned import load_learned


def read_crafted(file: str | None) -> DegradationSource:
    """See `CraftedDistribution.load`."""
    return CraftedDistribution.load(_given(file)).source()


def read_learned(file: str | None) -> DegradationSource:
    """See `load_learned`."""
    return load_learned(_given(file))


def scale_of_crafted(file: str | None) -> int | None:
    """The scale that a crafted distribution was found for, if it says so."""
    return None if file is None else CraftedDistribution.load(file).scale


def scale_of_learned(file: str | None) -> int | None:
    """The scale that a degradation was learned for."""
    return None if file is None else load_learned(file).model.scale


def _given(path: str | None) -> str:
    if path is None:
        raise DegcraftError("needs the file, such as crafted:crafted.json or pdm:pdm.safetensors")
    return path
