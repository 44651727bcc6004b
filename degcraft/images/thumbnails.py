"""Whether two pictures show the same, by their grey thumbnails."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAME_SCENE = 0.9
"""Correlation of two pictures' thumbnails from which they show one scene. Neighbouring frames of a film have 0.8 to
0.99; the nearest two of 61 unrelated photographs (CID22) had 0.86, half of them at most 0.43."""

_SIDE = 16
DRAFT = (8 * _SIDE, 8 * _SIDE)
"""Size to which a JPEG need only be decoded for its thumbnail: a photograph costs milliseconds."""


def thumbnail(image: Image.Image) -> NDArray[np.float64]:
    """(pixels,) grey, of mean 0 and norm 1, so that products are correlations; less where a picture is nearly flat."""
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(grey, dtype=np.float64).ravel()
    pixels -= pixels.mean()
    return np.asarray(pixels / (max(float(pixels.std()), 1.0) * _SIDE))
