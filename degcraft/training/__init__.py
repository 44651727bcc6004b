"""Training networks: the loop and what it asks of a training; super-resolution's plan, losses and arithmetic."""

from degcraft.training.averaging import averaged_model
from degcraft.training.divergence import Limit, TrainingDiverged
from degcraft.training.loop import Loop
from degcraft.training.losses import LOSSES, build_losses
from degcraft.training.objective import Batches, Objective, Task
from degcraft.training.plan import TrainingPlan, learning_rate_at
from degcraft.training.precision import PLAIN, Precision
from degcraft.training.probing import choose_precision, cpu_capability
from degcraft.training.restoration import Restoration
from degcraft.training.running import MadeBatches, run_task
from degcraft.training.signals import stopped_by_signals
from degcraft.training.trainer import PlannedLoop, Trainer, planned_conditions

__all__ = [
    "LOSSES",
    "PLAIN",
    "Batches",
    "Limit",
    "Loop",
    "MadeBatches",
    "Objective",
    "PlannedLoop",
    "Precision",
    "Restoration",
    "Task",
    "Trainer",
    "TrainingDiverged",
    "TrainingPlan",
    "averaged_model",
    "build_losses",
    "choose_precision",
    "cpu_capability",
    "learning_rate_at",
    "planned_conditions",
    "run_task",
    "stopped_by_signals",
]
