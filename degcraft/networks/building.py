"""Networks by name, with starting weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from degcraft.errors import DegcraftError, in_short
from degcraft.networks.registry import network_spec

_SIDE = 8


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
