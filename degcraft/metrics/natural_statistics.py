"""The statistics of natural scenes that NIQE measures, block by block.

A. Mittal, R. Soundararajan, A. C. Bovik, "Making a 'Completely Blind' Image Quality Analyzer", IEEE Signal
Processing Letters 20(3), 2013. Equation numbers are that paper's.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import gamma
from torch import Tensor

from degcraft.metrics.smoothing import gaussian_mean

BLOCK = 96
"""Side of a block in pixels at full scale; half of it at half scale."""

FEATURES = 36
"""Statistics of a block: 18 at each of two scales."""

_GREY = (0.2989, 0.5870, 0.1140)
_WINDOW = 7
_WINDOW_SIGMA = 7 / 6
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

# Moment matching inverts this ratio, which grows with the shape, by looking it up.
_SHAPES = np.arange(0.2, 10.0005, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))


def block_statistics(image: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The statistics of each whole block of an image, from its top left corner on.

    Of the luminance normalised by its local mean and deviation (eq. 1): shape and scale of a generalised Gaussian
    (eq. 4), and of the products of neighbours in four directions shape, mean and both scales of an asymmetric one
    (eq. 6 to 8). The second scale is the image halved by antialiased bicubic interpolation.

    Args:
        image: (3, H, W) with values in [0, 1], at least `BLOCK` high and wide.

    Returns:
        The statistics (blocks, 36), NaN where a block is too flat to have them, and the sharpness (blocks,): the mean
        local deviation at full scale in 8-bit units. float64.
    """
    grey_weights = torch.tensor(_GREY, dtype=torch.float64, device=image.device).view(3, 1, 1)
    grey = (image.double() * grey_weights).sum(dim=0) * 255
    height, width = (side // BLOCK * BLOCK for side in grey.shape)
    grey = grey[:height, :width]
    half = F.interpolate(grey[None, None], (height // 2, width // 2), mode="bicubic", antialias=True)[0, 0]
    statistics = []
    sharpness = np.empty(0)
    for scaled, block in ((grey, BLOCK), (half, BLOCK // 2)):
        normalised, deviation = _normalise(scaled)
        statistics.append(_statistics(_blocks(normalised, block)))
        if block == BLOCK:
            sharpness = _blocks(deviation, block).mean(dim=(1, 2)).cpu().numpy()
    return np.concatenate(statistics, axis=1), sharpness


def _normalise(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Mean-subtracted contrast-normalised luminance and the local deviation (eq. 1 to 3), both (H, W)."""

    def local_mean(values: Tensor) -> Tensor:
        padded = F.pad(values[None, None], (_WINDOW // 2,) * 4, mode="replicate")
        return gaussian_mean(padded, _WINDOW, _WINDOW_SIGMA)[0, 0]

    mean = local_mean(grey)
    deviation = (local_mean(grey.square()) - mean.square()).abs().sqrt()
    return (grey - mean) / (deviation + 1), deviation


def _blocks(values: Tensor, side: int) -> Tensor:
    """(H, W) to (blocks, side, side), row by row."""
    return values.unfold(0, side, side).unfold(1, side, side).reshape(-1, side, side)


def _statistics(blocks: Tensor) -> np.ndarray:
    """(blocks, side, side) to (blocks, 18)."""
    columns = list(_symmetric_gaussian(blocks))
    side = blocks.shape[-1]
    for down, right in _NEIGHBOURS:
        here = blocks[:, : side - down, max(0, -right) : side - max(0, right)]
        there = blocks[:, down:, max(0, right) : side + min(0, right)]
        columns += _asymmetric_gaussian(here * there)
    return np.stack(columns, axis=1)


def _symmetric_gaussian(values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Shape and scale of the zero-mean generalised Gaussian with the moments of each block."""
    square, absolute = _mean(values.square()), _mean(values.abs())
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = _shape(absolute**2 / square)
    return shape, np.sqrt(square * gamma(1 / shape) / gamma(3 / shape))


def _asymmetric_gaussian(values: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Shape, mean, left and right scale of the asymmetric generalised Gaussian with the moments of each block."""
    square, absolute = _mean(values.square()), _mean(values.abs())
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt(_mean(values.clamp(max=0).square()) / _mean((values < 0).double()))
        right = np.sqrt(_mean(values.clamp(min=0).square()) / _mean((values > 0).double()))
        balance = left / right
        skewed = (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
        shape = _shape(absolute**2 / square * skewed)
    spread = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    mean = (right - left) * spread * gamma(2 / shape) / gamma(1 / shape)
    return shape, mean, left * spread, right * spread


def _shape(ratio: np.ndarray) -> np.ndarray:
    """The shape whose ratio this is; NaN stays NaN."""
    return np.interp(ratio, _RATIOS, _SHAPES)


def _mean(values: Tensor) -> np.ndarray:
    return values.mean(dim=(1, 2)).cpu().numpy()
