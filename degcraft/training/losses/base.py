"""What every loss looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from degcraft.training.divergence import Limit
from degcraft.training.precision import Precision


class LossTerm:
    """A number that a restored image is to make small, with whatever is needed to compute it.

    A loss without a state of its own gives `measure` alone.
    """

    limits: Mapping[str, Limit] = {}
    """How large its figures may be on average before the run counts as lost."""

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        """The loss, without its weight.

        Args:
            sr: (B,3,H,W) float32, not clipped; gradients flow into it.
            hr: (B,3,H,W) float32 in [0,1].
            precision: the arithmetic of networks that the loss has itself.
        """
        raise NotImplementedError

    def learn(self, sr: Tensor, hr: Tensor, rate: float, precision: Precision) -> dict[str, Tensor]:
        """One step of the loss's own networks, after the network's; returns figures of it to show.

        Args:
            sr: what `measure` was given, detached.
            hr: the same images as there.
            rate: the network's learning rate at this step.
            precision: as for `measure`.
        """
        return {}

    def to(self, device: torch.device) -> None:
        """Move what it owns."""

    def identity(self) -> str:
        """Of files that the loss was made from; '' where its knobs say all of it."""
        return ""

    def state_dict(self) -> dict[str, Any]:
        """What changes while training: tensors, numbers, containers of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave for a loss with the same knobs."""
