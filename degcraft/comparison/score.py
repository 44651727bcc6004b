"""How near crafted weights come to a distribution that is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from degcraft.degradation import DegradationSpace
from degcraft.matching import effective_bins


@dataclass(frozen=True)
class WeightScore:
    """Weights against the truth, over the bins of one space."""

    on_true_bins: float
    """Share of the weight on bins that the truth uses, 0 to 1: more is better."""
    total_variation: float
    """½ Σ |w − truth|, 0 (equal) to 1 (no bin in common): less is better."""
    top_hits: int
    """How many of the `true_bins` heaviest bins the truth uses: more is better."""
    true_bins: int
    """How many bins the truth uses; the most that `top_hits` can be."""
    effective_bins: float
    """exp(entropy) of the weights, 1 to n_bins."""


def score_weights(space: DegradationSpace, weights: ArrayLike, truth: ArrayLike) -> WeightScore:
    """Compares weights with the distribution they should have.

    Args:
        space: the degradation space.
        weights: (n_bins,) not negative; normalised here.
        truth: (n_bins,) likewise, such as `space.overlap(box)`.

    Raises:
        DegcraftError: weights that do not fit the space, see `DegradationSpace.check_weights`.
    """
    given, wanted = space.check_weights(weights), space.check_weights(truth)
    true = wanted > 0
    count = int(true.sum())
    # Among equal weights the bins that the truth does not use come first: a tie is no hit.
    heaviest = np.lexsort((true, -given))[:count]
    return WeightScore(
        on_true_bins=float(given[true].sum()),
        total_variation=float(np.abs(given - wanted).sum() / 2),
        top_hits=int(true[heaviest].sum()),
        true_bins=count,
        effective_bins=effective_bins(given),
    )
