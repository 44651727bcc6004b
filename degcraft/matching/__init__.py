"""Fréchet distances of bins to reference images, how far to trust them, and the weights made from them."""

from degcraft.matching.distances import (
    Group,
    bin_features,
    bin_generator,
    check_patches,
    degrade_bin,
    image_features,
    join_groups,
    measure_distances,
    measure_group,
)
from degcraft.matching.frechet import frechet_distance, frechet_distances
from degcraft.matching.intervals import Interval, resample_interval
from degcraft.matching.record import BinDistances, cache_key
from degcraft.matching.weights import craft_weights, effective_bins, entropy

__all__ = [
    "BinDistances",
    "Group",
    "Interval",
    "bin_features",
    "bin_generator",
    "cache_key",
    "check_patches",
    "craft_weights",
    "degrade_bin",
    "effective_bins",
    "entropy",
    "frechet_distance",
    "frechet_distances",
    "image_features",
    "join_groups",
    "measure_distances",
    "measure_group",
    "resample_interval",
]
