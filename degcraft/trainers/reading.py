"""The degradations that a configuration of Real-ESRGAN, neosr or traiNNer-redux asks for, as a source."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.sources import make_source
from degcraft.sources.registry import REALESRGAN, REALESRGAN_KERNELS

_AS_PUBLISHED = {"blur_prob2": "second_blur_prob"}
"""Their names for what Real-ESRGAN has under another one."""
_NOT_RENDERED = (
    "lq_usm",
    "resize_mode_list",
    "resize_mode_list2",
    "resize_mode_list3",
    "kernel_range",
    "kernel_range2",
)


def read_block(path: Path) -> tuple[DegradationSource, int | None, list[str]]:
    """The source, the scale if it is named, and the fields that are not rendered.

    What a file leaves out is Real-ESRGAN's own.

    Args:
        path: .yml, .yaml or .toml.

    Raises:
        DegcraftError: a file that cannot be read, that holds no such block, or a value that breaks its rule.
    """
    content = _content(path)
    scale = content.get("scale")
    if scale is not None and (not isinstance(scale, int) or not 1 <= scale <= 8):
        raise DegcraftError(f"{path}: scale must be a whole number from 1 to 8, but got {scale!r}")
    train = content.get("datasets", {}).get("train", {}) if isinstance(content.get("datasets"), dict) else {}
    inner = content.get("degradations", {})
    fields = {**content, **(train if isinstance(train, dict) else {}), **(inner if isinstance(inner, dict) else {})}
    knobs = {_AS_PUBLISHED.get(name, name): value for name, value in fields.items()}
    for number in ("", "2"):
        if f"kernel_list{number}" in fields:
            knobs[f"kernel_prob{number}"] = _kinds(path, fields, number)
    own = {name: value for name, value in knobs.items() if name in REALESRGAN.knobs}
    if not own:
        raise DegcraftError(f"{path}: holds no degradation block (blur_sigma, noise_range, jpeg_range …)")
    try:
        source = make_source({"name": REALESRGAN.name, **own})
    except DegcraftError as error:
        raise DegcraftError(f"{path}: {str(error).removeprefix('degradation realesrgan: ')}") from None
    return source, scale, [name for name in _NOT_RENDERED if fields.get(name)]


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DegcraftError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        content = tomllib.loads(text) if path.suffix == ".toml" else YAML(typ="safe").load(text)
    except (tomllib.TOMLDecodeError, YAMLError) as error:
        kind = "TOML" if path.suffix == ".toml" else "YAML"
        raise DegcraftError(f"{path}: must be a {kind} file, but {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise DegcraftError(f"{path}: must map fields to values, but holds {type(content).__name__}")
    return content


def _kinds(path: Path, fields: Mapping[str, Any], number: str) -> list[float]:
    """How often each of `REALESRGAN_KERNELS` is drawn."""
    names, shares = fields[f"kernel_list{number}"], fields.get(f"kernel_prob{number}")
    if not isinstance(names, list) or not isinstance(shares, list) or len(names) != len(shares):
        raise DegcraftError(f"{path}: kernel_prob{number} must give a share for each of kernel_list{number}")
    if unknown := [name for name in names if name not in REALESRGAN_KERNELS]:
        raise DegcraftError(
            f"{path}: kernel_list{number} must name {', '.join(REALESRGAN_KERNELS)}, but got {unknown[0]!r}"
        )
    given = dict(zip(names, shares, strict=True))
    return [given.get(kind, 0.0) for kind in REALESRGAN_KERNELS]
