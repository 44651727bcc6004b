"""When a training run is past saving."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from degcraft.errors import DegcraftError

AVERAGED_OVER = 10
ADVICE = "try a lower learning rate, a warm-up or gradient clipping"


@dataclass(frozen=True)
class Limit:
    """How large a figure of a training may be."""

    mean: float
    """Largest mean over the last 10 steps."""
    advice: str = ADVICE
    """What to change when it is passed."""


class TrainingDiverged(DegcraftError):
    """A loss is not a number any more, or so large that the network has lost the image."""


def check_figures(step: int, recent: Mapping[str, Sequence[float]], limits: Mapping[str, Limit], rate: float) -> None:
    """Judge a run by its latest figures.

    Args:
        step: the latest, counted from 1.
        recent: by name, a value per step, the latest last.
        limits: of some of them.
        rate: learning rate of the latest step, for the message.

    Raises:
        TrainingDiverged: if a latest value is NaN or infinite, or the mean of the last 10 is above its limit.
    """
    for name, values in recent.items():
        advice = limits[name].advice if name in limits else ADVICE
        begin = f"training diverged at step {step}: the"
        end = f"(learning rate {rate:g}; {advice})"
        if not math.isfinite(values[-1]):
            raise TrainingDiverged(f"{begin} {name} loss must be finite, but is {values[-1]} {end}")
        if name not in limits or len(values) < AVERAGED_OVER:
            continue
        mean = sum(list(values)[-AVERAGED_OVER:]) / AVERAGED_OVER
        if mean > limits[name].mean:
            raise TrainingDiverged(
                f"{begin} mean {name} loss of {AVERAGED_OVER} steps must be at most {limits[name].mean:g}, "
                f"but is {mean:.3g} {end}"
            )
