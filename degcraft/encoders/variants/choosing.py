"""Random draws on the generator's own device, and what a registry of variants is made of."""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

Function = TypeVar("Function", bound=Callable)


class Variant(NamedTuple, Generic[Function]):
    """One way of doing a step, and how often it is taken."""

    share: float
    """Relative frequency, against the sum over the registry."""
    apply: Function


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """(n,) float32 in [low, high) on the generator's device."""
    return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)


def choose(shares: Mapping[str, float], n: int, generator: torch.Generator) -> list[str]:
    """n names, drawn by their shares."""
    if n == 0:
        return []
    names = list(shares)
    weights = torch.tensor([shares[name] for name in names], dtype=torch.float32, device=generator.device)
    return [names[k] for k in torch.multinomial(weights, n, replacement=True, generator=generator).tolist()]


def deal(registry: Mapping[str, Variant[Function]], n: int, generator: torch.Generator) -> dict[str, list[int]]:
    """n places dealt to the variants of a registry by their shares: name → its places."""
    return groups(choose({name: variant.share for name, variant in registry.items()}, n, generator))


def groups(names: list[str]) -> dict[str, list[int]]:
    """Which places hold which name."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return places
