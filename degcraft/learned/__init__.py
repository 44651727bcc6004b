"""Degradations that are networks, and their training."""

from degcraft.learned.compression import Compression
from degcraft.learned.joint import JOINT_KNOBS, JointTrainer, begin_degradation
from degcraft.learned.model import KNOBS, LearnedDegradation, kernel_moments
from degcraft.learned.objective import PdmObjective, Penalty, check_unpaired, pdm_task, unpaired_crops
from degcraft.learned.source import LearnedSource, is_learned, load_learned, save_learned

__all__ = [
    "JOINT_KNOBS",
    "KNOBS",
    "Compression",
    "JointTrainer",
    "LearnedDegradation",
    "LearnedSource",
    "PdmObjective",
    "Penalty",
    "begin_degradation",
    "check_unpaired",
    "is_learned",
    "kernel_moments",
    "load_learned",
    "pdm_task",
    "save_learned",
    "unpaired_crops",
]
