"""Degradations that are networks, and their training."""

from degcraft.learned.compression import Compression
from degcraft.learned.model import KNOBS, LearnedDegradation, kernel_moments
from degcraft.learned.objective import PdmObjective, unpaired_crops
from degcraft.learned.source import LearnedSource, is_learned, load_learned, save_learned

__all__ = [
    "KNOBS",
    "Compression",
    "LearnedDegradation",
    "LearnedSource",
    "PdmObjective",
    "is_learned",
    "kernel_moments",
    "load_learned",
    "save_learned",
    "unpaired_crops",
]
