"""How far two estimates of one axis are apart, in steps that look about equally large."""

from degcraft.degradation import find_parameter
from degcraft.inspection.distribution import AxisEstimate

WIDTH = 2 * 1.645
"""Of a 90 % interval in standard deviations."""


def scaled(axis: str, value: float) -> float:
    """A value on a scale where equal steps look about equally large."""
    return find_parameter(axis).scaled(value)


def doubt(axis: str, estimate: AxisEstimate) -> float:
    """The standard deviation of an estimate on the scale of `scaled`."""
    return (scaled(axis, estimate.high) - scaled(axis, estimate.low)) / WIDTH
