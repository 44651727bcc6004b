from .compression import Compression
from .joint import JointTrainer, begin_degradation
from .knobs import KNOBS, checked_joint
from .model import LearnedDegradation, kernel_moments
from .objective import PdmObjective, Penalty, check_unpaired, pdm_task, unpaired_crops
from .source import LearnedSource, load_learned, save_learned

__all__ = [
    "KNOBS",
    "Compression",
    "JointTrainer",
    "LearnedDegradation",
    "LearnedSource",
    "PdmObjective",
    "Penalty",
    "begin_degradation",
    "check_unpaired",
    "checked_joint",
    "kernel_moments",
    "load_learned",
    "pdm_task",
    "save_learned",
    "unpaired_crops",
]
