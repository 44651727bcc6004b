"""What estimates say in plain words."""

import math
from collections.abc import Mapping, Sequence

from degcraft.inspection.distribution import AxisEstimate

Estimates = Mapping[str, AxisEstimate]

HARDLY_ANY = {"blur_sigma": 0.25, "noise_level": 0.75}
"""Smaller values are not told from none: only the upper end of the interval says something."""
NAMES = {"blur_sigma": "blur sigma", "noise_level": "noise", "jpeg_quality": "JPEG quality"}

_MORE_AND_LESS = {
    "blur_sigma": ("more blurred", "sharper"),
    "noise_level": ("noisier", "cleaner"),
    "jpeg_quality": ("less compressed", "more compressed"),
}


def axis_words(axis: str, estimate: AxisEstimate, *, named: bool = True) -> str:
    """An estimate for a reader: "blur sigma 1.2 px (0.8–1.7)", "noise 6/255 (4–9)", "JPEG quality about 70 (60–80)".

    Next to nothing is "noise below 2/255".
    """
    value, low, high = (_number(axis, one) for one in (estimate.value, estimate.low, estimate.high))
    interval = "" if low == high else f" ({low}–{high})"
    if estimate.value < HARDLY_ANY.get(axis, 0.0):
        value, interval = f"below {high}", ""
    if axis == "jpeg_quality":
        if math.isinf(estimate.value):
            # The upper end is no compression itself, so only the lower one says something.
            doubt = "" if math.isinf(estimate.low) else f" (or quality above {low})"
            return ("no JPEG compression" if named else "none") + doubt
        text = f"about {value}{interval}"
    elif axis == "noise_level":
        text = f"{value}/255{interval}"
    else:
        text = f"{value} px{interval}"
    return f"{NAMES[axis]} {text}" if named else text


def sentence(estimates: Estimates) -> str:
    """All axes of an image or a pile, in a line."""
    return ", ".join(axis_words(axis, estimate) for axis, estimate in estimates.items())


def contrast(one: Estimates, rest: Estimates, axes: Sequence[str]) -> tuple[str, str]:
    """How `one` differs from `rest` on these axes: in a few words, and with the figures of both.

    "noisier", "noisier: noise 40/255 (35–46), the rest 6/255 (4–9)".
    """
    ways = [_MORE_AND_LESS[axis][one[axis].value < rest[axis].value] for axis in axes]
    figures = (
        f"{way}: {axis_words(axis, one[axis])}, the rest {axis_words(axis, rest[axis], named=False)}"
        for axis, way in zip(axes, ways, strict=True)
    )
    return ", ".join(ways), "; ".join(figures)


def _number(axis: str, value: float) -> str:
    if math.isinf(value):
        return "none"
    if axis == "blur_sigma":
        return f"{value:.1f}"
    if axis == "noise_level" and value < 2:
        return f"{value:.1f}"
    return f"{value:.0f}"
