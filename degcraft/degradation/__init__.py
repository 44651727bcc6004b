"""Degradations: axes, bins and the space, the operators on batched tensors, and distributions to draw
from."""

from degcraft.degradation.axis import Axis
from degcraft.degradation.blocks import Blocks
from degcraft.degradation.blur import MAX_SIGMA, gaussian_taps
from degcraft.degradation.crafted import CraftedDistribution, weighting_words
from degcraft.degradation.degrade import degrade
from degcraft.degradation.jpeg import jpeg_cv2
from degcraft.degradation.jpeg_batched import Chroma, jpeg_torch
from degcraft.degradation.operator import Operator, Values
from degcraft.degradation.operators import OPERATORS, check_together, find_parameter, known_parameters
from degcraft.degradation.parameter import Parameter
from degcraft.degradation.parameters import NO_JPEG, Degradation
from degcraft.degradation.resampling import blur_and_reduce, operator_matrix
from degcraft.degradation.settings import TEST_SETTINGS
from degcraft.degradation.sources import BoxSource, DegradationSource, ListedSource, SpaceSource
from degcraft.degradation.space import PAPER_SPACE, Box, DegradationSpace, check_box, check_weights, sample_box

__all__ = [
    "MAX_SIGMA",
    "NO_JPEG",
    "OPERATORS",
    "PAPER_SPACE",
    "TEST_SETTINGS",
    "Axis",
    "Blocks",
    "Box",
    "BoxSource",
    "Chroma",
    "CraftedDistribution",
    "Degradation",
    "DegradationSource",
    "DegradationSpace",
    "ListedSource",
    "Operator",
    "Parameter",
    "SpaceSource",
    "Values",
    "blur_and_reduce",
    "check_box",
    "check_together",
    "check_weights",
    "degrade",
    "find_parameter",
    "gaussian_taps",
    "jpeg_cv2",
    "jpeg_torch",
    "known_parameters",
    "operator_matrix",
    "sample_box",
    "weighting_words",
]
