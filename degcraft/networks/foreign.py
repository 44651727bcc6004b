"""Weights that other software wrote: BasicSR's wrappings, and every architecture that spandrel knows."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError

# Where trainers put the network inside a checkpoint, the averaged weights first.
_WRAPPINGS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net")
_PREFIXES = ("module.", "netG.")


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
        raise DegcraftError(f"{path}: not a readable checkpoint ({_in_short(error)})") from error
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
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


class SpandrelNetwork(nn.Module):
    """A network of spandrel's behind our interface: RGB in [0,1] at any size in, clamped to [0,1] out."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.network = descriptor.model
        self.scale: int = descriptor.scale
        self.name = f"spandrel:{descriptor.architecture.name}"
        # The descriptor pads to the sizes that its network takes. It must not become a submodule's twin.
        self._descriptor = descriptor

    def forward(self, lr: Tensor) -> Tensor:
        """(B,3,h,w) in [0,1] to (B,3,h·scale,w·scale); image by image, as spandrel takes them."""
        return torch.cat([self._descriptor(image[None]) for image in lr])


def load_by_spandrel(path: Path, state: dict[str, Tensor]) -> SpandrelNetwork:
    """Build the network that spandrel recognises in a state dict.

    Raises:
        DegcraftError: if spandrel is not installed or does not know it, or if it is no RGB SR network.
    """
    try:
        import spandrel
    except ImportError as error:
        raise DegcraftError(
            f"{path}: not one of degcraft's networks, and the package spandrel, which knows others, is not installed"
        ) from error
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(state)
    except spandrel.UnsupportedModelError as error:
        raise DegcraftError(
            f"{path}: neither degcraft nor spandrel {spandrel.__version__} knows a network with such weights"
        ) from error
    except (RuntimeError, KeyError, ValueError, AssertionError) as error:
        raise DegcraftError(f"{path}: spandrel could not build its network ({_in_short(error)})") from error
    kind = descriptor.architecture.name
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise DegcraftError(f"{path}: {kind} restores under a mask; degcraft takes image-to-image networks")
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise DegcraftError(
            f"{path}: the network must take and give RGB, but {kind} takes {descriptor.input_channels} "
            f"and gives {descriptor.output_channels} channels"
        )
    return SpandrelNetwork(descriptor)


def _in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
