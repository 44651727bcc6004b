"""Degradations: axes, bins and the space, the operators on batched tensors, and distributions to draw
from."""

from degcraft.degradation.axis import Axis
from degcraft.degradation.blur import MAX_SIGMA, gaussian_taps
from degcraft.degradation.crafted import CraftedDistribution
from degcraft.degradation.degrade import degrade
from degcraft.degradation.jpeg_batched import jpeg_torch
from degcraft.degradation.jpeg_library import jpeg_cv2
from degcraft.degradation.operator import Chroma, Conditions, Operator
from degcraft.degradation.operators import OPERATORS, find_operator
from degcraft.degradation.parameters import NO_JPEG, Degradation
from degcraft.degradation.resampling import blur_and_reduce, operator_matrix
from degcraft.degradation.settings import TEST_SETTINGS
from degcraft.degradation.sources import BoxSource, DegradationSource, ListedSource, SpaceSource
from degcraft.degradation.space import PAPER_SPACE, Box, DegradationSpace, check_box, sample_box

__all__ = [
    "MAX_SIGMA",
    "NO_JPEG",
    "OPERATORS",
    "PAPER_SPACE",
    "TEST_SETTINGS",
    "Axis",
    "Box",
    "BoxSource",
    "Chroma",
    "Conditions",
    "CraftedDistribution",
    "Degradation",
    "DegradationSource",
    "DegradationSpace",
    "ListedSource",
    "Operator",
    "SpaceSource",
    "blur_and_reduce",
    "check_box",
    "degrade",
    "find_operator",
    "gaussian_taps",
    "jpeg_cv2",
    "jpeg_torch",
    "operator_matrix",
    "sample_box",
]
