"""The degradations that a configuration of Real-ESRGAN, neosr or traiNNer-redux asks for, as a source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.errors import DegcraftError, shown
from degcraft.field_files import read_toml, read_yaml
from degcraft.knobs import checked_knobs
from degcraft.sources.registry import REALESRGAN, REALESRGAN_KERNELS
from degcraft.trainers.spec import SCALE

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource

_AS_PUBLISHED = {"blur_prob2": "second_blur_prob"}
"""Their names for what Real-ESRGAN has under another one."""
_NOT_RENDERED = ("lq_usm", *(f"resize_mode_list{number}" for number in ("", "2", "3")), "kernel_range", "kernel_range2")
_KNOBS = {"scale": SCALE, **REALESRGAN.knobs}


def read_block(path: Path) -> tuple[DegradationSource, int, list[str]]:
    """The source, the scale (4 if none is named), and the fields that are not rendered.

    What a file leaves out is Real-ESRGAN's own. Nothing heavy is loaded to refuse one.

    Args:
        path: .yml, .yaml or .toml.

    Raises:
        DegcraftError: a file that cannot be read, that holds no such block, or a value that breaks its rule.
    """
    content = read_toml(path) if path.suffix == ".toml" else read_yaml(path)
    fields: dict[str, Any] = {}
    datasets = content.get("datasets")
    train = datasets.get("train") if isinstance(datasets, dict) else None
    for part in (content, train, content.get("degradations")):
        fields |= part if isinstance(part, dict) else {}
    given = {_AS_PUBLISHED.get(name, name): value for name, value in fields.items()}
    for number in ("", "2"):
        if f"kernel_list{number}" in fields:
            given[f"kernel_prob{number}"] = _kinds(path, fields, number)
    own = {name: value for name, value in given.items() if name in _KNOBS}
    if own.keys() <= {"scale"}:
        raise DegcraftError(f"{path}: holds no degradation block (blur_sigma, noise_range, jpeg_range …)")
    found = checked_knobs(_KNOBS, own, owner=str(path))
    scale = found.pop("scale")
    return REALESRGAN.build(**found), scale, [name for name in _NOT_RENDERED if fields.get(name)]


def _kinds(path: Path, fields: Mapping[str, Any], number: str) -> list[Any]:
    """How often each of `REALESRGAN_KERNELS` is drawn, as it stands there."""
    names, shares = fields[f"kernel_list{number}"], fields.get(f"kernel_prob{number}")
    if not isinstance(names, list) or not isinstance(shares, list) or len(names) != len(shares):
        raise DegcraftError(f"{path}: kernel_prob{number} must give a share for each of kernel_list{number}")
    if any(name not in REALESRGAN_KERNELS for name in names) or len({*names}) < len(names):
        known = ", ".join(REALESRGAN_KERNELS)
        raise DegcraftError(f"{path}: kernel_list{number} must name some of {known}, each once, but got {shown(names)}")
    given = dict(zip(names, shares, strict=True))
    return [given.get(kind, 0.0) for kind in REALESRGAN_KERNELS]
