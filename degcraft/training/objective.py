"""What a training loop asks of a training: what a step minimises, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from degcraft.training.divergence import Limit
from degcraft.training.precision import Precision

Batch = TypeVar("Batch")


class Objective(Generic[Batch]):
    """What a step of the network minimises, with all that is needed to compute it.

    Other networks, their optimizers and queues belong to the objective, and go into the checkpoint with it.
    """

    limits: Mapping[str, Limit] = {}
    """How large its figures may be on average before the run counts as lost."""

    def measure(self, network: nn.Module, batch: Batch, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise, a scalar with gradients into the network, and figures of it to show by name.

        Args:
            network: in training mode.
            batch: from the loop's `Batches`.
            precision: the arithmetic of the network.
        """
        raise NotImplementedError

    def learn(self, rate: float, precision: Precision) -> dict[str, Tensor]:
        """What follows the network's step on the same batch; returns further figures.

        Args:
            rate: the network's learning rate at this step.
            precision: as for `measure`.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What changes while training: tensors, numbers, strings, containers of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave for an objective of the same arguments."""


class Batches(Generic[Batch]):
    """Where a loop's batches come from."""

    def take(self, step: int) -> Batch:
        """The batch of a step, counted from 0; steps come in order, each once."""
        raise NotImplementedError

    def ahead(self, step: int) -> None:
        """Called while the device still computes a step: the time to prepare this next one."""

    def state_dict(self) -> dict[str, Any]:
        """What decides the batches to come, beyond their numbers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave."""


@dataclass
class Task(Generic[Batch]):
    """One training: a network, what it is to learn, and how fast."""

    network: nn.Module
    """Trained in place, on its own device."""
    objective: Objective[Batch]
    optimizer: torch.optim.Optimizer
    """Of the network's parameters."""
    steps: int
    """In all."""
    rate: Callable[[int], float]
    """The learning rate of a step, counted from 0."""
    clip: float | None = None
    """Largest norm of the gradient; None does not clip."""
    ema: float | None = None
    """Memory of averaged weights, see `averaged_model`; None keeps none."""
