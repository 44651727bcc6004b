"""The training of degnet: tell the degradation of images of which it is known."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from degcraft.features.degnet_grids import GRIDS
from degcraft.features.degnet_network import DegNet
from degcraft.training import Objective, Precision, Task

LabelledBatch = tuple[Tensor, Mapping[str, Tensor]]
"""Images (B, 3, h, w) in [0, 1], and their true value (B,) on each axis of the network."""


class DegNetObjective(Objective[LabelledBatch]):
    """The cross-entropy between the network's distribution on each axis and the true value, summed over the axes.

    The true value is shared between the two cells next to it. So the network learns to say how sure it can be, not
    only a value, and cells keep their order without being told of it. The figures are the axes', in nats.
    """

    def measure(
        self, network: nn.Module, batch: LabelledBatch, precision: Precision
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`."""
        lr, labels = batch
        with precision.autocast(lr.device):
            logits = network(precision.arranged(lr))
        losses = {
            axis: -(cell_targets(labels[axis].to(lr.device), axis) * logits[axis].float().log_softmax(dim=1))
            .sum(1)
            .mean()
            for axis in logits
        }
        return torch.stack(list(losses.values())).sum(), {axis: loss.detach() for axis, loss in losses.items()}


def degnet_task(network: DegNet, *, steps: int, learning_rate: float = 2e-3) -> Task[LabelledBatch]:
    """The training of degnet by AdamW.

    Args:
        network: Trained in place, on its own device; what asks for no gradient stays as it is.
        steps: Length of the whole training: the learning rate falls from `learning_rate` to zero along a cosine.
        learning_rate: Reached after the first hundredth of the steps.
    """

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / max(1, steps // 100))
        return learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))

    trained = [weights for weights in network.parameters() if weights.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=1e-4)
    return Task(network, DegNetObjective(), optimizer, steps, rate, clip=5.0)


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
