"""Reads files of weights and checks their layout."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from degcraft.errors import DegcraftError

_KEYS_SHOWN = 3


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, or of a `.pth` or `.pt` file that holds nothing else, on the CPU.

    Raises:
        DegcraftError: no file, another suffix, a damaged file, or a file that holds something else.
    """
    if not path.exists():
        raise DegcraftError(f"{path} does not exist")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise DegcraftError(f"{path} is not a readable safetensors file: {error}") from error
    if path.suffix not in (".pth", ".pt"):
        raise DegcraftError(f"{path}: weights must be a .safetensors, .pth or .pt file, but got '{path.suffix}'")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DegcraftError(f"{path} is not a file of plain weights that can be read: {first_line}") from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise DegcraftError(f"{path} must hold a state dict of tensors, but holds something else")
    return dict(content)


def check_layout(
    tensors: Mapping[str, Tensor],
    whole: Mapping[str, Tensor],
    *,
    prefix: str,
    path: Path,
    layout: str,
) -> dict[str, Tensor]:
    """The tensors under `prefix`, as float32 and without it, once they fit.

    Args:
        tensors: What the file holds. May leave out what lies outside `prefix`.
        whole: The whole network's state dict; only names and shapes are read.
        prefix: Such as `features.`.
        path: The file, for the message.
        layout: The layout's name, for the message.

    Raises:
        DegcraftError: names the missing keys, the unexpected keys, or the first key of another shape.
    """
    wanted = [key for key in whole if key.startswith(prefix)]
    missing = [key for key in wanted if key not in tensors]
    unexpected = [key for key in tensors if key not in whole]
    if missing or unexpected:
        faults = [f"missing {_some(missing)}"] if missing else []
        faults += [f"unexpected {_some(unexpected)}"] if unexpected else []
        raise DegcraftError(f"{path} does not have the layout of {layout}: {'; '.join(faults)}")
    for key in wanted:
        if tensors[key].shape != whole[key].shape:
            raise DegcraftError(
                f"{path} does not have the layout of {layout}: {key} must have shape "
                f"{tuple(whole[key].shape)}, but has {tuple(tensors[key].shape)}"
            )
    return {key.removeprefix(prefix): tensors[key].float() for key in wanted}


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:_KEYS_SHOWN])
    return shown if len(keys) <= _KEYS_SHOWN else f"{shown} and {len(keys) - _KEYS_SHOWN} more"
