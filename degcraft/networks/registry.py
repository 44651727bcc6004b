"""The networks by name. A new one is its file with a `SPEC`, and one line here."""

from __future__ import annotations

from typing import Any

from torch import nn

from degcraft.errors import DegcraftError
from degcraft.networks import edsr, rrdbnet, srresnet
from degcraft.networks.spandrel_specs import spandrel_specs
from degcraft.networks.spec import NetworkSpec

NETWORKS: dict[str, NetworkSpec] = {
    spec.name: spec for spec in (srresnet.SPEC, edsr.SPEC, rrdbnet.SPEC, *spandrel_specs())
}
"""Every network, by its name in lower case."""

ALIASES = {"esrgan": "rrdbnet", "realesrgan": "rrdbnet", "srvggnetcompact": "compact", "msrresnet": "srresnet"}
"""Other names that the field has for some of them."""


def network_spec(name: str) -> NetworkSpec:
    """The registry's entry, upper or lower case; raises DegcraftError for a name it lacks."""
    known = name.lower() if isinstance(name, str) else ""
    known = ALIASES.get(known, known)
    if known not in NETWORKS:
        raise DegcraftError(f"network must be one of {', '.join(NETWORKS)}, but got {name!r}")
    return NETWORKS[known]


def build_network(name: str, *, scale: int = 4, seed: int = 0, **hyperparameters: Any) -> nn.Module:
    """A network with starting weights, float32 on the CPU, in training mode.

    Args:
        name: a key of `NETWORKS`, upper or lower case.
        scale: one of the entry's `scales`.
        seed: of the starting weights; the same seed gives the same weights.
        **hyperparameters: any of the entry's `hyperparameters`, such as channels=32, blocks=4.

    Raises:
        DegcraftError: for an unknown name or hyperparameter, a value that breaks its rule, or values that do not go
            together.
    """
    spec = network_spec(name)
    return spec.build(scale=scale, seed=seed, **spec.checked(scale, hyperparameters))


def parameter_count(model: nn.Module) -> int:
    """The number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
