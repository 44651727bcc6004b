"""Weights that other software wrote: the wrappings that trainers put around them, and networks that have no entry."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spandrel
import torch
from torch import Tensor

from degcraft.errors import DegcraftError, in_short
from degcraft.networks.spandrel_entries import LEFT_OUT
from degcraft.networks.spandrel_specs import recognised

# Where trainers put the network inside a checkpoint, the averaged weights first.
_WRAPPINGS = ("params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "net")
# What wrappers put before every name, one inside the other: parallel training, torch.compile, Lightning's module.
_PREFIXES = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.", "model.", "net.", "network.")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `torch.save` wrote, tensors and plain containers only; raises DegcraftError otherwise."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DegcraftError(
            f"{path}: holds more than tensors or is damaged, and is not unpickled; "
            "save its state dict with torch.save or as safetensors"
        ) from error
    except Exception as error:  # a damaged file makes the unpickler fail in every way there is
        raise DegcraftError(f"{path}: not a readable checkpoint ({in_short(error)})") from error
    if not isinstance(content, Mapping):
        raise DegcraftError(f"{path}: must hold a state dict, but holds a {type(content).__name__}")
    return dict(content)


def unwrap(path: Path, content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict inside a trainer's checkpoint, without the prefixes of parallel training."""
    for key in _WRAPPINGS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise DegcraftError(f"{path}: holds no tensors of a network")
    state.pop("n_averaged", None)  # how many weights torch's AveragedModel is the mean of
    while state and (prefix := _prefix_of_all(state)):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _prefix_of_all(state: Mapping[str, Tensor]) -> str | None:
    """One of the wrappers', or None; not the `model.0` of a network that is a numbered sequence itself."""
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) and not key[len(prefix) : len(prefix) + 1].isdigit() for key in state):
            return prefix
    return None


def why_unknown(state: Mapping[str, Tensor]) -> str:
    """Why no entry of the registry recognises a state dict."""
    architecture = recognised(state)
    if architecture is None:
        return f"neither degcraft nor spandrel {spandrel.__version__} knows a network with such weights"
    reason = LEFT_OUT.get(architecture.id, "this form of it cannot be built by name")
    return f"{architecture.name} is no network for degcraft: {reason}"
