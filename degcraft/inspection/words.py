"""What estimates say in plain words."""

from collections.abc import Mapping, Sequence

from degcraft.degradation import Parameter, find_parameter
from degcraft.inspection.distribution import AxisEstimate

Estimates = Mapping[str, AxisEstimate]

_SMALL = 2.0
"""Numbers below it have a digit behind the point, whatever their parameter's have."""
_WIDE = 2.0
"""Bins of the paper's space over which an interval that ends at none says next to nothing of its median."""


def axis_words(axis: str, estimate: AxisEstimate, *, named: bool = True) -> str:
    """An estimate for a reader: "blur sigma 1.2 px (0.8–1.7)", "noise 6/255 (4–9)", "JPEG quality about 70 (60–80)".

    Next to nothing is "noise below 2/255".
    """
    known = find_parameter(axis)
    value, low, high = (_number(known, one) for one in (estimate.value, estimate.low, estimate.high))
    if estimate.value == known.identity and not known.mild_is_low:
        # The upper end is none itself, so only the lower one says something.
        if known.scaled(estimate.value) - known.scaled(estimate.low) > _WIDE * known.bin_width:
            return f"{known.label} " * named + f"anywhere from {low} to none"
        doubt = "" if estimate.low == known.identity else f" (or {known.label.split()[-1]} above {low})"
        return (known.absent if named else "none") + doubt
    interval = "" if low == high else f" ({low}–{high})"
    if estimate.value < known.hardly:
        value, interval = f"below {high}", ""
    text = f"{value}{known.mark}{interval}"
    return f"{known.label} {text}" if named else text


def sentence(estimates: Estimates) -> str:
    """All axes of an image or a pile, in a line."""
    return ", ".join(axis_words(axis, estimate) for axis, estimate in estimates.items())


def contrast(one: Estimates, rest: Estimates, axes: Sequence[str]) -> tuple[str, str]:
    """How `one` differs from `rest` on these axes: in a few words, and with the figures of both.

    "noisier", "noisier: noise 40/255 (35–46), the rest 6/255 (4–9)".
    """
    known = [find_parameter(axis) for axis in axes]
    ways = [
        parameter.less if one[parameter.name].value < rest[parameter.name].value else parameter.more
        for parameter in known
    ]
    figures = (
        f"{way}: {axis_words(axis, one[axis])}, the rest {axis_words(axis, rest[axis], named=False)}"
        for axis, way in zip(axes, ways, strict=True)
    )
    return ", ".join(ways), "; ".join(figures)


def _number(parameter: Parameter, value: float) -> str:
    return f"{value:.1f}" if value < _SMALL and not parameter.choices else parameter.words(value)
