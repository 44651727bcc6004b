"""Peak signal-to-noise ratio."""

from __future__ import annotations

from torch import Tensor

from degcraft.metrics.comparison import Channel, comparable


def psnr(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> float:
    """10 log10(1 / MSE) in dB, with a peak of 1 for RGB and Y alike; infinite where the images are equal.

    The error is averaged over all pixels and channels of an image, and the dB over the images of a batch.
    Nothing is clipped or rounded: to score what a file would hold, round first.

    Args:
        sr: (3, H, W) or (B, 3, H, W) with values in [0, 1].
        hr: the same shape.
        border: pixels cut from every side first; 0 keeps all.
        channel: `rgb`, or `y` for the luma of `rgb_to_y`.

    Raises:
        DegcraftError: shapes that do not fit, a negative border, an unknown channel, nothing left to compare.
    """
    first, second = comparable(sr, hr, border=border, channel=channel)
    error = (first - second).square().mean(dim=(1, 2, 3))
    return float((-10 * error.log10()).mean())
