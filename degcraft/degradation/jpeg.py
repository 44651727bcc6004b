"""JPEG compression as a degradation: libjpeg on the CPU, its batched equivalent on other devices."""

from torch import Tensor

from degcraft.degradation.jpeg_batched import jpeg_torch
from degcraft.degradation.jpeg_library import jpeg_cv2
from degcraft.degradation.operator import Conditions, Operator


def compress(images: Tensor, quality: Tensor, conditions: Conditions) -> Tensor:
    """JPEG_q: what is left of the images once they have been through a JPEG file.

    Args:
        images: (B,3,h,w) float32 RGB; clipped to [0,1] and rounded to 8 bits as a file does.
        quality: (B,) libjpeg quality 1 to 100, rounded to the nearest whole number; inf leaves an image as it
            is.
        conditions: the chroma subsampling.
    """
    implementation = jpeg_cv2 if images.device.type == "cpu" else jpeg_torch
    return implementation(images, quality, conditions.chroma)


_UNCOMPRESSED = 110.0
"""Where no compression lies on a scale of visible differences."""

JPEG = Operator(
    axis="jpeg_quality",
    unit="libjpeg quality",
    low=1.0,
    high=100.0,
    identity=float("inf"),
    step=5.0,
    bin_width=20.0,
    scaled=lambda quality: min(quality, _UNCOMPRESSED),
    apply=compress,
)
