"""Losses that compare pixel by pixel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from degcraft.training.losses.base import LossTerm
from degcraft.training.precision import Precision


class L1Loss(LossTerm):
    """Mean absolute difference."""

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        """See `LossTerm.measure`."""
        return F.l1_loss(sr, hr)


class CharbonnierLoss(LossTerm):
    """Mean of √(d² + ε²): an L1 that is smooth at 0 (Lai et al., arXiv 1710.01992, eq. 3)."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        """See `LossTerm.measure`."""
        return torch.sqrt((sr - hr).square() + self.eps**2).mean()
