"""The objective of super-resolution: restored images near the clean ones, by losses of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.training.divergence import Limit
from degcraft.training.losses import LossTerm
from degcraft.training.objective import Objective
from degcraft.training.precision import Precision

LrHr = tuple[Tensor, Tensor]
"""Low-resolution images (B,3,h,w) and the clean ones (B,3,h·scale,w·scale), both float32 in [0,1]."""

# Images lie in [0, 1], so any constant in that range has an L1 distance below 1.
LOST_IMAGE = Limit(1.0)


class Restoration(Objective[LrHr]):
    """The weighted sum of losses between the network's image and the clean one.

    The figures are the losses without their weights, and always the L1 distance: whatever is minimised, a run
    whose images are further from the clean ones than a constant has lost them.
    """

    def __init__(self, losses: Mapping[str, tuple[float, LossTerm]]) -> None:
        """
        Args:
            losses: weight and loss by name, see `build_losses`.
        """
        self.losses = dict(losses)
        own = {name: limit for _, term in self.losses.values() for name, limit in term.limits.items()}
        self.limits = {"l1": LOST_IMAGE, **own}
        self._seen: LrHr | None = None

    def measure(self, network: nn.Module, batch: LrHr, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`."""
        lr, hr = batch
        with precision.autocast(hr.device):
            restored = network(precision.arranged(lr))
        sr = restored.float()
        measured = {name: term.measure(sr, hr, precision) for name, (_, term) in self.losses.items()}
        total = torch.stack([weight * measured[name] for name, (weight, _) in self.losses.items()]).sum()
        figures = {name: value.detach() for name, value in measured.items()}
        self._seen = sr.detach(), hr
        if "l1" not in figures:
            figures = {"l1": F.l1_loss(self._seen[0], hr), **figures}
        return total, figures

    def learn(self, rate: float, precision: Precision) -> dict[str, Tensor]:
        """See `Objective.learn`."""
        assert self._seen is not None
        sr, hr = self._seen
        self._seen = None
        figures: dict[str, Tensor] = {}
        for _, term in self.losses.values():
            figures |= term.learn(sr, hr, rate, precision)
        return figures

    def state_dict(self) -> dict[str, Any]:
        """See `Objective.state_dict`."""
        return {name: term.state_dict() for name, (_, term) in self.losses.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Objective.load_state_dict`."""
        for name, (_, term) in self.losses.items():
            term.load_state_dict(state[name])
