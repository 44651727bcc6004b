"""What a training begins with: one of the shipped starts, a file, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.networks.registry import network_spec
from degcraft.networks.shipped import START, STARTS
from degcraft.networks.weights import LoadedNetwork, load_network, read_header

NONE, AUTO = "none", "auto"


def resolve_start(start: str, name: str, scale: int, hyperparameters: Mapping[str, Any]) -> LoadedNetwork | None:
    """The network from whose weights a training begins.

    Args:
        start: "none": from nothing. "auto": the shipped start of this very network, if there is one. Anything else: a
            file of weights, or a shipped start such as "start:x4".
        name: of the network to be trained, a key of the registry.
        scale: of the network to be trained.
        hyperparameters: those that are given; the network's defaults complete them.

    Returns:
        What the start holds, in evaluation mode on the CPU; None: from nothing.

    Raises:
        DegcraftError: the file cannot be read, or it holds another network, scale or hyperparameters. Dropout may
            differ, as it has no weights.
    """
    spec = network_spec(name)
    wanted = spec.name, scale, spec.checked(scale, hyperparameters)
    if start == NONE:
        return None
    if start == AUTO:
        for key, path in STARTS.items():
            header = read_header(path)
            if _same(wanted, (header.name, header.scale, header.hyperparameters)):
                return load_network(START + key)
        return None
    loaded = load_network(start)
    held = loaded.name, loaded.scale, loaded.hyperparameters
    if not _same(wanted, held):
        raise DegcraftError(f"{start}: must hold {_in_words(*wanted)} to start from, but holds {_in_words(*held)}")
    return loaded


def _same(wanted: tuple[str, int, Mapping[str, Any]], held: tuple[str, int, Mapping[str, Any]]) -> bool:
    return wanted[:2] == held[:2] and _weighty(wanted[2]) == _weighty(held[2])


def _weighty(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in hyperparameters.items() if key != "dropout"}


def _in_words(name: str, scale: int, hyperparameters: Mapping[str, Any]) -> str:
    return f"{name} x{scale} with {', '.join(f'{key} {value}' for key, value in hyperparameters.items())}"
