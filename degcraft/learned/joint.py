"""PDM-SR: the degradation and the SR network learned together, in turns, on one loop."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from degcraft.images import HrPool
from degcraft.learned.compression import Compression
from degcraft.learned.knobs import DISCRIMINATOR, checked_joint
from degcraft.learned.model import LearnedDegradation
from degcraft.learned.objective import MOMENTUM, PdmObjective, Penalty, Unpaired, unpaired_crops
from degcraft.learned.source import LearnedSource
from degcraft.training import (
    PLAIN,
    MadeBatches,
    Objective,
    PlannedLoop,
    Precision,
    Restoration,
    TrainingPlan,
    build_losses,
    learning_rate_at,
    planned_conditions,
)


def begin_degradation(scale: int, seed: int, knobs: Mapping[str, Any]) -> tuple[LearnedDegradation, dict[str, Any]]:
    """A degradation to learn, and how: the `penalty` and the `discriminator` of `PdmObjective`.

    Args:
        scale: Downsampling factor.
        seed: Of the first weights.
        knobs: As `JOINT_KNOBS` says.

    Raises:
        DegcraftError: see `checked_joint` and `Compression.parse`.
    """
    asked = checked_joint(knobs)
    how, behind = {name: asked.pop(name) for name in ("penalty", "discriminator")}, asked.pop("compression")
    compression = None if behind is None else Compression.parse(str(behind))
    return LearnedDegradation(scale, seed=seed, compression=compression, **asked), how


class JointObjective(Objective[Unpaired]):
    """A step of the degradation, one of its discriminator, and then the SR network's on the same images.

    The order is the published one (arXiv 2203.04962): the SR network sees what the degradation made before its step,
    detached, so that nothing of restoring flows back into it.

    Args:
        restoration: What the SR network minimises: PDM-SR with an L1 loss, PDM-SRGAN with perceptual and adversarial
            ones.
        pdm: What the degradation minimises.
        model: The degradation, on the device; it is trained in place, by an Adam of its own.
        rate: The degradation's learning rate at a step, counted from 0.
    """

    def __init__(
        self, restoration: Restoration, pdm: PdmObjective, model: LearnedDegradation, rate: Callable[[int], float]
    ) -> None:
        self._restoration, self._pdm, self._model, self._rate = restoration, pdm, model.train(), rate
        self._optimizer = torch.optim.Adam(model.parameters(), betas=(MOMENTUM, 0.99))
        self._steps = 0
        self.limits = {**restoration.limits, **{_own(name): limit for name, limit in pdm.limits.items()}}

    def measure(self, network: nn.Module, batch: Unpaired, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`; the degradation takes its step on the way, in float32."""
        rate = self._rate(self._steps)
        loss, figures = self._pdm.measure(self._model, batch, PLAIN)
        lr = self._pdm.degraded
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        figures |= self._pdm.learn(rate, PLAIN)
        self._steps += 1
        total, restored = self._restoration.measure(network, (lr, batch[0]), precision)
        return total, restored | {_own(name): value for name, value in figures.items()}

    def learn(self, rate: float, precision: Precision) -> dict[str, Tensor]:
        """See `Objective.learn`."""
        return self._restoration.learn(rate, precision)

    def state_dict(self) -> dict[str, Any]:
        """See `Objective.state_dict`."""
        return {
            "restoration": self._restoration.state_dict(),
            "pdm": self._pdm.state_dict(),
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "steps": self._steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Objective.load_state_dict`."""
        self._restoration.load_state_dict(state["restoration"])
        self._pdm.load_state_dict(state["pdm"])
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._steps = state["steps"]


def _own(figure: str) -> str:
    """Both sides may have a discriminator."""
    return f"pdm {figure}"


class JointTrainer(PlannedLoop[Unpaired]):
    """Trains an SR network along with the degradation that it learns to undo; see `Loop`."""

    def __init__(
        self,
        network: nn.Module,
        model: LearnedDegradation,
        pool: HrPool,
        references: HrPool,
        plan: TrainingPlan,
        *,
        penalty: Penalty = "mean",
        discriminator: str = DISCRIMINATOR,
        device: str | torch.device = "cpu",
        precision: Precision | None = None,
        start: str = "none",
    ) -> None:
        """
        Args:
            network: see `PlannedLoop`.
            model: the degradation, new or learned before; it is moved to the device and trained in place, at the
                plan's learning rates.
            pool: the clean images.
            references: real low-resolution images of any other content.
            plan: everything else.
            penalty: on the noise, see `PdmObjective`.
            discriminator: see there.
            device: where both are trained.
            precision: the SR network's arithmetic; None decides by `choose_precision` before the first step.
            start: what the network's weights are, in words; a run that began otherwise is not resumed.

        Raises:
            DegcraftError: if a scale is not the plan's, what a loss needs cannot be had, or images that
                `check_unpaired` refuses.
        """
        place = torch.device(device)
        losses = build_losses(plan.losses, seed=plan.seed, device=place)
        begun = LearnedSource(model).identity
        self.model, self._how = model.to(place), {"penalty": penalty, "discriminator": discriminator}
        pdm = PdmObjective(penalty=penalty, discriminator=discriminator, seed=plan.seed, device=place)
        objective = JointObjective(Restoration(losses), pdm, model, lambda step: learning_rate_at(plan, step))
        make = unpaired_crops(
            model, pool, references, batch=plan.batch, lr_patch=plan.lr_patch, seed=plan.seed, device=place
        )
        super().__init__(
            network, objective, MadeBatches(make, plan.steps), plan, device=place, precision=precision,
            conditions={
                "start": start,
                **planned_conditions(plan, losses, pool, place),
                "degradation that was begun with": begun,
                **self._how,
                "set of references": references.content_hash,
            },
        )  # fmt: skip

    def source(self) -> LearnedSource:
        """The degradation as it stands."""
        model = LearnedDegradation(self.model.scale, compression=self.model.compression, **self.model.knobs)
        model.load_state_dict(self.model.state_dict())
        training = {"jointly": True, "plan": self.plan.to_dict(), **self._how, "steps": self.step}
        return LearnedSource(model.eval().requires_grad_(False), training)
