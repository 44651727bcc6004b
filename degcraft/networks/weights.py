"""Networks to files and back: our own safetensors, BasicSR's checkpoints, and what spandrel knows.

A file of ours is a safetensors file with the key names that other software knows the architecture by. Its one
metadata entry, `degcraft`, is a JSON object that says how to build the network (`format`, `network`, `scale`,
`hyperparameters`), by what its tensors are known to be whole (`weights`, a sha256), and keeps what the caller wants
kept (`metadata`). Other software that reads safetensors finds plain tensors in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.networks import foreign
from degcraft.networks.bounds import BoundedBy, check_hyperparameters
from degcraft.networks.digest import weights_digest
from degcraft.networks.loaded import LoadedNetwork
from degcraft.networks.registry import NETWORKS, network_spec
from degcraft.networks.shipped import weights_file

FORMAT = "degcraft-network/1"
# One entry and not one for each field: safetensors writes several in changing order, and equal networks should
# make equal files.
_HEADER = "degcraft"
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")


@dataclass(frozen=True)
class Header:
    """What a file of ours says of its network, complete."""

    name: str
    scale: int
    hyperparameters: dict[str, Any]
    metadata: dict[str, str]
    weights: str | None
    """Digest of the tensors; None in files of the first versions."""


def read_header(path: str | Path) -> Header:
    """What a file of `save_network` says of itself, without reading its weights.

    Raises:
        DegcraftError: it is no safetensors file, or not one of ours.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DegcraftError(f"{path}: not a readable safetensors file ({error})") from error
    if _HEADER not in metadata:
        raise DegcraftError(f"{path}: must have been written by degcraft, but does not say what network it holds")
    return _parsed(path, metadata[_HEADER])


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
    spec = network_spec(name)
    own = spec.checked(scale, own)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    rebuilt = spec.build(scale=scale, seed=0, **own)
    _check_layout(state, rebuilt, f"the network to be saved as {path}: not the weights of {spec.name} x{scale} {own}")
    header = {
        "format": FORMAT, "network": spec.name, "scale": scale, "hyperparameters": own, "metadata": kept,
        "weights": weights_digest(state),
    }  # fmt: skip
    with written_whole(path) as temporary:
        temporary.write_bytes(save(state, metadata={_HEADER: json.dumps(header, sort_keys=True)}))


def load_network(path: str | Path, device: str | torch.device = "cpu") -> LoadedNetwork:
    """Read an SR network from a file, or a start that degcraft ships.

    Files of ours say what they are. Others (plain, or under `params_ema` or `params`, the first preferred) are
    recognised by the names and shapes of their tensors, ours and all that spandrel knows. Nothing is unpickled
    beyond tensors and plain containers.

    Args:
        path: a file, or `start:` and the name of one of `STARTS`.
        device: where the model is to be.

    Raises:
        DegcraftError: if the file is missing, damaged, of another kind, or holds no RGB SR network.
    """
    path = weights_file(path)
    state, metadata = _read(path)
    if _HEADER in metadata:
        return _load_own(path, state, metadata[_HEADER], device)
    state = foreign.unwrap(path, state)
    for spec in NETWORKS.values():
        try:
            with BoundedBy(state):
                found = spec.recover(state)
        except DegcraftError as error:
            raise DegcraftError(f"{path}: {error}") from error
        if found is not None:
            scale = found.pop("scale")
            return _filled(path, state, spec.name, scale, found, metadata, device)
    raise DegcraftError(f"{path}: {foreign.why_unknown(state)}")


def load(model: str | Path, device: str | torch.device = "auto") -> LoadedNetwork:
    """An SR network, ready to restore images.

    >>> import degcraft
    >>> network = degcraft.load("start:x4")
    >>> restored = network("photos/chelsea.png")
    >>> restored.rgb.shape
    torch.Size([3, 296, 416])
    >>> restored.save("restored/again.png")

    Args:
        model: As for `load_network`. One in MLflow (`models:/name@champion`) is loaded by
            `tracking.models.load_sr_model` instead, and is the same object then.
        device: Where it works: cpu, cuda, cuda:1 …; auto takes a GPU if there is one.

    Raises:
        DegcraftError: what `load_network` refuses, or no such device.
    """
    return load_network(model, pick_device(device))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors (perhaps inside a trainer's checkpoint) and the metadata of a file."""
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        allowed = ", ".join(WEIGHT_SUFFIXES)
        raise DegcraftError(f"{path}: network weights must end in {allowed}, but this ends in {path.suffix!r}")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    return foreign.read_checkpoint(path), {}


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise DegcraftError(f"{path}: not a readable safetensors file ({error})") from error


def _load_own(path: Path, state: dict[str, Any], header: str, device: str | torch.device) -> LoadedNetwork:
    said = _parsed(path, header)
    if said.weights not in (None, weights_digest(state)):
        raise DegcraftError(f"{path}: is damaged: its weights are not those that were written")
    return _filled(path, state, said.name, said.scale, said.hyperparameters, said.metadata, device)


def _parsed(path: Path, header: str) -> Header:
    try:
        content = json.loads(header)
        if content["format"] != FORMAT:
            raise DegcraftError(f"{path}: format must be {FORMAT!r}, but is {content['format']!r}")
        spec = network_spec(content["network"])
        check_hyperparameters(content["hyperparameters"])
        complete = spec.checked(content["scale"], dict(content["hyperparameters"]))
        return Header(spec.name, content["scale"], complete, dict(content["metadata"]), content.get("weights"))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DegcraftError(f"{path}: the metadata does not say how to build the network ({error!r})") from error
    except DegcraftError as error:
        raise DegcraftError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error


def _filled(
    path: Path,
    state: Mapping[str, Tensor],
    name: str,
    scale: int,
    hyperparameters: Mapping[str, Any],
    metadata: dict[str, str],
    device: str | torch.device,
) -> LoadedNetwork:
    try:
        spec = network_spec(name)
        complete = spec.checked(scale, hyperparameters)
        with BoundedBy(state):
            model = spec.build(scale=scale, seed=0, **complete)
            if state.keys() != model.state_dict().keys():
                state = spec.convert(state)
    except DegcraftError as error:
        raise DegcraftError(f"{path}: {error}") from error
    _check_layout(state, model, f"{path}: not the weights of {spec.name} x{scale} {complete}")
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise DegcraftError(f"{path}: {key} must hold finite numbers, but holds others")
    model.load_state_dict(state)
    return LoadedNetwork(model.to(device).eval(), scale, spec.name, complete, metadata)


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
