"""Real-ESRGAN's two stages, as its own trainer, neosr and traiNNer-redux spell them.

Names and meanings are those of `options/train_realesrnet_x4plus.yml` (Real-ESRGAN), `options/train_compact_otf.toml`
(neosr) and `traiNNer/utils/redux_options.py` (traiNNer-redux). The first stage blurs at the clean image's size and
nothing else, the second reduces, adds noise and compresses; what would come between is switched off or at its mildest.
"""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from degcraft.trainers.base import TrainerSpec
from degcraft.trainers.product import Product, Range, Sayable

MAX_SIGMA = 5.0
"""Kernels have 21 taps at most."""
BEST_QUALITY = 99.5
"""At 100 the differentiable JPEG of these trainers divides by zero."""

_AXES = {
    "blur_sigma": Sayable(0.1, MAX_SIGMA),
    "noise_level": Sayable(0, 255, some=True),
    "noise_common": Sayable(0, 1),
    "jpeg_quality": Sayable(1, BEST_QUALITY),
}
_NO_BLUR = Range(0.1, 0.1)
_NO_JPEG = Range(BEST_QUALITY, BEST_QUALITY, 0.0)
_NO_NOISE = Range(0.0, 0.0, 0.0)
_TAPS = "kernels end at 21 taps: a sigma of 5 blurs as 4.5 does"
_ANY_TAPS = "kernels have 7 to 21 taps, drawn anew for each image: a sigma of 5 blurs as 1.9 to 4.5 do"
_ALIASED = "it reduces by area, bilinear or bicubic interpolation in turn, the latter two without antialiasing"
_ALWAYS_JPEG = f"it compresses every image: those without JPEG count as quality {BEST_QUALITY}"


def _kernels(blur: Range, number: str) -> dict[str, Any]:
    return {
        f"blur_kernel_size{number}": 21,
        f"kernel_list{number}": ["iso"],
        f"kernel_prob{number}": [1.0],
        f"sinc_prob{number}": 0.0,
        f"blur_sigma{number}": _pair(blur),
        f"betag_range{number}": [0.5, 4.0],
        f"betap_range{number}": [1.0, 2.0],
    }


def _stages(product: Product) -> dict[str, Any]:
    """Both stages without their kernels, by the names that all three share."""
    noise, common = product.ranges.get("noise_level", _NO_NOISE), product.ranges.get("noise_common", _NO_NOISE)
    quality = product.ranges.get("jpeg_quality", _NO_JPEG)
    return {
        "resize_prob": [0.0, 0.0, 1.0],
        "resize_range": [1.0, 1.0],
        "gaussian_noise_prob": 1.0,
        "noise_range": [0.0, 0.0],
        "poisson_scale_range": [0.0, 0.0],
        "gray_noise_prob": 0.0,
        "jpeg_range": [BEST_QUALITY, BEST_QUALITY],
        "resize_prob2": [0.0, 0.0, 1.0],
        "resize_range2": [1.0, 1.0],
        # Images without Gaussian noise get Poisson noise, of which a scale of 0 leaves none.
        "gaussian_noise_prob2": round(noise.share, 3),
        "noise_range2": _pair(noise),
        "poisson_scale_range2": [0.0, 0.0],
        "gray_noise_prob2": round((common.low + common.high) / 2, 3),
        "jpeg_range2": _pair(quality),
    }


def _realesrgan(product: Product, scale: int) -> str:
    kernels = {**_kernels(product.ranges.get("blur_sigma", _NO_BLUR), ""), **_kernels(_NO_BLUR, "2")}
    train = {"type": "RealESRGANDataset", **kernels, "final_sinc_prob": 0.0}
    stages = {**_stages(product), "second_blur_prob": 0.0}
    return _yaml({"scale": scale, **stages, "datasets": {"train": train}})


def _neosr(product: Product, scale: int) -> str:
    kernels = {**_kernels(product.ranges.get("blur_sigma", _NO_BLUR), ""), **_kernels(_NO_BLUR, "2")}
    block = {**_stages(product), "second_blur_prob": 0.0, **kernels, "final_sinc_prob": 0.0}
    head = f'model_type = "otf"\nscale = {scale}\n\n[datasets.train]\ntype = "otf"\n\n[degradations]\n'
    return head + "".join(f"{name} = {_toml(value)}\n" for name, value in block.items())


def _trainner_redux(product: Product, scale: int) -> str:
    blur, quality = (
        product.ranges.get(name, none) for name, none in (("blur_sigma", _NO_BLUR), ("jpeg_quality", _NO_JPEG))
    )
    kernels = {
        **_kernels(blur, ""), "kernel_range": [21, 21], **_kernels(_NO_BLUR, "2"), "kernel_range2": [21, 21],
        "final_sinc_prob": 0.0, "final_kernel_range": [21, 21],
    }  # fmt: skip
    stages = _stages(product) | {
        "high_order_degradation": True,
        "blur_prob": round(blur.share, 3) if "blur_sigma" in product.ranges else 0.0,
        "blur_prob2": 0.0,
        "jpeg_prob": 0.0,
        "jpeg_prob2": round(quality.share, 3),
        # It leaves out a resize by exactly 1, and would add the noise at the clean image's size.
        "resize_prob2": [1.0, 0.0, 0.0],
        "resize_range2": [1.0, 1.001],
        **{f"resize_mode_list{number}": ["bicubic"] for number in ("", "2", "3")},
        **{f"resize_mode_prob{number}": [1.0] for number in ("", "2", "3")},
    }
    return _yaml({"scale": scale, **stages, "datasets": {"train": {"type": "realesrgandataset", **kernels}}})


def _pair(one: Range) -> list[float]:
    return [round(one.low, 2), round(one.high, 2)]


def _yaml(block: Mapping[str, Any]) -> str:
    text, writer = io.StringIO(), YAML(typ="safe")
    writer.default_flow_style = None
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(dict(block), text)
    return text.getvalue()


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


REALESRGAN = TrainerSpec(
    "realesrgan", "Real-ESRGAN's own trainer", ".yml", _AXES, _realesrgan, (_ANY_TAPS, _ALIASED, _ALWAYS_JPEG)
)
NEOSR = TrainerSpec(
    "neosr", "neosr, on-the-fly degradations", ".toml", _AXES, _neosr, (_ANY_TAPS, _ALIASED, _ALWAYS_JPEG)
)
TRAINNER_REDUX = TrainerSpec(
    "traiNNer-redux",
    "traiNNer-redux, on-the-fly degradations",
    ".yml",
    _AXES | {"blur_sigma": Sayable(0.1, MAX_SIGMA, some=True), "jpeg_quality": Sayable(1, BEST_QUALITY, some=True)},
    _trainner_redux,
    (_TAPS,),
)
