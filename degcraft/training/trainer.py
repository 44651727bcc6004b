"""The training loop: clean crops, degraded on the fly, an L1 loss and Adam."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.training.checkpoint import read_checkpoint, write_checkpoint
from degcraft.training.divergence import check_losses
from degcraft.training.ema import MovingAverage
from degcraft.training.plan import TrainingPlan, learning_rate_at
from degcraft.training.precision import Precision, choose_precision

OnStep = Callable[[int, float], None]
_DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}


class Trainer:
    """Trains one network on clean images under one degradation source.

    A trainer that is saved, rebuilt with the same arguments and resumed gives the weights of an
    uninterrupted run: bit for bit on one CPU thread, and to rounding where threads or a GPU add up in
    changing order.
    """

    def __init__(
        self,
        network: nn.Module,
        source: DegradationSource,
        pool: HrPool,
        plan: TrainingPlan,
        *,
        device: str | torch.device = "cpu",
        precision: Precision | None = None,
    ) -> None:
        """
        Args:
            network: (B,3,h,w) to (B,3,h·scale,w·scale) for the plan's scale; it is moved to the device and
                trained in place.
            source: turns clean crops into low-resolution ones, on the training device.
            pool: the clean images.
            plan: everything else.
            device: where network and degradation work.
            precision: the arithmetic; None decides by `choose_precision` before the first step.

        Raises:
            DegcraftError: if the network's scale is not the plan's.
        """
        scale = getattr(network, "scale", plan.scale)
        if scale != plan.scale:
            raise DegcraftError(f"the network's scale must be the plan's {plan.scale}, but is {scale}")
        self.plan = plan
        self.device = torch.device(device)
        self.step = 0
        self.loss_history: list[float] = []
        self._network = network.to(self.device).train()
        self._source = source
        self._pool = pool
        self._optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, betas=(0.9, 0.99))
        self._average = MovingAverage(network, plan.ema)
        self._precision: Precision | None = None
        if precision is not None:
            self._use(precision)
        crop_seed, degrade_seed = np.random.SeedSequence(plan.seed).generate_state(2, np.uint64) >> np.uint64(1)
        self._crops = torch.Generator().manual_seed(int(crop_seed))
        self._degrading = torch.Generator(self.device).manual_seed(int(degrade_seed))
        # A batch that was cut ahead, with the state that the crops' generator had before.
        self._ahead: tuple[Tensor, Tensor] | None = None
        self._stopped = False

    @property
    def network(self) -> nn.Module:
        """The network in training, with its latest weights."""
        return self._network

    @property
    def precision(self) -> Precision:
        """The arithmetic; the first look at it decides it, which on the CPU takes a few passes."""
        if self._precision is None:
            self._use(choose_precision(self.device, self._network, self.plan))
        assert self._precision is not None
        return self._precision

    def _use(self, precision: Precision) -> None:
        self._precision = precision
        precision.arrange(self._network)
        self._average.match_layout()

    @property
    def learning_rate(self) -> float:
        """Of the step to come."""
        return learning_rate_at(self.plan, self.step)

    def warm_start(self, state_dict: Mapping[str, Tensor]) -> None:
        """Begin with the weights of another run; the average begins there too.

        Raises:
            DegcraftError: after the first step, or if the weights are those of another layout.
        """
        if self.step:
            raise DegcraftError(f"a warm start must come before the first step, but {self.step} are done")
        self._load_weights(state_dict, "the warm start")
        self._average.restart()

    def run(self, until: int | None = None, *, on_step: OnStep | None = None) -> None:
        """Train up to a step, or to the plan's end.

        Args:
            until: number of the last step, counted from 1 over the whole run; None: the plan's last.
            on_step: called after every step with its number and its loss. It may save, or call `stop`.

        Raises:
            TrainingDiverged: for a loss that is not finite or stays above 1. The weights are spoilt by then.
        """
        last = self.plan.steps if until is None else min(until, self.plan.steps)
        self._stopped = False
        while self.step < last and not self._stopped:
            rate = self.learning_rate
            loss = self._train_once(rate)
            self.step += 1
            self.loss_history.append(loss)
            check_losses(self.loss_history, rate)
            if on_step is not None:
                on_step(self.step, loss)

    def stop(self) -> None:
        """End `run` after the step in progress; safe to call from a signal handler."""
        self._stopped = True

    def _train_once(self, rate: float) -> float:
        hr = self._next_crops()
        with torch.no_grad():
            lr, _ = self._source.degrade(hr, self.plan.scale, self._degrading)
        with self.precision.autocast(self.device):
            sr = self._network(self.precision.arranged(lr))
        loss = F.l1_loss(sr.float(), hr)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.plan.clip is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self.plan.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._average.update()
        if self.device.type != "cpu" and self.step + 1 < self.plan.steps:
            # The device is still busy with this step while the next crops are cut.
            self._ahead = self._cut_ahead()
        return loss.item()

    def _cut(self) -> Tensor:
        return self._pool.crop_batch(self.plan.batch, self.plan.hr_patch, self._crops)

    def _cut_ahead(self) -> tuple[Tensor, Tensor]:
        before = self._crops.get_state()
        crops = self._cut()
        return before, crops.pin_memory() if self.device.type == "cuda" else crops

    def _next_crops(self) -> Tensor:
        crops = self._ahead[1] if self._ahead is not None else self._cut()
        self._ahead = None
        return crops.to(self.device, non_blocking=True)

    def ema_network(self) -> nn.Module:
        """A copy of the network with the averaged weights, in evaluation mode, on the training device."""
        return self._average.network()

    def state_dict(self) -> dict[str, Any]:
        """Everything the run depends on from here, random states included.

        The tensors of the network, its average and the optimizer are shared with the trainer, not copied.
        """
        precision = None
        if self._precision is not None:
            name = "bf16" if self._precision.dtype == torch.bfloat16 else "float32"
            precision = {
                "dtype": name,
                "channels_last": self._precision.channels_last,
                "reason": self._precision.reason,
            }
        return {
            "plan": self.plan.to_dict(),
            "conditions": self._conditions(),
            "step": self.step,
            "loss_history": torch.tensor(self.loss_history, dtype=torch.float64),
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "precision": precision,
            "crop_state": self._crops.get_state() if self._ahead is None else self._ahead[0],
            "degrade_state": self._degrading.get_state(),
        }

    def _conditions(self) -> dict[str, str]:
        description = json.dumps(self._source.describe(), sort_keys=True)
        return {
            "kind of device": self.device.type,
            "set of training images": self._pool.content_hash,
            "degradation source": hashlib.sha256(description.encode()).hexdigest(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave for a trainer of the same arguments.

        The plan may differ in `steps` alone, to train longer; a cosine schedule then follows the new end.
        The arithmetic is that of the checkpoint, measured or not.

        Raises:
            DegcraftError: if the plan, network, images, degradation or kind of device is another.
        """
        saved = TrainingPlan.from_dict(state["plan"]).to_dict()
        for field, value in self.plan.to_dict().items():
            if field != "steps" and saved[field] != value:
                raise DegcraftError(
                    f"a run continues only under its own plan: {field} was {saved[field]!r}, but is {value!r} now"
                )
        for what, value in self._conditions().items():
            if state["conditions"][what] != value:
                raise DegcraftError(f"a run continues only under its own {what}, but this is another")
        if self.plan.steps < state["step"]:
            raise DegcraftError(
                f"a plan that continues a checkpoint of step {state['step']} needs at least as many steps, "
                f"but has {self.plan.steps}"
            )
        self._load_weights(state["network"], "the checkpoint")
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        if (precision := state["precision"]) is not None:
            dtype = _DTYPES[precision["dtype"]]
            self._use(Precision(dtype, precision["channels_last"], precision["reason"]))
        self.step = state["step"]
        self.loss_history = state["loss_history"].tolist()
        self._ahead = None
        self._crops.set_state(state["crop_state"])
        self._degrading.set_state(state["degrade_state"])

    def _load_weights(self, weights: Mapping[str, Tensor], origin: str) -> None:
        try:
            self._network.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise DegcraftError(f"the weights of {origin} do not fit the network ({reason})") from error

    def save(self, path: str | Path) -> None:
        """Write a checkpoint file, whole or not at all."""
        write_checkpoint(path, self.state_dict())

    def resume(self, path: str | Path) -> None:
        """Continue from a checkpoint file; raises DegcraftError as `load_state_dict` does."""
        state = read_checkpoint(path)
        try:
            self.load_state_dict(state)
        except (KeyError, TypeError, ValueError) as error:
            raise DegcraftError(f"{path}: the checkpoint is incomplete ({error!r})") from error
        except DegcraftError as error:
            raise DegcraftError(f"{path}: {error}") from error
