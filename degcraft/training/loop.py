"""The training loop: steps, averaged weights, checkpoints, and an end when it is past saving."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from degcraft.errors import DegcraftError, in_short
from degcraft.training.averaging import averaged_model
from degcraft.training.checkpoint import read_checkpoint, write_checkpoint
from degcraft.training.divergence import check_figures
from degcraft.training.objective import Batch, Batches, Task
from degcraft.training.precision import PLAIN, Precision

OnStep = Callable[[int, float], None]
SHOWN = 50
"""Steps that `loss_means` is the mean of."""


class Loop(Generic[Batch]):
    """Takes the steps of a task.

    A loop that is saved, rebuilt with the same arguments and resumed gives the weights of an uninterrupted run:
    bit for bit on one CPU thread, and to rounding where threads or a GPU add up in changing order.
    """

    def __init__(
        self,
        task: Task[Batch],
        batches: Batches[Batch],
        *,
        precision: Precision | None = PLAIN,
        conditions: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            task: what to train; its network's device is the loop's.
            batches: what to train it on.
            precision: the arithmetic; None leaves it to `decide_precision`, before the first step.
            conditions: plain JSON by name: what must be the same for a run to be continued.
        """
        self.task = task
        self.step = 0
        self.loss_history: list[float] = []
        self._recent: dict[str, deque[float]] = {}
        self._batches = batches
        self._conditions = dict(conditions or {})
        self._stopped = False
        task.network.train()
        self._average = self._new_average()
        self._precision: Precision | None = None
        if precision is not None:
            self._use(precision)

    @property
    def network(self) -> nn.Module:
        """The network in training, with its latest weights."""
        return self.task.network

    @property
    def precision(self) -> Precision:
        """The arithmetic; the first look at it decides it."""
        if self._precision is None:
            self._use(self.decide_precision())
        assert self._precision is not None
        return self._precision

    def decide_precision(self) -> Precision:
        """What `precision` is where none was given."""
        return PLAIN

    def _use(self, precision: Precision) -> None:
        self._precision = precision
        precision.arrange(self.network)
        if self._average is not None:
            precision.arrange(self._average)

    def _new_average(self) -> AveragedModel | None:
        return None if self.task.ema is None else averaged_model(self.network, self.task.ema)

    @property
    def learning_rate(self) -> float:
        """Of the step to come."""
        return self.task.rate(self.step)

    @property
    def figures(self) -> dict[str, float]:
        """What the latest step was judged by, by name; empty before the first."""
        return {name: values[-1] for name, values in self._recent.items()}

    def loss_means(self) -> dict[str, float]:
        """Means of the figures over the last 50 steps, for display."""
        return {name: sum(values) / len(values) for name, values in self._recent.items()}

    def run(self, until: int | None = None, *, on_step: OnStep | None = None) -> None:
        """Train up to a step, or to the task's end.

        Args:
            until: number of the last step, counted from 1 over the whole run; None: the task's last.
            on_step: called after every step with its number and its loss. It may save, or call `stop`.

        Raises:
            TrainingDiverged: for a loss that is not finite, or a figure that stays above its limit. The weights
                are spoilt by then.
        """
        last = self.task.steps if until is None else min(until, self.task.steps)
        self._stopped = False
        self.network.train()
        while self.step < last and not self._stopped:
            rate = self.learning_rate
            loss, figures = self._train_once(rate)
            self.step += 1
            self.loss_history.append(loss)
            for name, value in figures.items():
                self._recent.setdefault(name, deque(maxlen=SHOWN)).append(value)
            check_figures(self.step, self._recent, self.task.objective.limits, rate)
            if on_step is not None:
                on_step(self.step, loss)

    def stop(self) -> None:
        """End `run` after the step in progress; safe to call from a signal handler."""
        self._stopped = True

    def _train_once(self, rate: float) -> tuple[float, dict[str, float]]:
        task, precision = self.task, self.precision
        loss, figures = task.objective.measure(task.network, self._batches.take(self.step), precision)
        task.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if task.clip is not None:
            nn.utils.clip_grad_norm_(task.network.parameters(), task.clip)
        for group in task.optimizer.param_groups:
            group["lr"] = rate
        task.optimizer.step()
        if self._average is not None:
            self._average.update_parameters(task.network)
        figures = figures | task.objective.learn(rate, precision)
        if self.step + 1 < task.steps:
            self._batches.ahead(self.step + 1)
        return loss.item(), {name: value.item() for name, value in figures.items()}

    def ema_network(self) -> nn.Module:
        """A copy of the network with the averaged weights, in evaluation mode, on the training device.

        Where nothing is averaged, with the latest weights.
        """
        source = self.network if self._average is None else self._average.module
        return copy.deepcopy(source).eval().requires_grad_(False)

    def begin_with(self, weights: Mapping[str, Tensor], origin: str) -> None:
        """Begin with other weights; the average begins there too.

        Raises:
            DegcraftError: after the first step, or if the weights are those of another layout.
        """
        if self.step:
            raise DegcraftError(f"{origin} must come before the first step, but {self.step} are done")
        self._load_weights(weights, origin)
        self._average = self._new_average()

    def state_dict(self) -> dict[str, Any]:
        """Everything the run depends on from here, random states included.

        The tensors of networks, averages and optimizers are shared with the loop, not copied.
        """
        return {
            "conditions": self._conditions,
            "step": self.step,
            "loss_history": torch.tensor(self.loss_history, dtype=torch.float64),
            "recent": {name: torch.tensor(values, dtype=torch.float64) for name, values in self._recent.items()},
            "network": self.network.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "optimizer": self.task.optimizer.state_dict(),
            "objective": self.task.objective.state_dict(),
            "batches": self._batches.state_dict(),
            "precision": None if self._precision is None else self._precision.to_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave for a loop of the same arguments.

        The arithmetic is that of the checkpoint, measured or not.

        Raises:
            DegcraftError: if the conditions or the network are others, or the task has fewer steps than are done.
        """
        for name, value in self._conditions.items():
            if (saved := state["conditions"].get(name)) != value:
                raise DegcraftError(
                    f"a run continues only as it began: {name} was {_short(saved)}, but is {_short(value)} now"
                )
        if self.task.steps < state["step"]:
            raise DegcraftError(
                f"a run that continues a checkpoint of step {state['step']} needs at least as many steps, "
                f"but has {self.task.steps}"
            )
        self._load_weights(state["network"], "the checkpoint")
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.task.optimizer.load_state_dict(state["optimizer"])
        self.task.objective.load_state_dict(state["objective"])
        self._batches.load_state_dict(state["batches"])
        if state["precision"] is not None:
            self._use(Precision.from_dict(state["precision"]))
        self.step = state["step"]
        self.loss_history = state["loss_history"].tolist()
        self._recent = {name: deque(values.tolist(), maxlen=SHOWN) for name, values in state["recent"].items()}

    def _load_weights(self, weights: Mapping[str, Tensor], origin: str) -> None:
        try:
            self.network.load_state_dict(weights)
        except RuntimeError as error:
            raise DegcraftError(f"the weights of {origin} do not fit the network ({in_short(error)})") from error

    def save(self, path: str | Path) -> None:
        """Write a checkpoint file, whole or not at all."""
        write_checkpoint(path, self.state_dict())

    def resume(self, path: str | Path) -> None:
        """Continue from a checkpoint file; raises DegcraftError as `load_state_dict` does."""
        state = read_checkpoint(path)
        try:
            self.load_state_dict(state)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise DegcraftError(f"{path}: the checkpoint is incomplete ({error!r})") from error
        except DegcraftError as error:
            raise DegcraftError(f"{path}: {error}") from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
