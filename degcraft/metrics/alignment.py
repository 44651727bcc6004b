"""How far a pair of real images lies apart, in place and in brightness, and the ground truth moved to fit.

A camera's LR and HR image are two exposures: they are not aligned to the pixel, nor equally bright. What lies between
the two is estimated once per pair, from the bicubic enlargement and never from a restored image, and the truth is
moved, not what is judged: every restored image is compared as it is with the same truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.metrics.registration import Brightness, Geometry, Registration

MAX_SHIFT = 4.0
"""HR pixels."""
LEAST_SHIFT = 0.1
"""HR pixels: a smaller shift is left as it is."""
LEAST_GAIN = 0.01
"""A gain nearer to 1 is left as it is, unless the mean brightness differs."""
LEAST_OFFSET = 0.5 / 255
"""A smaller difference of the mean brightness is left as it is, unless the gain differs."""
CERTAINTY = 6.0
"""Standard errors by which a shift, a gain or an offset must differ from none."""
LEAST_SIDE = 32
"""HR pixels that must remain inside the margins."""


@dataclass(frozen=True)
class Alignment:
    """Where and how bright the LR image shows the ground truth: lr(p) ~ gain · hr(p - shift) + offset.

    What is not there beyond doubt is exactly 0 (1 for the gain).
    """

    dy: float = 0.0
    """HR pixels downwards."""
    dx: float = 0.0
    """HR pixels to the right."""
    gain: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Red, green and blue, in units of the full range."""

    @property
    def shifts(self) -> bool:
        """Whether the truth moves in place."""
        return self.dy != 0 or self.dx != 0

    @property
    def brightens(self) -> bool:
        """Whether the brightness of the truth changes."""
        return self.gain != 1 or any(self.offset)

    @property
    def moves(self) -> bool:
        """Whether the truth is changed at all."""
        return self.shifts or self.brightens

    @property
    def border(self) -> int:
        """HR pixels at every side at which the moved truth was not seen: to be left out in addition."""
        return math.ceil(max(abs(self.dy), abs(self.dx)))


def estimate_alignment(enlarged: Tensor, hr: Tensor, *, max_shift: float = MAX_SHIFT) -> Alignment:
    """How a pair lies apart, from a bicubic enlargement of its LR image.

    Shift and blur are fitted together on luma, since the enlargement is the more blurred; gain and offsets then from
    means of blocks (see `Registration`). Standard errors come from blocks too, so that correlated noise, parallax and
    what the model does not explain widen them.

    Args:
        enlarged: (3, H, W) with values in [0, 1]: `bicubic_enlarge` of the LR image.
        hr: the same shape.
        max_shift: HR pixels along each axis; where the best lies beyond, nothing is shifted.

    Returns:
        Only what is certain (six standard errors) and large enough to count (a tenth of a pixel; one percent, or half
        an 8-bit step); all else is none, so that pairs which were made by reducing stay exactly as they are.

    Raises:
        DegcraftError: other shapes, or a negative `max_shift`.
    """
    if enlarged.shape != hr.shape or hr.ndim != 3 or hr.shape[0] != 3:
        raise DegcraftError(
            f"images to align must both be (3, H, W) and of the same size, but are {tuple(enlarged.shape)} and "
            f"{tuple(hr.shape)}"
        )
    if max_shift < 0:
        raise DegcraftError(f"the largest shift must be 0 or more pixels, but is {max_shift}")
    margin = math.ceil(max_shift) + 4
    if min(hr.shape[1:]) - 2 * margin < LEAST_SIDE:
        return Alignment()
    first, second = (image.detach().cpu().double().numpy() for image in (enlarged, hr))
    registration = Registration(first, second, margin)
    geometry = registration.geometry(max_shift)
    dy, dx = (0.0, 0.0) if max(abs(geometry.dy), abs(geometry.dx)) > max_shift else _certain_shift(geometry)
    # With the truth where it will be: a shift that is mostly noise must not be read as brightness.
    gain, offset = _certain_brightness(registration.brightness(replace(geometry, dy=dy, dx=dx)))
    return Alignment(dy, dx, gain, offset)


def aligned_truth(hr: Tensor, alignment: Alignment) -> tuple[Tensor, int]:
    """The ground truth as the LR image shows it, and the border at which it was not seen.

    Moved by splines of degree 5, which are all but ideal up to four fifths of the highest frequency.

    Args:
        hr: (3, H, W) with values in [0, 1].
        alignment: as estimated for this pair.

    Returns:
        The truth (3, H, W) in [0, 1], `hr` itself where nothing moves; and HR pixels to leave out at every side in
        addition to any other border.

    Raises:
        DegcraftError: another shape.
    """
    if hr.ndim != 3 or hr.shape[0] != 3:
        raise DegcraftError(f"a ground truth to align must be (3, H, W), but is {tuple(hr.shape)}")
    if not alignment.moves:
        return hr, 0
    truth = hr.detach().cpu().double().numpy()
    if alignment.shifts:
        truth = np.stack(
            [ndimage.shift(channel, (alignment.dy, alignment.dx), order=5, mode="mirror") for channel in truth]
        )
    if alignment.brightens:
        truth = alignment.gain * truth + np.array(alignment.offset)[:, None, None]
    return torch.from_numpy(truth.clip(0, 1)).to(hr), alignment.border


def _certain_shift(geometry: Geometry) -> tuple[float, float]:
    """The part of the shift along which the image has enough structure to be certain; none if that is small."""
    if not np.isfinite(geometry.covariance).all():
        return 0.0, 0.0
    variances, directions = np.linalg.eigh(geometry.covariance)
    along = directions.T @ np.array([geometry.dy, geometry.dx])
    along[np.abs(along) <= CERTAINTY * np.sqrt(variances.clip(min=0))] = 0
    shift = directions @ along
    return (float(shift[0]), float(shift[1])) if np.hypot(*shift) > LEAST_SHIFT else (0.0, 0.0)


def _certain_brightness(found: Brightness) -> tuple[float, tuple[float, float, float]]:
    """Gain and offsets as they are applied to the truth."""
    gain = found.gain if abs(found.gain - 1) > max(LEAST_GAIN, CERTAINTY * found.gain_error) else 1.0
    least = np.maximum(LEAST_OFFSET, CERTAINTY * found.difference_error)
    if gain == 1 and not (np.abs(found.difference) > least).any():
        return 1.0, (0.0, 0.0, 0.0)
    red, green, blue = (found.mean * (1 - gain) + found.difference).tolist()
    return gain, (red, green, blue)


def describe_alignments(alignments: Sequence[Alignment]) -> str:
    """What was done to the pairs of a set, in one line."""
    moved = [own for own in alignments if own.moves]
    if not moved:
        return f"aligned: none of {len(alignments)} pairs is shifted or of another brightness"
    furthest = max(math.hypot(own.dy, own.dx) for own in moved)
    gains = [own.gain for own in moved]
    return (
        f"aligned: the ground truth of {len(moved)} of {len(alignments)} pairs was fitted to its lr image; "
        f"{sum(own.shifts for own in moved)} shifted, by up to {furthest:.2f} HR pixels, "
        f"{sum(own.brightens for own in moved)} in brightness, with gains of {min(gains):.2f} to {max(gains):.2f}; "
        "scores with and without this cannot be compared: a gain multiplies errors, too"
    )
