"""Fréchet distances of bins to reference images, how far to trust them, and the weights made from them."""

from degcraft.matching.alike import independent_images, scenes
from degcraft.matching.crafting import craft, weight_intervals
from degcraft.matching.distances import (
    Group,
    bin_features,
    bin_generator,
    check_patches,
    degrade_bin,
    file_numbers,
    image_features,
    join_groups,
    measure_distances,
    measure_group,
)
from degcraft.matching.frechet import frechet_distance, frechet_distances
from degcraft.matching.intervals import Interval, half_distances, own_half_distances, resample_interval
from degcraft.matching.measurement import Measurement
from degcraft.matching.measuring import measure
from degcraft.matching.record import BinDistances, cache_key
from degcraft.matching.reliability import Reliability, Warning, assess
from degcraft.matching.weightings import (
    WEIGHTINGS,
    Weighting,
    WeightingSpec,
    checked_weighting,
    find_weighting,
    make_weighting,
)
from degcraft.matching.weights import craft_weights, effective_bins, entropy

__all__ = [
    "WEIGHTINGS",
    "BinDistances",
    "Group",
    "Interval",
    "Measurement",
    "Reliability",
    "Warning",
    "Weighting",
    "WeightingSpec",
    "assess",
    "bin_features",
    "bin_generator",
    "cache_key",
    "check_patches",
    "checked_weighting",
    "craft",
    "craft_weights",
    "degrade_bin",
    "effective_bins",
    "entropy",
    "file_numbers",
    "find_weighting",
    "frechet_distance",
    "frechet_distances",
    "half_distances",
    "image_features",
    "independent_images",
    "join_groups",
    "make_weighting",
    "measure",
    "measure_distances",
    "measure_group",
    "own_half_distances",
    "resample_interval",
    "scenes",
    "weight_intervals",
]
