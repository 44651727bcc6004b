"""What a training run does, as data, and the learning rate that follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from degcraft.errors import DegcraftError
from degcraft.training.losses import checked_losses

Schedule = Literal["cosine", "multistep", "constant"]
PrecisionWish = Literal["auto", "float32", "bf16"]

# Where the cosine ends, as a part of the learning rate.
COSINE_FLOOR = 1e-3
MILESTONE_FACTOR = 0.5


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides a training run but the network, the images and their degradation.

    The defaults are those of the field for SRResNet and RRDBNet trained with an L1 loss.

    Raises:
        DegcraftError: for a value out of range, named with the rule.
    """

    steps: int
    """Optimizer steps in all."""

    batch: int = 16
    """Crops per step."""

    lr_patch: int = 32
    """Side of the low-resolution crop in pixels; the clean crop is `scale` times as large."""

    scale: int = 4
    """Enlargement, 1 to 4."""

    losses: Mapping[str, Any] = field(default_factory=lambda: {"l1": 1.0})
    """What a step minimises: losses of `LOSSES` by name, each with its weight, or with a mapping of `weight` and
    its knobs: {"l1": 1, "gan": {"weight": 0.05, "discriminator": "unet"}}."""

    learning_rate: float = 2e-4
    """Peak learning rate of Adam (0.9, 0.99)."""

    schedule: Schedule = "cosine"
    """cosine: down to a thousandth at the last step; multistep: halved at each milestone; constant."""

    milestones: tuple[int, ...] = ()
    """For multistep: steps in rising order, each before the last step."""

    warmup: int = 0
    """Steps over which the learning rate rises linearly from 0."""

    ema: float = 0.999
    """Longest memory of the averaged weights, in [0, 1); 0 keeps the latest weights. See `averaged_model`."""

    clip: float | None = None
    """Largest norm of the gradient; None does not clip."""

    precision: PrecisionWish = "auto"
    """float32 and bf16 are taken as said; auto measures on the CPU, so that its choice, and with it the
    last digits of the weights, may differ between machines or under load."""

    seed: int = 0
    """Of the crops and their degradations."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "lr_patch", "scale"):
            self._check_whole(name, 1)
        for name in ("warmup", "seed"):
            self._check_whole(name, 0)
        for name in ("learning_rate", "ema", "clip"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self._check(name, number or (name == "clip" and value is None), "a number")
        self._check("scale", self.scale <= 4, "from 1 to 4")
        self._check("learning_rate", 0 < self.learning_rate < math.inf, "above 0")
        self._check("ema", 0 <= self.ema < 1, "at least 0 and below 1")
        self._check("clip", self.clip is None or 0 < self.clip < math.inf, "above 0, or none")
        self._check("schedule", self.schedule in get_args(Schedule), f"one of {_words(Schedule)}")
        self._check("precision", self.precision in get_args(PrecisionWish), f"one of {_words(PrecisionWish)}")
        self._check("warmup", self.warmup <= self.steps, f"no longer than the {self.steps} steps")
        # A list, as JSON and YAML give it, is as good.
        object.__setattr__(self, "milestones", tuple(self.milestones))
        inside = all(isinstance(step, int) and 0 < step < self.steps for step in self.milestones)
        rising = sorted(set(self.milestones)) == list(self.milestones)
        self._check("milestones", inside and rising, f"rising whole numbers between 0 and {self.steps}")
        if (self.schedule == "multistep") != bool(self.milestones):
            raise DegcraftError(
                "training plan: milestones belong to the multistep schedule and it needs at least one, "
                f"but schedule is {self.schedule!r} and milestones {list(self.milestones)}"
            )
        try:
            object.__setattr__(self, "losses", checked_losses(self.losses, self.hr_patch))
        except DegcraftError as error:
            raise DegcraftError(f"training plan: {error}") from error

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise DegcraftError(f"training plan: {name} must be {rule}, but got {getattr(self, name)!r}")

    def _check_whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        self._check(name, whole and value >= least, f"a whole number of at least {least}")

    @property
    def hr_patch(self) -> int:
        """Side of the clean crop in pixels."""
        return self.lr_patch * self.scale

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for records and checkpoints."""
        return {**asdict(self), "milestones": list(self.milestones)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrainingPlan:
        """What `to_dict` wrote; raises DegcraftError for unknown or missing fields too."""
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(content.keys() - known):
            raise DegcraftError(f"training plan: no field {unknown[0]!r}; it has {', '.join(sorted(known))}")
        if "steps" not in content:
            raise DegcraftError("training plan: steps must be given")
        return cls(**content)


def learning_rate_at(plan: TrainingPlan, step: int) -> float:
    """The learning rate of a step, counted from 0.

    With t = step, T = steps and W = warmup: linear ((t+1)/W) · peak while t < W; after that the peak times
    - cosine: f + (1 − f) · (1 + cos(π (t − W) / (T − W))) / 2 with f = 1/1000,
    - multistep: 1/2 to the number of milestones ≤ t,
    - constant: 1.
    """
    if step < plan.warmup:
        return plan.learning_rate * (step + 1) / plan.warmup
    if plan.schedule == "cosine":
        done = min((step - plan.warmup) / max(plan.steps - plan.warmup, 1), 1.0)
        return plan.learning_rate * (COSINE_FLOOR + (1 - COSINE_FLOOR) * (1 + math.cos(math.pi * done)) / 2)
    passed = sum(milestone <= step for milestone in plan.milestones)
    return plan.learning_rate * MILESTONE_FACTOR**passed


def _words(literal: Any) -> str:
    return ", ".join(get_args(literal))
