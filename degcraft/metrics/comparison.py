"""What every metric that compares an image with its ground truth asks of the two."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.metrics.colour import rgb_to_y

Channel = Literal["rgb", "y"]


def comparable(
    sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb", min_side: int = 1
) -> tuple[Tensor, Tensor]:
    """Check two images, cut their border and take their channel.

    Args:
        sr: (3, H, W) or (B, 3, H, W) with values in [0, 1].
        hr: the same shape.
        border: pixels cut from every side before anything is computed.
        channel: `rgb` as they are, or `y` for `rgb_to_y`.
        min_side: what the metric needs after the cut.

    Returns:
        Both as (B, C, H - 2 border, W - 2 border) in float64 on the device of `sr`.

    Raises:
        DegcraftError: other shapes, a negative border, an unknown channel, or less than `min_side` pixels left.
    """
    if sr.shape != hr.shape or sr.ndim not in (3, 4) or sr.shape[-3] != 3 or 0 in sr.shape:
        raise DegcraftError(
            "images to compare must both be (3, H, W) or (B, 3, H, W) and of the same size, but are "
            f"{tuple(sr.shape)} and {tuple(hr.shape)}"
        )
    if border < 0:
        raise DegcraftError(f"the border to cut must be 0 or more pixels, but is {border}")
    if channel not in ("rgb", "y"):
        raise DegcraftError(f"the channel must be 'rgb' or 'y', but is {channel!r}")
    height, width = sr.shape[-2:]
    if min(height, width) - 2 * border < min_side:
        raise DegcraftError(
            f"images to compare must keep at least {min_side} pixels a side, but {width}x{height} less a border "
            f"of {border} keeps {width - 2 * border}x{height - 2 * border}"
        )
    inner = (..., slice(border, height - border), slice(border, width - border))
    first, second = (image[inner].double() for image in (sr, hr.to(sr.device)))
    if channel == "y":
        first, second = rgb_to_y(first), rgb_to_y(second)
    return (first[None], second[None]) if first.ndim == 3 else (first, second)
