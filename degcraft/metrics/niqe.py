"""Natural image quality evaluator: how far an image is from natural ones, without ground truth."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.metrics.natural_statistics import BLOCK, FEATURES, block_statistics

_FORMAT = "degcraft-niqe/1"
_SHARP = 0.75  # the paper's threshold T on a block's sharpness, as a share of the image's sharpest


@dataclass(frozen=True, eq=False)
class NiqeModel:
    """A multivariate Gaussian of the statistics of pristine blocks (Mittal et al. 2013, eq. 9).

    Scores are comparable only under the same model. The published scores belong to a model of 125 photographs; one
    fitted on other images puts another zero and another scale.
    """

    mean: np.ndarray
    """(36,) float64."""
    covariance: np.ndarray
    """(36, 36) float64."""
    blocks: int
    """How many sharp blocks it was fitted on. With less than a few hundred the covariance is poorly known."""

    @classmethod
    def fit(cls, images: Iterable[Tensor]) -> NiqeModel:
        """Fit on the sharp blocks of clean images: those above 0.75 of their image's sharpest.

        Args:
            images: each (3, H, W) with values in [0, 1]; those without a whole block of 96 × 96 are passed over.

        Raises:
            DegcraftError: fewer than two sharp blocks in all, or another shape.
        """
        kept = []
        for image in images:
            _check_shape(image)
            if min(image.shape[1:]) < BLOCK:
                continue
            statistics, sharpness = block_statistics(image)
            chosen = (sharpness > _SHARP * sharpness.max()) & np.isfinite(statistics).all(axis=1)
            kept.append(statistics[chosen])
        count = sum(len(rows) for rows in kept)
        if count < 2:
            raise DegcraftError(
                f"a NIQE model needs at least 2 sharp blocks of {BLOCK}x{BLOCK} pixels in its clean images, but "
                f"{len(kept)} large enough images have {count}"
            )
        mean, covariance = _gaussian(np.concatenate(kept))
        return cls(mean, covariance, count)

    def score(self, image: Tensor) -> float:
        """The distance of an image's statistics from the model's (eq. 10): 0 or more, lower is more natural.

        Args:
            image: (3, H, W) with values in [0, 1], at least 96 high and wide; what is left of a row or column of
                whole blocks is not looked at.

        Returns:
            The distance, or NaN where every block is too flat to have statistics.

        Raises:
            DegcraftError: another shape, or an image without a whole block.
        """
        _check_shape(image)
        if min(image.shape[1:]) < BLOCK:
            raise DegcraftError(
                f"NIQE needs images of at least {BLOCK}x{BLOCK} pixels, but got {image.shape[2]}x{image.shape[1]}"
            )
        statistics, _ = block_statistics(image)
        statistics = statistics[np.isfinite(statistics).all(axis=1)]
        if not len(statistics):
            return float("nan")
        mean, covariance = _gaussian(statistics)
        offset = self.mean - mean
        inverse = np.linalg.pinv((self.covariance + covariance) / 2, hermitian=True)
        return float(np.sqrt(offset @ inverse @ offset))

    def save(self, path: str | Path) -> None:
        """Write the model as `.npz`, whole or not at all.

        Raises:
            DegcraftError: the place cannot be written to.
        """
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, format=_FORMAT, mean=self.mean, covariance=self.covariance, blocks=self.blocks)

    @classmethod
    def load(cls, path: str | Path) -> NiqeModel:
        """Read what `save` wrote.

        Raises:
            DegcraftError: no such file, or not such a model.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                found = str(held["format"])
                mean, covariance, blocks = held["mean"], held["covariance"], int(held["blocks"])
        except FileNotFoundError as error:
            raise DegcraftError(f"{path}: no such file; a NIQE model was expected") from error
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise DegcraftError(f"{path}: not a NIQE model ({error})") from error
        if found != _FORMAT:
            raise DegcraftError(f"{path}: the format of a NIQE model must be {_FORMAT}, but is {found}")
        if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES):
            raise DegcraftError(
                f"{path}: a NIQE model must have a mean of {FEATURES} and a covariance of {FEATURES}x{FEATURES} "
                f"values, but has {mean.shape} and {covariance.shape}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise DegcraftError(f"{path}: the values of a NIQE model must be finite, but some are not")
        return cls(mean, covariance, blocks)


def _gaussian(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample covariance; a single block has none, so its covariance is zero."""
    mean = rows.mean(axis=0)
    covariance = np.cov(rows, rowvar=False) if len(rows) > 1 else np.zeros((FEATURES, FEATURES))
    return mean, covariance


def _check_shape(image: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3:
        raise DegcraftError(f"NIQE looks at one image (3, H, W), but got {tuple(image.shape)}")
