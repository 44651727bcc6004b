"""The registry of degradation operators, in the order in which they act (eq. 2 and what real images carry besides).

A new operator is one file with what it does, and an entry here with what it is.
"""

import math
from collections.abc import Collection
from typing import Any, Literal, get_args

from degcraft.degradation.operator import Operator
from degcraft.degradation.parameter import CLEAN_PIXELS, Parameter, choice
from degcraft.errors import DegcraftError
from degcraft.later import Later

MAX_SIGMA, MAX_RADIUS, MAX_GRAIN = 16.0, 16.0, 4.0
"""Of blur, defocus and grain, in pixels."""
MAX_ENLARGEMENT = 8.0
LEAST_RATIO = 0.1
"""Of a stretched blur."""
REDUCTIONS = ("bicubic", "area", "bilinear", "lanczos", "nearest")
"""Antialiased all but the last, which takes the pixel at s·i + s // 2 as Pillow does (half a pixel off at even s)."""
Chroma = Literal["4:2:0", "4:4:4"]
"""Chroma at half the resolution both ways, or at the whole."""
_UNCOMPRESSED = 110.0
"""Where no compression lies on a scale of visible differences."""


def _share(name: str, label: str, unit: str, more: str, less: str) -> Parameter:
    return Parameter(
        name, label, unit, 0.0, 1.0, 0.0, digits=2, step=0.25, bin_width=0.2, grid=0.25, more=more, less=less
    )


def _quality(name: str, label: str, encoder: str) -> Parameter:
    """An encoder's quality from 1 to 100; infinite where an image is not compressed."""
    return Parameter(
        name,
        label,
        f"{encoder} quality",
        low=1.0,
        high=100.0,
        identity=math.inf,
        step=5.0,
        bin_width=20.0,
        grid=10.0,
        usual=(10.0, 100.0),
        absent=f"no {label.removesuffix(' quality')} compression",
        more="less compressed",
        less="more compressed",
        scaled=lambda quality: min(quality, _UNCOMPRESSED),
    )


def _quantiser(name: str, label: str, high: float, step: float) -> Parameter:
    return Parameter(
        name,
        label,
        "quantiser of a key frame",
        low=0.0,
        high=high,
        identity=0.0,
        step=step,
        bin_width=high / 5,
        grid=5.0,
        more="more compressed",
        less="less compressed",
    )


