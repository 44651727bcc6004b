"""Networks for other software: weights under the names it knows, and ONNX for images of any size."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from degcraft.errors import DegcraftError, in_short
from degcraft.images.atomic import written_whole
from degcraft.networks.deploying import deployable
from degcraft.networks.registry import network_spec
from degcraft.networks.spandrel_specs import describe, recognised
from degcraft.networks.weights import LoadedNetwork

EXPORT_SUFFIXES = (".safetensors", ".pth", ".onnx")

# Sizes of 1 would be frozen into the graph; the others are what it is tried on.
_EXAMPLE = (2, 3, 24, 32)
_TRIED = ((1, 3, 37, 22), (3, 3, 20, 41), (1, 3, 64, 48))
# A graph may add in another order than torch; values are of the order of 1.
_TOLERANCE = 1e-3


def export(network: LoadedNetwork, path: str | Path) -> str:
    """Write a network for other software, whole or not at all, after seeing that what is written computes the same.

    Args:
        network: on any device.
        path: ends in .safetensors or .pth (a plain state dict under the architecture's usual keys) or .onnx (float32,
            input `lr` (B,3,h,w) in [0,1], output `sr` (B,3,h·scale,w·scale), not clamped; batch, height and width
            are free).

    Returns:
        One line about what opens the file.

    Raises:
        DegcraftError: another suffix, or what other software would make of the file is another network.
    """
    path = Path(path)
    check_suffix(path)
    return _export_onnx(network, path) if path.suffix.lower() == ".onnx" else _export_weights(network, path)


def check_suffix(path: Path) -> None:
    """Raise DegcraftError if a name does not say what to write."""
    if path.suffix.lower() not in EXPORT_SUFFIXES:
        raise DegcraftError(f"{path}: must end in {', '.join(EXPORT_SUFFIXES)}, but ends in {path.suffix!r}")


def _export_weights(network: LoadedNetwork, path: Path) -> str:
    own = {key: value.detach().cpu().contiguous() for key, value in network.model.state_dict().items()}
    spec = network_spec(network.name)
    state = dict(spec.publish(own, network.scale, network.hyperparameters))
    opened_by = _compare_with_spandrel(network, state)
    with written_whole(path) as temporary:
        if path.suffix.lower() == ".pth":
            torch.save({"params": state}, content := io.BytesIO())
            temporary.write_bytes(content.getbuffer())
        else:
            temporary.write_bytes(save(state))
    return opened_by


def _compare_with_spandrel(network: LoadedNetwork, state: dict[str, Tensor]) -> str:
    architecture = recognised(state)
    if architecture is None:
        return f"spandrel does not know {network.name}: software with BasicSR's {network.name} opens it, degcraft too"
    try:
        described = describe(architecture, state)
    except DegcraftError as error:
        return f"degcraft opens it, but {error}"
    lr = _images((1, 3, 24, 24))
    expected = _on_cpu(network.model)(lr)
    complaint = f"network {network.name}: its weights cannot be handed over, as software that uses spandrel would "
    if described.scale != network.scale:
        raise DegcraftError(
            f"{complaint}take them for one that enlarges by {described.scale}, not by {network.scale}; "
            "a file of degcraft's own says what it is"
        )
    difference = (described(lr) - expected.clamp(0, 1)).abs().max().item()
    if not difference <= _TOLERANCE:
        raise DegcraftError(
            f"{complaint}compute something else, by up to {difference:.2g}: hyperparameters that differ from "
            "the published ones cannot be read off its weights"
        )
    return f"opens as {architecture.name} x{network.scale} in software that uses spandrel, such as chaiNNer"


def _export_onnx(network: LoadedNetwork, path: Path) -> str:
    if reason := network_spec(network.name).no_graph:
        raise DegcraftError(f"network {network.name}: cannot be exported to ONNX for free sizes: {reason}")
    model = deployable(_on_cpu(network.model))
    free = {0: torch.export.Dim("batch"), 2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    with written_whole(path) as temporary, quiet():
        try:
            program = torch.onnx.export(
                model,
                (_images(_EXAMPLE),),
                dynamo=True,
                input_names=["lr"],
                output_names=["sr"],
                dynamic_shapes=(free,),
                verbose=False,
            )
            assert program is not None
            program.save(str(temporary), external_data=False)
            _compare_onnx(network, model, temporary)
        except (DegcraftError, OSError):
            raise
        except Exception as error:  # the exporter fails in as many ways as there are networks
            raise DegcraftError(
                f"network {network.name}: cannot be exported to ONNX for free sizes ({in_short(error)})"
            ) from error
    return f"ONNX: lr (batch,3,height,width) in [0,1] to sr (batch,3,{network.scale}·height,{network.scale}·width)"


def _compare_onnx(network: LoadedNetwork, model: nn.Module, file: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    for size in _TRIED:
        lr = _images(size)
        with torch.no_grad():
            expected = model(lr).numpy()
        (found,) = session.run(None, {"lr": lr.numpy()})
        difference = np.abs(found - expected).max() if found.shape == expected.shape else math.inf
        if not difference <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise DegcraftError(
                f"network {network.name}: cannot be exported to ONNX for free sizes "
                f"(at {size[2]}x{size[3]} the graph differs by {difference:.2g})"
            )


def _on_cpu(model: nn.Module) -> nn.Module:
    parameter = next(model.parameters(), None)
    if parameter is None or parameter.device.type == "cpu":
        return model
    import copy

    return copy.deepcopy(model).cpu()


def _images(size: tuple[int, ...]) -> Tensor:
    """Images with something in them, the same ones every time: soft, as photographs are. Of white noise some networks
    make values in the hundreds, and of rounding a difference.
    """
    height, width = size[-2:]
    coarse = torch.rand(*size[:-2], height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter, which is talkative, from the terminal."""
    loggers: list[Any] = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
