"""An SR network as an MLflow model folder: an exported graph without pickle, and the network itself.

Some networks, most of those that attend in windows, have no graph that takes every size. They are packed without
one: MLflow then loads them through degcraft, which rebuilds them from their weights.
"""

import hashlib
import io
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from degcraft.errors import NO_ROOM, DegcraftError, in_short
from degcraft.networks import LoadedNetwork, load_network, network_spec, save_network
from degcraft.networks.deploying import deployable
from degcraft.networks.export import quiet

FORMAT = "degcraft-model/1"
NETWORK_FILE = "extra_files/network.safetensors"
"""Where in the model folder the network lies, from which it is rebuilt exactly."""

_EXAMPLE = (2, 3, 24, 32)
_OTHER_SIZES = ((1, 3, 37, 22), (1, 3, 20, 40))


def package_network(
    network_file: Path, folder: Path, *, scale: int, crafted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the MLflow model folder of a network file; returns the metadata written into it.

    The model takes and gives float32 (-1, 3, -1, -1) in [0,1]: any batch, any height and width. Its graph is
    exported on the CPU, loaded again and compared with the network at other sizes before it is kept; where that
    fails, the model has no graph, its metadata say why (`graph`), and a README in its folder what that means.
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
        The file is no network, or its scale is another.
    """
    network = load_network(network_file, device="cpu")
    if network.scale != scale:
        raise DegcraftError(f"{network_file}: the network must enlarge by {scale}, but enlarges by {network.scale}")
    metadata = _metadata(network, crafted)
    if folder.exists():
        return _packed_metadata(folder)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        extra = part / "network.safetensors"
        # Under degcraft's own header, whatever the file was: it says how to build the network.
        save_network(
            extra, network.model, name=network.name, hyperparameters=network.hyperparameters, metadata=network.metadata
        )
        problem = _with_graph(network, metadata, part / "model", extra)
        if problem is not None:
            metadata["graph"] = f"none: {problem}"
            shutil.rmtree(part / "model", ignore_errors=True)
            _without_graph(metadata, part / "model", extra)
        os.replace(part / "model", folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return metadata


def digest(file: Path) -> str:
    """sha256 of the file's bytes, as hexadecimal text."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _metadata(network: LoadedNetwork, crafted: Mapping[str, Any] | None) -> dict[str, Any]:
    own: dict[str, Any] = {
        "format": FORMAT,
        "network": network.name,
        "scale": network.scale,
        "hyperparameters": dict(network.hyperparameters),
        "network_metadata": dict(network.metadata),
        "graph": "exported",
    }
    if crafted is not None:
        own["crafted"] = json.loads(json.dumps(crafted))
    return own


def _packed_metadata(folder: Path) -> dict[str, Any]:
    from mlflow.models import Model

    return dict((Model.load(str(folder / "MLmodel")).metadata or {})["degcraft"])


def _with_graph(network: LoadedNetwork, metadata: dict[str, Any], folder: Path, extra: Path) -> str | None:
    """Save the model as a graph for every size; returns why not if it has none."""
    if reason := network_spec(network.name).no_graph:
        return reason
    import mlflow.pytorch

    # Sizes of 1 would be frozen into the exported graph.
    example = np.linspace(0, 1, math.prod(_EXAMPLE), dtype=np.float32).reshape(_EXAMPLE)
    try:
        with quiet(), torch.no_grad(), _written_from_memory():
            mlflow.pytorch.save_model(
                deployable(network.model),
                str(folder),
                signature=_signature(),
                input_example=example,
                serialization_format="pt2",
                pip_requirements=_requirements("torch", "numpy", "mlflow"),
                extra_files=[str(extra)],
                metadata={"degcraft": metadata},
            )
        return _difference(network, folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        return f"it cannot be exported ({in_short(error)})"
    except Exception as error:  # the exporter fails in as many ways as there are networks
        return f"it cannot be exported ({in_short(error)})"


@contextmanager
def _written_from_memory() -> Iterator[None]:
    """MLflow has torch write the graph into a file; on a full disk torch's own writer ends the process."""
    export: Any = torch.export
    save = export.save

    def written(program: torch.export.ExportedProgram, path: str, **more: Any) -> None:
        save(program, content := io.BytesIO(), **more)
        Path(path).write_bytes(content.getvalue())

    export.save = written
    try:
        yield
    finally:
        export.save = save


def _difference(network: LoadedNetwork, folder: Path) -> str | None:
    """What the exported graph does otherwise than the network; None if nothing."""
    exported = torch.export.load(folder / "data" / "model.pt2").module()
    for size in _OTHER_SIZES:
        lr = torch.linspace(0, 1, math.prod(size)).reshape(size)
        with torch.no_grad():
            expected = network.model(lr)
            try:
                found = exported(lr)
            except Exception as error:  # it checks sizes by assertions of several kinds
                return f"the exported graph refuses images of {size[2]}x{size[3]} ({in_short(error)})"
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-4, atol=1e-5):
            return f"the exported graph computes something else for images of {size[2]}x{size[3]}"
    return None


def _without_graph(metadata: dict[str, Any], folder: Path, extra: Path) -> None:
    import mlflow.pyfunc

    with quiet():
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module="tracking.rebuilt",
            signature=_signature(),
            # degcraft is one more, which the README says: no index is asked for a package of that name.
            pip_requirements=_requirements("torch", "numpy", "mlflow", "safetensors", "spandrel"),
            metadata={"degcraft": metadata},
        )
    (folder / NETWORK_FILE).parent.mkdir()
    shutil.copyfile(extra, folder / NETWORK_FILE)
    (folder / "README.md").write_text(
        f"# {metadata['network']} x{metadata['scale']}\n\n"
        f"This model has no exported graph: {metadata['graph'].removeprefix('none: ')}.\n\n"
        "`mlflow.pyfunc.load_model` loads it where degcraft is installed, which rebuilds the network from\n"
        f"`{NETWORK_FILE}`; `degcraft upscale` and `degcraft serve` take it as any other. `mlflow.pytorch` does not.\n",
        encoding="utf-8",
    )


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    image = TensorSpec(np.dtype(np.float32), (-1, 3, -1, -1))
    return ModelSignature(inputs=Schema([image]), outputs=Schema([image]))


def _requirements(*names: str) -> list[str]:
    # The local part of a version (+cu130) names a build that no package index has.
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]
