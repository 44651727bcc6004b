"""Chance inside a network (dropout, stochastic depth) that follows the batch and not the global generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.randomness import own_generator

# Names under which layers keep the probability of dropping: torch's, and timm's stochastic depth.
_PROBABILITIES = ("p", "drop_prob")


def is_random(model: nn.Module) -> bool:
    """Whether some layer drops things by chance while training."""
    for layer in model.modules():
        kind = type(layer).__name__
        if "Drop" in kind and any(getattr(layer, name, None) for name in _PROBABILITIES):
            return True
    return False


@contextmanager
def chance_of(batch: Tensor) -> Iterator[None]:
    """Draw inside as the batch says: equal batches drop equal things, so that a resumed training goes on exactly."""
    content = batch.detach().double()
    weights = torch.arange(1, content.shape[-1] + 1, device=content.device, dtype=torch.float64)
    seed = int((content * weights).sum().view(torch.int64).item()) & (2**63 - 1)
    with own_generator(seed, batch.device):
        yield


class DropChannels:
    """Drops whole channels of what a layer takes, while it trains; add it with `register_forward_pre_hook`.

    It is a hook and not a layer so that the network keeps the names of its parameters. Before the last
    convolution it keeps an SR network from leaning on few features, and generalisation grows: X. Kong et al.,
    *Reflash Dropout in Image Super-Resolution*, CVPR 2022.
    """

    def __init__(self, probability: float) -> None:
        self.p = probability

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (F.dropout2d(inputs[0], self.p), *inputs[1:]) if layer.training else None
