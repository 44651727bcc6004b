"""The trainers by name. A new one is a file with how its block is written, and an entry here with what it can say."""

from degcraft.later import Later
from degcraft.registry import Registry
from degcraft.trainers.ranges import Sayable
from degcraft.trainers.spec import TrainerSpec

MAX_SIGMA = 5.0
"""Kernels of Real-ESRGAN's family have 21 taps at most."""
BEST_QUALITY = 99.5
"""At 100 the differentiable JPEG of Real-ESRGAN's family divides by zero."""

_TWO_STAGES = {
    "blur_sigma": Sayable(0.1, MAX_SIGMA),
    "noise_level": Sayable(0, 255, some=True),
    "noise_common": Sayable(0, 1),
    "jpeg_quality": Sayable(1, BEST_QUALITY),
}
_AS_THEY_ARE = (
    "it reduces by area, bilinear or bicubic interpolation in turn, the latter two without antialiasing",
    f"it compresses every image: those without JPEG count as quality {BEST_QUALITY}",
)

TRAINNER_REDUX = TrainerSpec(
    "traiNNer-redux",
    "traiNNer-redux, on-the-fly degradations",
    ".yml",
    _TWO_STAGES
    | {"blur_sigma": Sayable(0.1, MAX_SIGMA, some=True), "jpeg_quality": Sayable(1, BEST_QUALITY, some=True)},
    Later("degcraft.trainers.realesrgan:trainner_redux"),
    taps=(21, 21),
)
NEOSR = TrainerSpec(
    "neosr",
    "neosr, on-the-fly degradations",
    ".toml",
    _TWO_STAGES,
    Later("degcraft.trainers.realesrgan:neosr"),
    _AS_THEY_ARE,
    taps=(7, 21),
)
REALESRGAN = TrainerSpec(
    "realesrgan",
    "Real-ESRGAN's own trainer",
    ".yml",
    _TWO_STAGES,
    Later("degcraft.trainers.realesrgan:realesrgan"),
    _AS_THEY_ARE,
    taps=(7, 21),
)
WTP = TrainerSpec(
    "wtp",
    "wtp_dataset_destroyer: degraded files for any trainer",
    ".hcl",
    {
        "blur_sigma": Sayable(0, 16, some=True),
        "noise_level": Sayable(0, 255, some=True),
        "noise_common": Sayable(0, 1),
        "jpeg_quality": Sayable(1, 100, some=True),
        "webp_quality": Sayable(1, 100, some=True),
    },
    Later("degcraft.trainers.wtp:write"),
    weighted=True,
)

TRAINERS: Registry[TrainerSpec] = Registry("the trainer", (TRAINNER_REDUX, NEOSR, REALESRGAN, WTP))
