"""An SR network as an MLflow model folder: an exported graph without pickle, and the network itself."""

import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.networks import LoadedNetwork, load_network

FORMAT = "degcraft-model/1"
NETWORK_FILE = "extra_files/network.safetensors"
"""Where in the model folder the network lies, from which it is rebuilt exactly."""

_EXAMPLE = (2, 3, 24, 32)
_OTHER_SIZES = ((1, 3, 37, 22), (1, 3, 20, 40))


def package_network(
    network_file: Path, folder: Path, *, scale: int, crafted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the MLflow model folder of a network file; returns the metadata written into it.

    The model takes and gives float32 (-1, 3, -1, -1) in [0,1]: any batch, any height and width. It is
    exported on the CPU, loaded again and compared with the network at other sizes before it is kept.
    A folder that is already there whole is taken as it is.

    Parameters
    ----------
    network_file
        A file that `degcraft.networks.load_network` reads.
    folder
        Where the model folder is to be; appears only when it is whole.
    scale
        What the network must enlarge by.
    crafted
        The training distribution as the JSON object of `crafted.json`, kept with the model.

    Raises
    ------
    DegcraftError
        The file is no network, its scale is another, or the exported graph does not compute the same.
    """
    network = load_network(network_file, device="cpu")
    if network.scale != scale:
        raise DegcraftError(f"{network_file}: the network must enlarge by {scale}, but enlarges by {network.scale}")
    metadata = _metadata(network, crafted)
    if folder.exists():
        return metadata
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        extra = part / "network.safetensors"
        shutil.copyfile(network_file, extra)
        _save(network, metadata, part / "model", extra)
        _compare(network, part / "model")
        os.replace(part / "model", folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return metadata


def digest(file: Path) -> str:
    """sha256 of the file's bytes, as hexadecimal text."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class _AnySize(nn.Module):
    """A network that folds pixels into channels, with its padding and cropping done so that they export.

    Cropping by a slice asks whether there is anything to crop, and the exporter freezes the answer: the
    graph would then take only sizes that divide, or only those that do not. Picking rows and columns by
    their numbers asks nothing; sizes up to `multiple` pixels are refused even so.
    """

    def __init__(self, network: nn.Module, multiple: int, scale: int) -> None:
        super().__init__()
        self.network, self.multiple, self.scale = network, multiple, scale

    def forward(self, lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        rows = self._whole(height, lr.device).clamp(max=height - 1)
        columns = self._whole(width, lr.device).clamp(max=width - 1)
        sr = self.network(lr.index_select(2, rows).index_select(3, columns))
        rows = torch.arange(height * self.scale, device=lr.device)
        columns = torch.arange(width * self.scale, device=lr.device)
        return sr.index_select(2, rows).index_select(3, columns)

    def _whole(self, size: int, device: torch.device) -> Tensor:
        """The pixels 0, 1, … up to the next multiple."""
        return torch.arange((size + self.multiple - 1) // self.multiple * self.multiple, device=device)


def _exportable(network: LoadedNetwork) -> nn.Module:
    fold = getattr(network.model, "fold", 1)
    return _AnySize(network.model, fold, network.scale).eval() if fold > 1 else network.model


def _metadata(network: LoadedNetwork, crafted: Mapping[str, Any] | None) -> dict[str, Any]:
    own: dict[str, Any] = {
        "format": FORMAT,
        "network": network.name,
        "scale": network.scale,
        "hyperparameters": dict(network.hyperparameters),
        "network_metadata": dict(network.metadata),
    }
    if crafted is not None:
        own["crafted"] = json.loads(json.dumps(crafted))
    return own


def _save(network: LoadedNetwork, metadata: dict[str, Any], folder: Path, extra: Path) -> None:
    import mlflow.pytorch
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    image = TensorSpec(np.dtype(np.float32), (-1, 3, -1, -1))
    # Sizes of 1 would be frozen into the exported graph.
    example = np.linspace(0, 1, math.prod(_EXAMPLE), dtype=np.float32).reshape(_EXAMPLE)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        mlflow.pytorch.save_model(
            _exportable(network),
            str(folder),
            signature=ModelSignature(inputs=Schema([image]), outputs=Schema([image])),
            input_example=example,
            serialization_format="pt2",
            # The local part of a version (+cu130) names a build that no package index has.
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in ("torch", "numpy", "mlflow")],
            extra_files=[str(extra)],
            metadata={"degcraft": metadata},
        )


def _compare(network: LoadedNetwork, folder: Path) -> None:
    exported = torch.export.load(folder / "data" / "model.pt2").module()
    for size in _OTHER_SIZES:
        lr = torch.linspace(0, 1, math.prod(size)).reshape(size)
        with torch.no_grad():
            expected = network.model(lr)
            try:
                found = exported(lr)
            except Exception as error:
                raise DegcraftError(
                    f"network {network.name}: the exported graph must take any size, but refuses {size}: {error}"
                ) from error
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-4, atol=1e-5):
            raise DegcraftError(
                f"network {network.name}: the exported graph must compute what the network does, but differs at {size}"
            )
