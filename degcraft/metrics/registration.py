"""Least squares between the two images of a pair: which shift, blur, gain and offset lie between them, and how sure.

Model: e(p) ~ gain · (h ⊗ Gaussian)(p - shift) + offset, for an enlargement e and the truth h. Shift and blur are
applied to h's spectrum, which is exact for every fraction of a pixel and gives the derivatives for free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from degcraft.images.blocks import LUMA

Array = NDArray[np.float64]

LEAST_BLOCKS = 12
"""Blocks that a standard error needs."""

_PAD = 24
_ROUNDS = 25
_FIRST_VARIANCE, _LARGEST_VARIANCE = 4.0, 64.0
_CLIPPED = 2.5
"""Standard deviations of the noise within which black and white distort a mean."""
_FALLS_SHORT = 1e-9


@dataclass(frozen=True)
class Geometry:
    """What lies between the two images in place."""

    dy: float
    dx: float
    variance: float
    """Of the Gaussian by which the enlargement is the more blurred, in square pixels."""
    covariance: Array
    """(2, 2) of dy and dx; infinite where the image is too small to say."""


@dataclass(frozen=True)
class Brightness:
    """e = mean of h + difference + gain · (h - mean of h), channel by channel."""

    gain: float
    gain_error: float
    """Standard error; infinite where the image is too flat or too small to say."""
    mean: Array
    """(3,) of the truth."""
    difference: Array
    """(3,) by which the enlargement is brighter on average."""
    difference_error: Array
    """(3,) standard errors; infinite where too little is left to say."""


class Registration:
    """A pair with everything that is computed once for it."""

    def __init__(self, enlarged: Array, hr: Array, margin: int) -> None:
        """
        Args:
            enlarged: (3, H, W) with values in [0, 1].
            hr: the same shape.
            margin: pixels at every side that are not looked at.
        """
        self._margin = margin
        self._height, self._width = hr.shape[1:]
        self._size = tuple(fft.next_fast_len(side + 2 * _PAD, real=True) for side in (self._height, self._width))
        self._border = (_PAD, self._size[0] - self._height - _PAD, _PAD, self._size[1] - self._width - _PAD)
        down, right = fft.fftfreq(self._size[0])[:, None], fft.rfftfreq(self._size[1])[None]
        self._down, self._right = 2 * math.pi * down, 2 * math.pi * right
        self._square = self._down**2 + self._right**2
        self._enlarged = self._inside(enlarged)
        self._luma = np.tensordot(LUMA, self._enlarged, 1)
        self._hr_luma = np.tensordot(LUMA, hr, 1)
        self._spectra = np.stack([self._spectrum(channel) for channel in hr])
        self._luma_spectrum = np.tensordot(LUMA, self._spectra, 1)

    def geometry(self, max_shift: float) -> Geometry:
        """Shift and blur by Gauss-Newton on luma, from the best whole shift within `max_shift`; gain and offset are
        fitted beside them."""
        dy, dx = self._whole_shift(math.ceil(max_shift))
        variance, gain, offset = _FIRST_VARIANCE, 1.0, 0.0
        for _ in range(_ROUNDS):
            moved = self._moved(self._luma_spectrum, dy, dx, variance)
            truth = self._seen(moved)
            centred = truth - truth.mean()
            slopes = (-1j * self._down * moved, -1j * self._right * moved, -0.5 * self._square * moved)
            columns = [gain * self._seen(slope) for slope in slopes] + [centred, np.ones_like(centred)]
            jacobian = np.stack([column.ravel() for column in columns], axis=1)
            residual = (self._luma - truth.mean() - offset - gain * centred).ravel()
            normal = jacobian.T @ jacobian
            step = np.linalg.lstsq(normal, jacobian.T @ residual, rcond=_FALLS_SHORT)[0]
            dy, dx = (old + float(np.clip(add, -1, 1)) for old, add in ((dy, step[0]), (dx, step[1])))
            # The blur moves slowly at first: far from the truth its slope says little.
            least, most = variance / 3, min(_LARGEST_VARIANCE, 3 * variance + 0.2)
            variance = float(np.clip(variance + step[2], least, most))
            gain, offset = gain + float(step[3]), offset + float(step[4])
            if np.abs(step[:3]).max() < 1e-3 and np.abs(step[3:]).max() < 1e-5:
                break
        covariance = self._sandwich(jacobian, residual, normal)
        return Geometry(dy, dx, variance, covariance[:2, :2])

    def brightness(self, geometry: Geometry) -> Brightness:
        """Gain and offsets from the means of blocks that are large beside the blur, of all channels together.

        Means low-pass both sides alike, so that what a Gaussian does not explain of the blur is no gain. The truth is
        the regressor, and the noise is in the other, so the gain is not diluted. Pixels at which noise would be
        clipped at black or white are left out by the truth alone, which does not bias a mean.
        """
        truth = np.stack(
            [self._seen(self._moved(own, geometry.dy, geometry.dx, geometry.variance)) for own in self._spectra]
        )
        noise = self._noise(self._enlarged - truth)
        clear = ((truth > _CLIPPED * noise) & (truth < 1 - _CLIPPED * noise)).all(axis=0)

        side = max(16, math.ceil(10 * math.sqrt(geometry.variance)))
        block = self._blocks(side)[clear]
        weight = np.bincount(block, minlength=1).astype(float)
        kept = weight > side * side / 4
        if kept.sum() < LEAST_BLOCKS:
            unsure = np.full(3, np.inf)
            return Brightness(1.0, math.inf, np.zeros(3), np.zeros(3), unsure)
        weight = weight[kept]

        def block_means(images: Array) -> Array:
            return np.stack([np.bincount(block, image[clear])[kept] / weight for image in images])

        x, y = block_means(truth), block_means(self._enlarged)
        mean, seen = (np.average(values, axis=1, weights=weight) for values in (x, y))
        x, y = x - mean[:, None], y - seen[:, None]
        power = float((weight * x * x).sum())
        gain, gain_error = 1.0, math.inf
        if power > weight.sum() * 3 * (1 / 255) ** 2:
            gain = float((weight * x * y).sum()) / power
            gain_error = math.sqrt(float(((weight * x * (y - gain * x)).sum(axis=0) ** 2).sum())) / power
        error = np.sqrt(((weight * (y - gain * x)) ** 2).sum(axis=1)) / weight.sum()
        return Brightness(gain, gain_error, mean, seen - mean, error)

    def _whole_shift(self, reach: int) -> tuple[float, float]:
        """The whole shift of the best correlation, the smallest one among equals."""
        if not reach:
            return 0.0, 0.0
        low, high = (cv2.GaussianBlur(image, (0, 0), 2.0) for image in (self._luma, self._inside(self._hr_luma)))
        part = high[reach:-reach, reach:-reach].astype(np.float32)
        alike = cv2.matchTemplate(low.astype(np.float32), part, cv2.TM_CCOEFF_NORMED)
        shifts = np.arange(-reach, reach + 1)
        alike = np.nan_to_num(alike) - 1e-5 * (shifts[:, None] ** 2 + shifts**2)
        row, column = np.unravel_index(int(alike.argmax()), alike.shape)
        return float(shifts[row]), float(shifts[column])

    def _sandwich(self, jacobian: Array, residual: Array, normal: Array) -> Array:
        """The covariance of a least-squares solution whose errors are correlated within blocks."""
        height, width = self._luma.shape
        block = self._blocks(max(4, min(32, min(height, width) // 6))).ravel()
        count, free = int(block.max()) + 1, jacobian.shape[1]
        if count < LEAST_BLOCKS:
            return np.full((free, free), np.inf)
        scores = np.stack([np.bincount(block, column * residual) for column in jacobian.T], axis=1)
        inverse = np.linalg.pinv(normal, rcond=_FALLS_SHORT, hermitian=True)
        return inverse @ (scores.T @ scores) @ inverse * (count / max(1, count - free))

    def _noise(self, residual: Array) -> Array:
        """(3, 1, 1) standard deviation of the noise: of what is left in the calmer half of the blocks."""
        block = self._blocks(8).ravel()
        count = np.bincount(block)

        def means(image: Array) -> Array:
            return np.bincount(block, image.ravel()) / count

        spread = [np.sqrt((means(own**2) - means(own) ** 2).clip(min=0)) for own in residual]
        return np.median(np.stack(spread), axis=1)[:, None, None]

    def _blocks(self, side: int) -> NDArray[np.int64]:
        """The number of the block that each pixel lies in."""
        rows, columns = (np.arange(length) // side for length in self._luma.shape)
        return rows[:, None] * (columns[-1] + 1) + columns

    def _spectrum(self, channel: Array) -> NDArray[np.complex128]:
        """Of an image that continues as its mirror image."""
        return fft.rfft2(cv2.copyMakeBorder(np.ascontiguousarray(channel), *self._border, cv2.BORDER_REFLECT))

    def _moved(self, spectrum: NDArray[np.complex128], dy: float, dx: float, variance: float) -> NDArray[np.complex128]:
        """Shifted and blurred."""
        return spectrum * np.exp(-1j * (self._down * dy + self._right * dx) - 0.5 * variance * self._square)

    def _seen(self, spectrum: NDArray[np.complex128]) -> Array:
        """Back to pixels, inside the margin."""
        image = fft.irfft2(spectrum, self._size)
        return self._inside(image[_PAD : _PAD + self._height, _PAD : _PAD + self._width])

    def _inside(self, image: Array) -> Array:
        margin = self._margin
        return image[..., margin : image.shape[-2] - margin, margin : image.shape[-1] - margin]
