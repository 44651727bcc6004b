"""The perceptual loss: LPIPS, which people's judgements of likeness calibrated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from degcraft.metrics.lpips import BACKBONES, lpips_network
from degcraft.training.losses.base import LossTerm
from degcraft.training.precision import Precision


class LpipsLoss(LossTerm):
    """LPIPS of R. Zhang et al. (CVPR 2018, eq. 1), version 0.1, as the mean over the batch."""

    def __init__(self, backbone: str, weights: str | None) -> None:
        """
        Args:
            backbone: one of `BACKBONES`.
            weights: the backbone's ImageNet weights; None: see `LpipsMetric`.

        Raises:
            DegcraftError: if there are no weights to be had, saying where they could be put.
        """
        self._network = lpips_network(backbone, None if weights is None else Path(weights))

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        """See `LossTerm.measure`. In float32 always: differences of features are small numbers."""
        return self._network(sr, hr, normalize=True).mean()

    def to(self, device: torch.device) -> None:
        """See `LossTerm.to`."""
        self._network.to(device)

    def identity(self) -> str:
        """SHA-256 of the network's weights."""
        digest = hashlib.sha256()
        for key, value in sorted(self._network.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.cpu().numpy().tobytes())
        return digest.hexdigest()


def least_patch(knobs: Mapping[str, Any]) -> int:
    """See `LossSpec.least_patch`."""
    return BACKBONES[knobs["backbone"]].min_side
