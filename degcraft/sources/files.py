"""What was found before and lies in a file: a crafted distribution, a learned degradation."""

from degcraft.degradation import CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError
from degcraft.knobs import file
from degcraft.learned import load_learned
from degcraft.sources.base import SourceSpec


def _crafted(file: str | None) -> DegradationSource:
    return CraftedDistribution.load(_given(file)).source()


def _learned(file: str | None) -> DegradationSource:
    return load_learned(_given(file))


def _given(path: str | None) -> str:
    if path is None:
        raise DegcraftError("needs the file, such as crafted:crafted.json or pdm:pdm.safetensors")
    return path


CRAFTED = SourceSpec(
    "crafted",
    "what degcraft found in your images: a crafted.json",
    _crafted,
    knobs={"file": file("as `degcraft weights` writes it")},
    bare="file",
    suffix=".json",
)
PDM = SourceSpec(
    "pdm",
    "a degradation that was learned: a pdm.safetensors",
    _learned,
    knobs={"file": file("as `degcraft pdm train` writes it")},
    bare="file",
    suffix=".safetensors",
)
