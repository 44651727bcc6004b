"""Training a super-resolution network: clean crops, degraded on the fly, losses by name, and Adam."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.training.batches import DegradedCrops
from degcraft.training.loop import Loop
from degcraft.training.losses import LossTerm, build_losses, loss_identity
from degcraft.training.objective import Batch, Batches, Objective, Task
from degcraft.training.plan import TrainingPlan, learning_rate_at
from degcraft.training.precision import Precision
from degcraft.training.probing import choose_precision
from degcraft.training.restoration import LrHr, Restoration


class PlannedLoop(Loop[Batch]):
    """Trains one SR network by one plan, whatever it is given; see `Loop`."""

    def __init__(
        self,
        network: nn.Module,
        objective: Objective[Batch],
        batches: Batches[Batch],
        plan: TrainingPlan,
        *,
        device: torch.device,
        precision: Precision | None,
        conditions: Mapping[str, Any],
    ) -> None:
        """
        Args:
            network: (B,3,h,w) to (B,3,h·scale,w·scale) for the plan's scale; it is moved to the device and
                trained in place.
            objective: what a step minimises, on the device.
            batches: what it is given.
            plan: everything else.
            device: where it works.
            precision: the arithmetic; None decides by `choose_precision` before the first step.
            conditions: see `Loop`.

        Raises:
            DegcraftError: if the network's scale is not the plan's.
        """
        scale = getattr(network, "scale", plan.scale)
        if scale != plan.scale:
            raise DegcraftError(f"the network's scale must be the plan's {plan.scale}, but is {scale}")
        self.plan, self.device = plan, device
        network.to(device)
        task = Task(
            network=network,
            objective=objective,
            optimizer=torch.optim.Adam(network.parameters(), lr=plan.learning_rate, betas=(0.9, 0.99)),
            steps=plan.steps,
            rate=lambda step: learning_rate_at(plan, step),
            clip=plan.clip,
            ema=plan.ema,
        )
        super().__init__(task, batches, precision=precision, conditions=conditions)

    def decide_precision(self) -> Precision:
        """See `choose_precision`; on the CPU it takes a few passes."""
        return choose_precision(self.device, self.network, self.plan)

    def warm_start(self, state_dict: Mapping[str, Tensor]) -> None:
        """Begin with the weights of another run; the average begins there too.

        Raises:
            DegcraftError: after the first step, or if the weights are those of another layout.
        """
        self.begin_with(state_dict, "the warm start")


class Trainer(PlannedLoop[LrHr]):
    """Trains one network on clean images under one degradation source, by one plan; see `Loop`."""

    def __init__(
        self,
        network: nn.Module,
        source: DegradationSource,
        pool: HrPool,
        plan: TrainingPlan,
        *,
        device: str | torch.device = "cpu",
        precision: Precision | None = None,
        start: str = "none",
    ) -> None:
        """
        Args:
            network: see `PlannedLoop`.
            source: turns clean crops into low-resolution ones, on the training device.
            pool: the clean images.
            plan: everything else.
            device: where network and degradation work.
            precision: the arithmetic; None decides by `choose_precision` before the first step.
            start: what the network's weights are, in words; a run that began otherwise is not resumed.

        Raises:
            DegcraftError: if the network's scale is not the plan's, or what a loss needs cannot be had.
        """
        place = torch.device(device)
        losses = build_losses(plan.losses, seed=plan.seed, device=place)
        description = json.dumps(source.describe(), sort_keys=True)
        super().__init__(
            network, Restoration(losses), DegradedCrops(pool, source, plan, place), plan,
            device=place, precision=precision,
            conditions={
                "start": start,
                **planned_conditions(plan, losses, pool, place),
                "degradation source": hashlib.sha256(description.encode()).hexdigest(),
            },
        )  # fmt: skip


def planned_conditions(
    plan: TrainingPlan, losses: Mapping[str, tuple[float, LossTerm]], pool: HrPool, device: torch.device
) -> dict[str, Any]:
    """What must be the same for a run to be continued: all but the number of steps, so that it can train longer.

    A cosine schedule then follows the new end.
    """
    files = {f"weights of {name}": term.identity() for name, (_, term) in losses.items() if term.identity()}
    return {
        **{field: value for field, value in plan.to_dict().items() if field != "steps"},
        "losses": loss_identity(plan.losses),
        "kind of device": device.type,
        "set of training images": pool.content_hash,
        **files,
    }
