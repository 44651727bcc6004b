"""When a training run is past saving."""

from __future__ import annotations

import math
from collections.abc import Sequence

from degcraft.errors import DegcraftError

# Images lie in [0, 1], so any guess in that range has an L1 loss below 1.
EXPLODED_LOSS = 1.0
EXPLODED_FOR = 10


class TrainingDiverged(DegcraftError):
    """The loss is not a number any more, or so large that the network has lost the image."""


def check_losses(losses: Sequence[float], learning_rate: float) -> None:
    """Judge a run by its losses so far, the latest last.

    Args:
        losses: L1 losses of images in [0, 1], one per step from the first step on.
        learning_rate: of the latest step, for the message.

    Raises:
        TrainingDiverged: if the latest loss is NaN or infinite, or the mean of the last 10 is above 1, which
            is worse than any constant image.
    """
    latest = losses[-1]
    advice = "try a lower learning rate, a warm-up or gradient clipping"
    if not math.isfinite(latest):
        raise TrainingDiverged(
            f"training diverged at step {len(losses)}: the loss must be finite, but is {latest} "
            f"(learning rate {learning_rate:g}; {advice})"
        )
    recent = losses[-EXPLODED_FOR:]
    mean = sum(recent) / EXPLODED_FOR
    if len(recent) == EXPLODED_FOR and mean > EXPLODED_LOSS:
        raise TrainingDiverged(
            f"training diverged at step {len(losses)}: the mean loss of {EXPLODED_FOR} steps must be at most "
            f"{EXPLODED_LOSS:g}, but is {mean:.3g} (learning rate {learning_rate:g}; {advice})"
        )
