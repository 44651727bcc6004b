from .averaging import averaged_model
from .divergence import Limit, TrainingDiverged
from .loop import Loop
from .losses import LOSSES, build_losses
from .objective import Batches, Objective, Task
from .plan import TrainingPlan, learning_rate_at
from .precision import PLAIN, Precision
from .probing import choose_precision, cpu_capability
from .restoration import Restoration
from .running import MadeBatches, run_task
from .signals import stopped_by_signals
from .trainer import PlannedLoop, Trainer, planned_conditions

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
