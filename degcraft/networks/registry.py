"""The networks by name. A new one is its file with a `SPEC`, and one line here."""

from __future__ import annotations

import difflib
from typing import Any

import torch
from torch import nn

from degcraft.errors import DegcraftError, in_short
from degcraft.networks import edsr, rrdbnet, srresnet
from degcraft.networks.spandrel_specs import spandrel_specs
from degcraft.networks.spec import NetworkSpec

NETWORKS: dict[str, NetworkSpec] = {
    spec.name: spec for spec in (srresnet.SPEC, edsr.SPEC, rrdbnet.SPEC, *spandrel_specs())
}
"""Every network, by its name in lower case."""

ALIASES = {"esrgan": "rrdbnet", "realesrgan": "rrdbnet", "srvggnetcompact": "compact", "msrresnet": "srresnet"}
"""Other names that the field has for some of them."""


_SIDE = 8


def network_spec(name: str) -> NetworkSpec:
    """The registry's entry, upper or lower case; raises DegcraftError for a name it lacks."""
    known = name.lower() if isinstance(name, str) else ""
    known = ALIASES.get(known, known)
    if known not in NETWORKS:
        near = difflib.get_close_matches(known, [*NETWORKS, *ALIASES], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`degcraft networks` lists them"
        raise DegcraftError(f"there is no network {name!r}; {hint}")
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
    model = spec.build(scale=scale, seed=seed, **spec.checked(scale, hyperparameters))
    _try(model, spec.name, scale)
    return model


def _try(model: nn.Module, name: str, scale: int) -> None:
    """Some hyperparameters that do not go together show only when there is an image to restore."""
    size = (_SIDE * scale, _SIDE * scale)
    was_training = model.training
    try:
        with torch.no_grad():
            found = tuple(model.eval()(torch.zeros(1, 3, _SIDE, _SIDE)).shape[-2:])
    except Exception as error:  # whatever is raised for them
        raise DegcraftError(f"network {name}: does not work with its hyperparameters ({in_short(error)})") from error
    model.train(was_training)
    if found != size:
        raise DegcraftError(f"network {name}: must turn {_SIDE}x{_SIDE} pixels into {size}, but gives {found}")


def parameter_count(model: nn.Module) -> int:
    """The number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
