from .base import AxisPosterior, FeatureExtractor, cell_borders
from .degnet import load_degnet
from .degnet_network import DegNet
from .registry import EXTRACTORS, available, find_extractor, find_layer, make_extractor
from .spatial_mean import SpatialMeanExtractor
from .spec import ExtractorSpec

__all__ = [
    "EXTRACTORS",
    "AxisPosterior",
    "DegNet",
    "ExtractorSpec",
    "FeatureExtractor",
    "SpatialMeanExtractor",
    "available",
    "cell_borders",
    "find_extractor",
    "find_layer",
    "load_degnet",
    "make_extractor",
]
