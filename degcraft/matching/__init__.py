"""What references are measured to carry, the weights made of it, and how far to trust them."""

from degcraft.matching.alike import independent_images, scenes
from degcraft.matching.crafting import craft, weight_intervals
from degcraft.matching.extracting import crafted_features, image_features
from degcraft.matching.frechet import frechet_distance, frechet_distances
from degcraft.matching.intervals import half_distances
from degcraft.matching.measurement import Measurement, measurement_key
from degcraft.matching.measuring import (
    Group,
    bin_generator,
    check_patches,
    degrade_bin,
    file_numbers,
    join_groups,
    key_of,
    load_kept,
    measure,
    measure_group,
)
from degcraft.matching.reliability import Caution, Reliability, assess
from degcraft.matching.two_sample import TwoSampleTest, two_sample_test
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
    "Caution",
    "Group",
    "Measurement",
    "Reliability",
    "TwoSampleTest",
    "Weighting",
    "WeightingSpec",
    "assess",
    "bin_generator",
    "check_patches",
    "checked_weighting",
    "craft",
    "craft_weights",
    "crafted_features",
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
    "key_of",
    "load_kept",
    "make_weighting",
    "measure",
    "measure_group",
    "measurement_key",
    "scenes",
    "two_sample_test",
    "weight_intervals",
]
