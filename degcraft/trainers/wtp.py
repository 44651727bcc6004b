"""wtp_dataset_destroyer: a chain of degradations in HCL, each with its range and the share of images that it is for.

Names and meanings are those of its `configs/new_full.hcl` and `instructions`.
"""

from collections.abc import Mapping
from typing import Any

from degcraft.trainers.product import Product
from degcraft.trainers.ranges import Range

ALPHA = 63.75
"""Its Gaussian noise of alpha 1 has this standard deviation, in 8-bit units."""
_STEPS = 20
"""In which a range of alpha is drawn."""

_FILES = {"jpeg_quality": "jpeg", "webp_quality": "webp"}


def write(product: Product, scale: int) -> str:
    """See `TrainerSpec.write`."""
    ranges = product.ranges
    blocks: list[dict[str, Any]] = []
    if (blur := ranges.get("blur_sigma")) is not None:
        blocks.append({"type": "blur", "filter": ["gauss"], "target_kernel": {"gauss": blur.ends}, **_share(blur)})
    # Its cubic_catrom is the bicubic kernel of eq. 2, a = -0.5, antialiased.
    blocks.append(
        {"type": "resize", "alg_lq": ["cubic_catrom"], "alg_hq": ["lagrange"], "scale": scale, "color_fix": False}
    )
    if (noise := ranges.get("noise_level")) is not None:
        low, high = (round(end / ALPHA, 4) for end in (noise.low, noise.high))
        common = ranges.get("noise_common", Range(0.0, 0.0))
        step = round(max(high - low, 1e-4) / _STEPS, 6)
        blocks.append({
            "type": "noise", "type_noise": ["gauss"], "alpha": [low, high + step, step],
            "y_noise": common.middle, **_share(noise),
        })  # fmt: skip
    for axis, algorithm in _FILES.items():
        if (quality := ranges.get(axis)) is not None:
            whole = [round(quality.low), round(quality.high)]
            blocks.append({
                "type": "compress", "algorithm": [algorithm], "jpeg_sampling": ["4:2:0"],
                "target_compress": {algorithm: whole}, **_share(quality),
            })  # fmt: skip
    return 'input = "clean"\noutput = "degraded"\n\n' + "\n".join(_block(one) for one in blocks)


def _block(fields: Mapping[str, Any]) -> str:
    return "degradation {\n" + "".join(f"  {name} = {_hcl(value)}\n" for name, value in fields.items()) + "}\n"


def _hcl(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_hcl(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_hcl(one) for one in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _share(one: Range) -> dict[str, float]:
    return {} if one.share == 1 else {"probability": round(one.share, 3)}
