"""What every weighting is."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Blocks, ListedSource

Weights = NDArray[np.float64]


class Weighting(ABC):
    """The weights of one measurement by one method, with its knobs set."""

    @property
    def blocks(self) -> Blocks | None:
        """What the weights are of; None for the bins of the space."""
        return None

    @abstractmethod
    def weights(self) -> Weights:
        """(N,) the weights, summing to 1, of the blocks or the bins."""

    @property
    def listed(self) -> ListedSource | None:
        """Degradations to train on in place of the bins, if the weights only show what was found."""
        return None

    @abstractmethod
    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """Weights that other images by the same source might have given, (draws, N); `count` of them at most.

        What is drawn anew are files, of references and where the method allows it of clean images: patches of one
        file are alike. `widened` makes errors as much larger as the misfit says, where the method has one; without
        it they are those of chance alone.
        """

    def misfit(self) -> float | None:
        """How far the weights are from explaining the references, over what drawing other files would explain.

        About 1 where nothing but chance differs, a few times that where the contents of the two sides differ; None
        where the method does not say.
        """
        return None


def resampled(groups: NDArray[np.integer], count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Bootstrap over files: how much each image weighs in a draw of as many files, with replacement.

    Args:
        groups: (n,) the file of each image. Where all are of one file, the images themselves are drawn.
        count: How many draws.
        random: Where from.

    Returns:
        (count, n), each row summing to 1.
    """
    _, places = np.unique(groups, return_inverse=True)
    if places.max() == 0:
        places = np.arange(len(groups))
    files = int(places.max()) + 1
    times = random.multinomial(files, np.full(files, 1 / files), size=count)
    weights = times[:, places].astype(np.float64)
    return weights / weights.sum(axis=1, keepdims=True)
