"""Which extractors to compare: a text such as `degnet,squeezenet:fire3,alexnet:*`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, FeatureExtractor, find_extractor, make_extractor


@dataclass(frozen=True)
class Choice:
    """One extractor at one of its layers."""

    name: str
    layer: str

    def __str__(self) -> str:
        return f"{self.name}:{self.layer}"


def parse_choices(text: str | None) -> tuple[Choice, ...]:
    """The extractors that a comma-separated text names.

    `name` is an extractor at its default layer, `name:layer` at that layer, `name:*` at each of its layers. What
    is named twice is taken once.

    Args:
        text: None for every extractor of the registry at its default layer.

    Raises:
        DegcraftError: no name, an unknown extractor, or a layer it does not have.
    """
    wanted = list(EXTRACTORS) if text is None else [part.strip() for part in text.split(",") if part.strip()]
    if not wanted:
        raise DegcraftError(f"extractors must name at least one, such as squeezenet:fire5, but got '{text}'")
    return tuple(dict.fromkeys(choice for part in wanted for choice in _choices_of(part)))


def _choices_of(part: str) -> Iterable[Choice]:
    name, _, layer = part.partition(":")
    spec = find_extractor(name)
    if layer == "*":
        return [Choice(name, each) for each in spec.layers]
    layer = layer or spec.default_layer
    if layer not in spec.layers:
        raise DegcraftError(f"extractor {name}: layer must be one of {', '.join(spec.layers)} or *, but got '{layer}'")
    return [Choice(name, layer)]


def make_choices(
    choices: Sequence[Choice], *, weights_files: Mapping[str, Path] | None = None, seed: int = 0, device: str = "cpu"
) -> tuple[dict[Choice, FeatureExtractor], dict[Choice, str]]:
    """The extractors that can be had here, and why the others cannot.

    Args:
        choices: From `parse_choices`.
        weights_files: Extractor name → file with its weights, where they are not to be found by themselves.
        seed: Of the weights, where they are random.
        device: Where features are computed.

    Returns:
        Choice → extractor, and choice → the reason it is missing; together all choices, in order.

    Raises:
        DegcraftError: none of them can be had, or a weights file for an extractor that was not chosen.
    """
    files = weights_files or {}
    names = {choice.name for choice in choices}
    if stray := [name for name in files if name not in names]:
        raise DegcraftError(f"a weights file was given for {stray[0]}, which is not among the extractors to compare")
    made: dict[Choice, FeatureExtractor] = {}
    missing: dict[Choice, str] = {}
    for choice in choices:
        try:
            made[choice] = make_extractor(
                choice.name, layer=choice.layer, weights_file=files.get(choice.name), seed=seed, device=device
            )
        except DegcraftError as error:
            missing[choice] = str(error)
    if not made:
        raise DegcraftError(
            f"none of the {len(choices)} extractors can be had; the first: {next(iter(missing.values()))}"
        )
    return made, missing
