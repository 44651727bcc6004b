"""The networks by name. A new one is its file with a `SPEC`, and one line here."""

from __future__ import annotations

from torch import nn

from degcraft.errors import DegcraftError
from degcraft.networks import compact, rrdbnet, srresnet
from degcraft.networks.spec import NetworkSpec

NETWORKS: dict[str, NetworkSpec] = {spec.name: spec for spec in (compact.SPEC, srresnet.SPEC, rrdbnet.SPEC)}


def network_spec(name: str) -> NetworkSpec:
    """The registry's entry; raises DegcraftError for a name it lacks."""
    if not isinstance(name, str) or name not in NETWORKS:
        raise DegcraftError(f"network must be one of {', '.join(NETWORKS)}, but got {name!r}")
    return NETWORKS[name]


def build_network(name: str, *, scale: int = 4, seed: int = 0, **hyperparameters: int) -> nn.Module:
    """A network with starting weights, float32 on the CPU, in training mode.

    Args:
        name: a key of `NETWORKS`.
        scale: 1 to 4.
        seed: of the starting weights; the same seed gives the same weights.
        **hyperparameters: any of the entry's `defaults`, such as channels=32, blocks=4.

    Raises:
        DegcraftError: for an unknown name or hyperparameter, or a value out of range.
    """
    spec = network_spec(name)
    return spec.build(scale=scale, seed=seed, **spec.checked(scale, hyperparameters))


def parameter_count(model: nn.Module) -> int:
    """The number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in model.parameters())
