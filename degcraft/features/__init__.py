"""Feature extractors: images in, one vector each out, by name from a registry."""

from degcraft.features.base import AxisPosterior, ExtractorSpec, FeatureExtractor, cell_borders
from degcraft.features.degnet import load_degnet
from degcraft.features.degnet_network import DegNet
from degcraft.features.registry import EXTRACTORS, available, find_extractor, make_extractor
from degcraft.features.spatial_mean import SpatialMeanExtractor

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
    "load_degnet",
    "make_extractor",
]
