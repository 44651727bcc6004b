"""From a measurement to the distribution to train on: the one place where both are put together."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import CraftedDistribution
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings import DEFAULT, Weighting, checked_weighting, make_weighting

DRAWS = 100
"""Draws of other files that the intervals are read from, where the weighting can afford so many."""
LEVEL = 0.95


def craft(
    measurement: Measurement,
    weighting: str | Mapping[str, Any] = DEFAULT,
    *,
    intervals: bool = True,
    provenance: Mapping[str, Any] | None = None,
) -> CraftedDistribution:
    """The distribution that a weighting finds in a measurement.

    Args:
        measurement: What `measure` made.
        weighting: A name, or a mapping of `name` and knobs.
        intervals: Whether to draw other files for the 95 % intervals of the weights; costs some seconds.
        provenance: What else to say of where it comes from, as plain JSON.

    Raises:
        DegcraftError: what the weighting refuses.
    """
    method = make_weighting(measurement, weighting)
    draws = method.draws(DRAWS, measurement.seed) if intervals else None
    return crafted_by(method, measurement, weighting, draws=draws, provenance=provenance)


def crafted_by(
    method: Weighting,
    measurement: Measurement,
    weighting: str | Mapping[str, Any],
    *,
    draws: NDArray[np.float64] | None,
    provenance: Mapping[str, Any] | None = None,
) -> CraftedDistribution:
    """`craft` for a weighting that was made already, and for draws that were, which are then not made twice."""
    found = CraftedDistribution(
        space=measurement.space,
        weights=method.weights(),
        blocks=method.blocks,
        listed=method.listed,
        distances=None if method.blocks else measurement.distances,
        weighting=checked_weighting(weighting),
        extractor=measurement.extractor,
        n=measurement.m,
        provenance={
            "layer": measurement.layer,
            "extractor_identity": measurement.extractor_identity,
            "hr_crops": measurement.n,
            "seed": measurement.seed,
            "scale": measurement.scale,
            "hr": measurement.hr_hash,
            "references": measurement.reference_hash,
            **(provenance or {}),
        },
    )
    if draws is None:
        return found
    low, high = weight_intervals(found.weights, draws)
    return dataclasses.replace(found, low=low, high=high)


def weight_intervals(
    weights: NDArray[np.float64], draws: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % intervals of the weights, (N,) each: percentiles of the draws, reaching to the weights themselves.

    Args:
        weights: (N,).
        draws: (count, N), from `Weighting.draws`.
    """
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return np.minimum(low, weights), np.maximum(high, weights)
