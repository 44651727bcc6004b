"""The training of degnet: tell blur, noise and JPEG quality of images whose degradation is known."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from degcraft.features.degnet_network import GRIDS, DegNet

LabelledBatch = tuple[Tensor, Mapping[str, Tensor]]
"""Images (B, 3, h, w) in [0, 1], and their true value (B,) on each axis of `GRIDS`."""


class DegNetTraining:
    """One optimiser step after another, with all that is needed to go on from where it stopped.

    The loss is the sum over the axes of the cross-entropy between the network's distribution and the true value,
    which is shared between the two cells next to it. So the network learns to say how sure it can be, not only a
    value, and cells keep their order without being told of it.

    Args:
        network: Trained in place, on its own device.
        steps: Length of the whole training: the learning rate falls from `learning_rate` to zero along a cosine.
        learning_rate: Of AdamW, reached after the first hundredth of the steps.
    """

    def __init__(self, network: DegNet, *, steps: int, learning_rate: float = 2e-3) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.steps = steps
        self.learning_rate = learning_rate
        self.step_number = 0
        self._optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-4)

    def step(self, batch: LabelledBatch) -> dict[str, float]:
        """One step; returns the cross-entropy per axis, in nats."""
        lr, labels = batch
        self.network.train()
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate
        logits = self.network(lr.contiguous(memory_format=torch.channels_last))
        losses = {
            axis: -(cell_targets(labels[axis].to(lr.device), axis) * logits[axis].log_softmax(dim=1)).sum(1).mean()
            for axis in GRIDS
        }
        self._optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        self.step_number += 1
        return {axis: float(loss.detach()) for axis, loss in losses.items()}

    def state_dict(self) -> dict[str, Any]:
        """All that decides the steps to come, on whatever device it lies."""
        return {
            "step": self.step_number,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state_dict` of a training with the same arguments."""
        self.step_number = state["step"]
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = min(1.0, (self.step_number + 1) / max(1, self.steps // 100))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step_number / self.steps)))


def cell_targets(values: Tensor, axis: str) -> Tensor:
    """Each value shared linearly between the two cells next to it; beyond the ends it counts for the last one.

    Args:
        values: (B,); infinity only where the axis has a cell for it.
        axis: A key of `GRIDS`.

    Returns:
        (B, cells), rows summing to 1, on the values' device.
    """
    grid = torch.tensor(GRIDS[axis], device=values.device)
    finite = grid[torch.isfinite(grid)]
    clamped = values.float().clamp(finite[0], finite[-1])
    upper = torch.searchsorted(finite, clamped).clamp(1, len(finite) - 1)
    share = (clamped - finite[upper - 1]) / (finite[upper] - finite[upper - 1])
    targets = torch.zeros(len(values), len(grid), device=values.device)
    targets.scatter_(1, (upper - 1)[:, None], (1 - share)[:, None])
    targets.scatter_(1, upper[:, None], share[:, None])
    if len(finite) < len(grid):
        endless = torch.isinf(values)
        targets[endless] = 0
        targets[endless, -1] = 1
    return targets
