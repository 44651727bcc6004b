"""What the degnet features can say of each axis."""

import math

GRIDS: dict[str, tuple[float, ...]] = {
    "blur_sigma": (*(i / 4 for i in range(25)), *(6.5 + i / 2 for i in range(8))),
    "noise_level": (*range(7), *range(8, 22, 2), *(22.5 + 2.5 * i for i in range(16)), 65.0, 70.0, 75.0, 80.0),
    "jpeg_quality": (*(10.0 + 5 * i for i in range(19)), math.inf),
    "noise_common": tuple(i / 8 for i in range(9)),
    "noise_grain": (0.0, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2),
}
"""The axes that there are: values of the cells of each, rising, finer where images differ more. Blur in HR pixels at
scale 4 (four times the width in the image's own pixels), noise in 8-bit units; a cell at the identity of an operator,
such as the infinite quality, is that of images without it. Axes are added at the end: files of weights may lack the
last ones."""
