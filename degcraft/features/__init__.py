"""Feature extractors: images in, one vector each out, by name from a registry."""

from degcraft.features.base import ExtractorSpec, FeatureExtractor
from degcraft.features.registry import EXTRACTORS, available, find_extractor, make_extractor
from degcraft.features.spatial_mean import SpatialMeanExtractor

__all__ = [
    "EXTRACTORS",
    "ExtractorSpec",
    "FeatureExtractor",
    "SpatialMeanExtractor",
    "available",
    "find_extractor",
    "make_extractor",
]
