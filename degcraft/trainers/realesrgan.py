"""Real-ESRGAN's two stages, as its own trainer, neosr and traiNNer-redux spell them.

Names and meanings are those of `options/train_realesrnet_x4plus.yml` (Real-ESRGAN), `options/train_compact_otf.toml`
(neosr) and `traiNNer/utils/redux_options.py` (traiNNer-redux). The first stage blurs at the clean image's size and
nothing else, the second reduces, adds noise and compresses; what would come between is switched off or at its mildest.
"""

import io
from collections.abc import Mapping
from typing import Any

from degcraft.trainers.product import Product
from degcraft.trainers.ranges import Range
from degcraft.trainers.registry import BEST_QUALITY

_NO_BLUR = Range(0.1, 0.1, 0.0)
_NO_JPEG = Range(BEST_QUALITY, BEST_QUALITY, 0.0)
_NO_NOISE = Range(0.0, 0.0, 0.0)


def _kernels(product: Product) -> dict[str, Any]:
    """Of both stages, of which the second does not blur, and of none at the end."""
    blurs = {"": product.ranges.get("blur_sigma", _NO_BLUR), "2": _NO_BLUR}
    kernels = {
        f"{name}{number}": value
        for number, blur in blurs.items()
        for name, value in {
            "blur_kernel_size": 21,
            "kernel_list": ["iso"],
            "kernel_prob": [1.0],
            "sinc_prob": 0.0,
            "blur_sigma": blur.ends,
            "betag_range": [0.5, 4.0],
            "betap_range": [1.0, 2.0],
        }.items()
    }
    return {**kernels, "final_sinc_prob": 0.0}


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
        "noise_range2": noise.ends,
        "poisson_scale_range2": [0.0, 0.0],
        "gray_noise_prob2": common.middle,
        "jpeg_range2": quality.ends,
    }


def realesrgan(product: Product, scale: int) -> str:
    """See `TrainerSpec.write`."""
    train = {"type": "RealESRGANDataset", **_kernels(product)}
    return _yaml({"scale": scale, **_stages(product), "second_blur_prob": 0.0, "datasets": {"train": train}})


def neosr(product: Product, scale: int) -> str:
    """See `TrainerSpec.write`."""
    block = {**_stages(product), "second_blur_prob": 0.0, **_kernels(product)}
    head = f'model_type = "otf"\nscale = {scale}\n\n[datasets.train]\ntype = "otf"\n\n[degradations]\n'
    return head + "".join(f"{name} = {_toml(value)}\n" for name, value in block.items())


def trainner_redux(product: Product, scale: int) -> str:
    """See `TrainerSpec.write`."""
    blur, quality = product.ranges.get("blur_sigma", _NO_BLUR), product.ranges.get("jpeg_quality", _NO_JPEG)
    sides = {name: [21, 21] for name in ("kernel_range", "kernel_range2", "final_kernel_range")}
    stages = _stages(product) | {
        "high_order_degradation": True,
        "blur_prob": round(blur.share, 3),
        "blur_prob2": 0.0,
        "jpeg_prob": 0.0,
        "jpeg_prob2": round(quality.share, 3),
        # It leaves out a resize by exactly 1, and would add the noise at the clean image's size.
        "resize_prob2": [1.0, 0.0, 0.0],
        "resize_range2": [1.0, 1.001],
        **{f"resize_mode_list{number}": ["bicubic"] for number in ("", "2", "3")},
        **{f"resize_mode_prob{number}": [1.0] for number in ("", "2", "3")},
    }
    train = {"type": "realesrgandataset", **_kernels(product), **sides}
    return _yaml({"scale": scale, **stages, "datasets": {"train": train}})


def _yaml(block: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    text, writer = io.StringIO(), YAML(typ="safe")
    writer.default_flow_style = None
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(dict(block), text)
    return text.getvalue()


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
