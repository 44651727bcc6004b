"""Degradations that are networks, and their training."""

from degcraft.learned.compression import Compression
from degcraft.learned.joint import JointTrainer, begin_degradation, checked_joint
from degcraft.learned.model import KNOBS, LearnedDegradation, kernel_moments
from degcraft.learned.objective import PdmObjective, Penalty, check_unpaired, pdm_task, unpaired_crops
from degcraft.learned.source import LearnedSource, load_learned, save_learned

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
