from .axis import Axis
from .blocks import Blocks
from .blur import gaussian_taps
from .crafted import CraftedDistribution, weighting_words
from .degrading import degrade
from .jpeg import jpeg_cv2
from .jpeg_batched import jpeg_torch
from .operator import Operator, Taps, Values
from .operators import MAX_SIGMA, OPERATORS, Chroma, check_together, find_parameter, known_parameters
from .parameter import Parameter
from .parameters import NO_JPEG, Degradation
from .resampling import blur_and_reduce, operator_matrix
from .sampling import sample_box
from .settings import TEST_SETTINGS
from .sources import BoxSource, DegradationSource, ListedSource, SpaceSource
from .space import PAPER_SPACE, Box, DegradationSpace, check_box, check_weights

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
    "Taps",
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
