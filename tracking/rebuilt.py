"""How MLflow loads a model whose network has no graph for every size: degcraft rebuilds it from its weights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.networks import LoadedNetwork, load_network


class RebuiltModel:
    """What `mlflow.pyfunc` calls: float32 (B,3,h,w) in [0,1] to (B,3,h·scale,w·scale)."""

    def __init__(self, network: LoadedNetwork) -> None:
        self._model = network.model

    def predict(self, images: NDArray[np.float32], params: dict[str, Any] | None = None) -> NDArray[np.float32]:
        with torch.inference_mode():
            return self._model(torch.from_numpy(np.ascontiguousarray(images, np.float32))).numpy()


def _load_pyfunc(folder: str) -> RebuiltModel:
    """MLflow's name for it; `folder` is the model's."""
    from tracking.packaging import NETWORK_FILE

    return RebuiltModel(load_network(Path(folder) / NETWORK_FILE))
