"""Training a network on clean images under any degradation source: plan, arithmetic, loop, checkpoints."""

from degcraft.training.divergence import TrainingDiverged
from degcraft.training.ema import MovingAverage
from degcraft.training.plan import TrainingPlan, learning_rate_at
from degcraft.training.precision import Precision, choose_precision, cpu_capability
from degcraft.training.trainer import Trainer

__all__ = [
    "MovingAverage",
    "Precision",
    "Trainer",
    "TrainingDiverged",
    "TrainingPlan",
    "choose_precision",
    "cpu_capability",
    "learning_rate_at",
]
