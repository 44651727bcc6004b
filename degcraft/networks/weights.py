"""Networks to files and back: our own safetensors, BasicSR's checkpoints, and what spandrel knows.

A file of ours is a safetensors file with BasicSR's key names. Its one metadata entry, `degcraft`, is a JSON
object that says how to build the network (`format`, `network`, `scale`, `hyperparameters`) and keeps what the
caller wants kept (`metadata`). Other software that reads safetensors finds plain tensors in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.networks import foreign
from degcraft.networks.registry import NETWORKS, build_network, network_spec

FORMAT = "degcraft-network/1"
# One entry and not one for each field: safetensors writes several in changing order, and equal networks should
# make equal files.
_HEADER = "degcraft"
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")


@dataclass(frozen=True)
class LoadedNetwork:
    """A network read from a file, ready to restore images."""

    model: nn.Module
    """In evaluation mode, on the device asked for; (B,3,h,w) in [0,1] to (B,3,h·scale,w·scale)."""

    scale: int
    """The factor by which it enlarges."""

    name: str
    """A key of the registry, or "spandrel:" and the architecture's name there."""

    hyperparameters: dict[str, Any]
    """What `build_network(name, scale=scale, **hyperparameters)` needs; empty for spandrel's networks."""

    metadata: dict[str, str]
    """What whoever saved it wrote beside the weights."""


def save_network(
    path: str | Path,
    model: nn.Module,
    *,
    name: str,
    hyperparameters: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a network of the registry to a safetensors file, whole or not at all.

    The same weights, hyperparameters and metadata make the same bytes.

    Args:
        path: ends in .safetensors; its folder is made.
        model: one that `build_network(name, …)` gave, on any device, in any memory format.
        name: its key in the registry.
        hyperparameters: those it was built with; `scale` may be among them and is read off the model if not.
        metadata: strings to keep beside the weights, such as where the training distribution came from.

    Raises:
        DegcraftError: if the weights are not those of such a network, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise DegcraftError(f"{path}: a network is saved as .safetensors, but the name ends in {path.suffix!r}")
    kept = dict(metadata or {})
    for key, value in kept.items():
        if not isinstance(value, str):
            raise DegcraftError(f"network metadata {key!r} must be a string, but is a {type(value).__name__}")
    own = dict(hyperparameters)
    scale = own.pop("scale", getattr(model, "scale", None))
    own = network_spec(name).checked(scale, own)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    rebuilt = build_network(name, scale=scale, **own)
    _check_layout(state, rebuilt, f"the network to be saved as {path}: not the weights of {name} x{scale} {own}")
    header = {"format": FORMAT, "network": name, "scale": scale, "hyperparameters": own, "metadata": kept}
    with written_whole(path) as temporary:
        save_file(state, temporary, metadata={_HEADER: json.dumps(header, sort_keys=True)})


def load_network(path: str | Path, device: str | torch.device = "cpu") -> LoadedNetwork:
    """Read an SR network from a file.

    Files of ours say what they are. Checkpoints of BasicSR's MSRResNet and RRDBNet (plain, or under
    `params_ema` or `params`, the first preferred) are recognised by the shapes of their tensors; anything
    else is given to spandrel. Nothing is unpickled beyond tensors and plain containers.

    Raises:
        DegcraftError: if the file is missing, damaged, of another kind, or holds no RGB SR network.
    """
    path = Path(path)
    if not path.is_file():
        raise DegcraftError(f"{path}: there is no such file")
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        allowed = ", ".join(WEIGHT_SUFFIXES)
        raise DegcraftError(f"{path}: network weights must end in {allowed}, but this ends in {path.suffix!r}")
    if path.suffix.lower() == ".safetensors":
        state, metadata = _read_safetensors(path)
    else:
        state, metadata = foreign.read_checkpoint(path), {}
    if _HEADER in metadata:
        return _load_own(path, state, metadata[_HEADER], device)

    state = foreign.unwrap(path, state)
    for spec in NETWORKS.values():
        found = spec.recover(state)
        if found is not None:
            scale = found.pop("scale")
            model = _filled(path, state, spec.name, scale, found)
            return LoadedNetwork(model.to(device).eval(), scale, spec.name, found, metadata)
    wrapped = foreign.load_by_spandrel(path, state)
    return LoadedNetwork(wrapped.to(device).eval(), wrapped.scale, wrapped.name, {}, metadata)


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise DegcraftError(f"{path}: not a readable safetensors file ({error})") from error


def _load_own(path: Path, state: dict[str, Any], header: str, device: str | torch.device) -> LoadedNetwork:
    try:
        content = json.loads(header)
        if content["format"] != FORMAT:
            raise DegcraftError(f"{path}: format must be {FORMAT!r}, but is {content['format']!r}")
        name, scale, kept = content["network"], content["scale"], dict(content["metadata"])
        hyperparameters = network_spec(name).checked(scale, dict(content["hyperparameters"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DegcraftError(f"{path}: the metadata does not say how to build the network ({error!r})") from error
    model = _filled(path, state, name, scale, hyperparameters)
    return LoadedNetwork(model.to(device).eval(), scale, name, hyperparameters, kept)


def _filled(
    path: Path, state: Mapping[str, Tensor], name: str, scale: int, hyperparameters: Mapping[str, Any]
) -> nn.Module:
    try:
        hyperparameters = network_spec(name).checked(scale, hyperparameters)
    except DegcraftError as error:
        raise DegcraftError(f"{path}: {error}") from error
    model = build_network(name, scale=scale, **hyperparameters)
    _check_layout(state, model, f"{path}: not the weights of {name} x{scale} {hyperparameters}")
    model.load_state_dict(state)
    return model


def _check_layout(state: Mapping[str, Tensor], model: nn.Module, complaint: str) -> None:
    """Compare names and shapes with those of a model; raises DegcraftError that begins with `complaint`."""
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    if missing := sorted(expected.keys() - found.keys()):
        raise DegcraftError(f"{complaint}; missing: {_few(missing)}")
    if unexpected := sorted(found.keys() - expected.keys()):
        raise DegcraftError(f"{complaint}; not part of it: {_few(unexpected)}")
    for key, shape in expected.items():
        if found[key] != shape:
            raise DegcraftError(f"{complaint}; {key} must have shape {shape}, but has {found[key]}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
