from .crafting import craft, weight_intervals
from .extracting import crafted_features, image_features, made_features
from .frechet import frechet_distance, frechet_distances
from .independence import independent_images, scenes
from .intervals import half_distances
from .measurement import Measurement, measurement_key
from .measuring import (
    Group,
    bin_generator,
    check_patches,
    degrade_bin,
    file_numbers,
    join_groups,
    key_of,
    measure,
    measure_group,
)
from .reliability import Caution, Reliability, assess
from .two_sample import TwoSampleTest, two_sample_test
from .weightings import (
    WEIGHTINGS,
    Weighting,
    WeightingSpec,
    checked_weighting,
    find_weighting,
    make_weighting,
)
from .weights import craft_weights, effective_bins, entropy

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
    "made_features",
    "make_weighting",
    "measure",
    "measure_group",
    "measurement_key",
    "scenes",
    "two_sample_test",
    "weight_intervals",
]
