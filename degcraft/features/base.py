"""The small interface every feature extractor has."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.errors import DegcraftError


class FeatureExtractor(ABC):
    """Turns low-resolution images into one feature vector each (the φ of eq. 3, arXiv 2305.18107).

    Images are read at their own resolution: resizing them would change the blur and the noise that are
    measured. An extractor is fixed once made: it never trains, and the same images always give the same
    features.
    """

    name: str
    """Registry name, such as `squeezenet`."""
    layer: str
    """The layer whose output is taken."""
    dimensions: int
    """Number of features c."""
    minimum_side: int
    """Shortest image side, in pixels, that still leaves one position at `layer`."""
    identity: str
    """sha256 over what decides the features (architecture, layer, normalisation, every weight): a cache key.

    Two extractors with the same identity give the same features, whatever file their weights came from.
    """
    device: torch.device
    """Where the features are computed; images on another device are brought there."""

    @abstractmethod
    def to(self, device: str | torch.device) -> Self:
        """Moves the computation to another device; returns itself. An extractor is made on the CPU and may be pickled,
        so that a worker elsewhere can move it to the device it was given.
        """

    @abstractmethod
    def __call__(self, lr: Tensor) -> Tensor:
        """Features of a batch of images.

        Args:
            lr: (B, 3, h, w) float in [0, 1], RGB; h and w at least `minimum_side`. Any device.

        Returns:
            (B, c) float32 on the images' device, without gradient.

        Raises:
            DegcraftError: another shape or dtype, or a side below `minimum_side`.
        """


@dataclass(frozen=True, eq=False)
class AxisPosterior:
    """What an extractor believes of many images' values on one axis."""

    values: NDArray[np.float64]
    """(cells,) rising: what the cells stand for, in the unit of the axis. The last may be infinite: none of it."""
    probabilities: NDArray[np.floating]
    """(…, cells), summing to 1."""


def cell_borders(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Borders of a posterior's finite cells, one more than there are: half-way between values, and the outermost."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return np.concatenate([finite[:1], (finite[1:] + finite[:-1]) / 2, finite[-1:]])


def check_images(extractor: FeatureExtractor, lr: Tensor) -> None:
    """What every extractor asks of the images it is called with.

    Raises:
        DegcraftError: not float (B, 3, h, w), or a side below the extractor's `minimum_side`.
    """
    if lr.ndim != 4 or lr.shape[1] != 3 or not lr.is_floating_point():
        raise DegcraftError(
            f"extractor {extractor.name}: images must be float (B, 3, h, w) in [0, 1], "
            f"but got {str(lr.dtype).removeprefix('torch.')} {tuple(lr.shape)}"
        )
    if min(lr.shape[2:]) < extractor.minimum_side:
        raise DegcraftError(
            f"extractor {extractor.name}: at layer {extractor.layer} images must be at least "
            f"{extractor.minimum_side}×{extractor.minimum_side} pixels, but got {lr.shape[2]}×{lr.shape[3]}"
        )