BLUR = Operator(
    parameters=(
        Parameter(
            "blur_sigma",
            "blur sigma",
            CLEAN_PIXELS,
            low=0.0,
            high=MAX_SIGMA,
            identity=0.0,
            mark=" px",
            digits=1,
            step=0.5,
            grid=0.5,
            usual=(0.0, 10.0),
            hardly=0.25,
            more="more blurred",
            less="sharper",
        ),
        Parameter(
            "blur_ratio",
            "blur ratio",
            "width across over width along",
            low=LEAST_RATIO,
            high=1.0,
            identity=1.0,
            digits=2,
            step=0.2,
            bin_width=0.2,
            grid=0.1,
            more="rounder",
            less="more stretched",
        ),
        Parameter(
            "blur_angle",
            "blur angle",
            "degrees from the rows, clockwise",
            low=0.0,
            high=180.0,
            identity=0.0,
            mark="°",
            step=20.0,
            bin_width=36.0,
            grid=15.0,
        ),
    ),
    kernel=Later("degcraft.degradation.blur:blur_kernel"),
)
DEFOCUS = Operator(
    parameters=(
        Parameter(
            "defocus_radius",
            "defocus radius",
            CLEAN_PIXELS,
            low=0.0,
            high=MAX_RADIUS,
            identity=0.0,
            mark=" px",
            digits=1,
            step=0.7,
            grid=0.5,
            usual=(0.0, 8.0),
            hardly=0.5,
            more="more out of focus",
            less="better in focus",
        ),
    ),
    kernel=Later("degcraft.degradation.defocus:disc_kernel"),
)
REDUCTION = Operator(
    parameters=(choice("reduction", "reduction", REDUCTIONS),), reduce=Later("degcraft.degradation.reduction:reduce_by")
)
ENLARGEMENT = Operator(
    parameters=(
        Parameter(
            "enlarged",
            "enlargement before",
            "times, since it was smaller",
            low=1.0,
            high=MAX_ENLARGEMENT,
            identity=1.0,
            mark="×",
            digits=1,
            step=0.3,
            bin_width=0.5,
            grid=0.25,
            usual=(1.0, 4.0),
            hardly=1.1,
            more="more enlarged before",
            less="less enlarged before",
        ),
    ),
    apply=Later("degcraft.degradation.enlargement:enlarge_smaller"),
)
NOISE = Operator(
    parameters=(
        Parameter(
            "noise_level",
            "noise",
            "standard deviation, 8-bit units",
            low=0.0,
            high=255.0,
            identity=0.0,
            mark="/255",
            step=0.4,
            bin_width=10.0,
            grid=1.0,
            usual=(0.0, 80.0),
            hardly=0.75,
            more="noisier",
            less="cleaner",
            scaled=lambda level: math.sqrt(level + 1),
        ),
        _share("noise_signal", "noise of the light", "share of the variance", "more in the light", "more even"),
        _share("noise_common", "noise in common", "share of the variance", "greyer in its noise", "more coloured"),
        Parameter(
            "noise_grain",
            "grain",
            "sigma, pixels of the low-resolution image",
            low=0.0,
            high=MAX_GRAIN,
            identity=0.0,
            mark=" px",
            digits=1,
            step=0.3,
            bin_width=0.4,
            grid=0.5,
            usual=(0.0, 2.0),
            hardly=0.3,
            more="coarser in its noise",
            less="finer in its noise",
        ),
    ),
    apply=Later("degcraft.degradation.noise:add_noise"),
)
SHARPENING = Operator(
    parameters=(
        Parameter(
            "sharpening",
            "sharpening",
            "amount of unsharp masking",
            low=0.0,
            high=5.0,
            identity=0.0,
            digits=1,
            step=0.3,
            bin_width=0.5,
            grid=0.5,
            usual=(0.0, 3.0),
            hardly=0.2,
            more="more sharpened",
            less="less sharpened",
        ),
    ),
    apply=Later("degcraft.degradation.sharpening:sharpen"),
)
EARLIER_JPEG = Operator(
    parameters=(_quality("earlier_jpeg_quality", "earlier JPEG quality", "libjpeg"),),
    apply=Later("degcraft.degradation.jpeg:compress_earlier"),
)
WEBP = Operator(
    parameters=(_quality("webp_quality", "WebP quality", "libwebp"),),
    apply=Later("degcraft.degradation.webp:compress"),
    compresses=True,
)
H264 = Operator(
    parameters=(_quantiser("h264_quantiser", "H.264 quantiser", 51.0, 3.0),),
    apply=Later("degcraft.degradation.video:compress_h264"),
    compresses=True,
)
"""0 is not compressed (H.264's own 0 halves the chroma still); about 6 more double the step."""
MPEG2 = Operator(
    parameters=(_quantiser("mpeg2_quantiser", "MPEG-2 quantiser", 31.0, 2.0),),
    apply=Later("degcraft.degradation.video:compress_mpeg2"),
    compresses=True,
)
JPEG = Operator(
    parameters=(
        _quality("jpeg_quality", "JPEG quality", "libjpeg"),
        choice("jpeg_chroma", "JPEG chroma", get_args(Chroma)),
    ),
    apply=Later("degcraft.degradation.jpeg:compress"),
    compresses=True,
)

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        BLUR,
        DEFOCUS,
        REDUCTION,
        ENLARGEMENT,
        NOISE,
        SHARPENING,
        EARLIER_JPEG,
        WEBP,
        H264,
        MPEG2,
        JPEG,
    )
}


def known_parameters() -> dict[str, Parameter]:
    """Every operator's, by name, in the order of the operators."""
    return {parameter.name: parameter for operator in OPERATORS.values() for parameter in operator.parameters}


def find_parameter(name: Any) -> Parameter:
    """The parameter of that name.

    Raises:
        DegcraftError: no operator has one.
    """
    known = known_parameters()
    if not isinstance(name, str) or name not in known:
        raise DegcraftError(f"axis name must be one of {', '.join(known)}, but got {name!r}")
    return known[name]


def check_together(names: Collection[str]) -> None:
    """Refuses parameters that contradict one another.

    Raises:
        DegcraftError: two ways of compressing, or how something is done without how much of it.
    """
    files = [name for name, operator in OPERATORS.items() if operator.compresses and name in names]
    if len(files) > 1:
        raise DegcraftError(f"axes: images are kept in one kind of file, but got {' and '.join(files)}")
    for operator in OPERATORS.values():
        lonely = [one.name for one in operator.parameters[1:] if one.name in names]
        if lonely and operator.name not in names:
            raise DegcraftError(f"axes: {lonely[0]} says nothing without {operator.name}")
