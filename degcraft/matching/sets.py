"""A set of images as distances see it: their features, and which of them belong together."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.features import FeatureExtractor
from degcraft.matching.distances import BATCH, image_features
from degcraft.matching.frechet import frechet_distance
from degcraft.matching.intervals import half_distances


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Features of images, and which images belong together."""

    features: NDArray[np.floating]
    """(n, c)."""
    groups: NDArray[np.intp]
    """(n,) number of the file or scene of each image."""

    @classmethod
    def of(
        cls,
        images: Tensor,
        groups: NDArray[np.intp],
        extractor: FeatureExtractor,
        *,
        device: str | torch.device = "cpu",
        batch: int = BATCH,
    ) -> "ImageSet":
        """The features of these images.

        Args:
            images: (n, 3, h, w), uint8 or float in [0, 1].
            groups: (n,) numbers from 0.
            extractor: Which features.
            device: Where to compute.
            batch: Images at once.

        Raises:
            DegcraftError: what the extractor refuses.
        """
        return cls(image_features(images, extractor, device=device, batch=batch), groups)

    def distance(self, other: "ImageSet") -> float:
        """Squared Fréchet distance of the two."""
        return frechet_distance(self.features, other.features)

    def errors(self, other: "ImageSet", *, seed: int) -> NDArray[np.float64]:
        """(splits,) errors that the distance may have, as `half_distances` says; of one seed, they go together."""
        halves = half_distances(
            self.features, other.features, seed=seed, groups=self.groups, reference_groups=other.groups
        )
        return (halves[:, 0] - halves[:, 1]) / 2

    def spread(self, count: int) -> NDArray[np.floating]:
        """(count, c) features of some of the images, spread evenly over their order."""
        return self.features[np.linspace(0, len(self.features) - 1, count).round().astype(int)]
