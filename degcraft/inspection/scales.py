"""How far two estimates of one axis are apart, in steps that look about equally large."""

import math

from degcraft.inspection.distribution import AxisEstimate

UNITS = {"blur_sigma": 0.5, "noise_level": 0.4, "jpeg_quality": 5.0}
"""A small but visible difference per axis, on the scale of `scaled`."""
_UNCOMPRESSED = 110.0
"""Where no compression lies on the scale of qualities."""
WIDTH = 2 * 1.645
"""Of a 90 % interval in standard deviations."""


def scaled(axis: str, value: float) -> float:
    """A value on a scale where equal steps look about equally large."""
    if axis == "noise_level":
        return math.sqrt(value + 1)
    if axis == "jpeg_quality":
        return min(value, _UNCOMPRESSED)
    return value


def doubt(axis: str, estimate: AxisEstimate) -> float:
    """The standard deviation of an estimate on the scale of `scaled`."""
    return (scaled(axis, estimate.high) - scaled(axis, estimate.low)) / WIDTH
