"""degnet: features that say what an image's degradation is, whatever it shows.

The network is trained by the project (`degcraft features train degnet`) and comes with the package. Its features
are cumulative distributions: for each cell of each axis, the probability that the image's value lies at or below
it. Squared Euclidean distance between two of them is the Cramér distance (H. Cramér 1928) between what the network
believes of two images, summed over the axes; so it grows with the difference of the degradations, as far as they
can be told apart, and images that tell nothing move nothing.
"""

import hashlib
import json
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation import find_parameter
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.features.base import AxisPosterior, FeatureExtractor, check_images
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.degnet_network import DegNet
from degcraft.features.precision import full_precision
from degcraft.features.shipped import shipped_weights
from degcraft.features.weights import check_layout, read_weights

WEIGHTS = "degnet.safetensors"

_UNITS = {axis: find_parameter(axis).bin_width for axis in GRIDS}


def load_degnet(weights_file: Path | None = None, device: str | torch.device = "cpu") -> DegNet:
    """The network, frozen and in evaluation mode.

    Args:
        weights_file: A file of `degcraft features train degnet`; None takes the one that comes with the package.
        device: Where it is put.

    Raises:
        DegcraftError: no such file, or one of another layout.
    """
    path = shipped_weights(WEIGHTS) if weights_file is None else weights_file
    if not path.is_file():
        raise DegcraftError(f"extractor degnet: the weights file {path} does not exist")
    tensors = read_weights(path)
    network = DegNet([axis for axis in GRIDS if f"decide.{axis}.bias" in tensors] or tuple(GRIDS))
    tensors = check_layout(tensors, network.state_dict(), prefix="", path=path, layout="degnet")
    counters = {key: value.long() for key, value in tensors.items() if key.endswith("num_batches_tracked")}
    network.load_state_dict(tensors | counters)
    network.eval().requires_grad_(False).to(pick_device(device))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class DegNetExtractor(FeatureExtractor):
    """Cumulative distributions over the cells of every axis, each axis in units of the paper's bins.

    Args:
        network: As `load_degnet` gives it.
        device: Where the network is.
    """

    name = "degnet"
    layer = "distribution"

    def __init__(self, network: DegNet, device: torch.device) -> None:
        self.device = device
        self.minimum_side = network.minimum_side
        self._network = network
        self._steps = {axis: _steps(axis).to(device) for axis in network.axes}
        self.dimensions = sum(len(steps) for steps in self._steps.values())
        digest = hashlib.sha256(
            json.dumps([self.name, self.layer, {axis: _UNITS[axis] for axis in network.axes}]).encode()
        )
        for key, value in network.state_dict().items():
            digest.update(key.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        self.identity = digest.hexdigest()

    def to(self, device: str | torch.device) -> Self:
        self.device = torch.device(pick_device(device))
        self._network = self._network.to(self.device)
        self._steps = {axis: steps.to(self.device) for axis, steps in self._steps.items()}
        return self

    @torch.no_grad()
    def __call__(self, lr: Tensor) -> Tensor:
        check_images(self, lr)
        with full_precision(self.device):
            posteriors = self._network.posteriors(lr.to(device=self.device, dtype=torch.float32))
        features = [posteriors[axis].cumsum(dim=1)[:, :-1] * steps for axis, steps in self._steps.items()]
        return torch.cat(features, dim=1).to(lr.device)


def _steps(axis: str) -> Tensor:
    """Roots of the distances from cell to cell, so that sums of squares become integrals over the axis."""
    grid = torch.tensor(GRIDS[axis])
    widths = grid.diff()
    # Images without compression stand as far from the best quality as the next cell would.
    widths = torch.where(torch.isinf(widths), widths[-2], widths)
    return (widths / _UNITS[axis]).sqrt()


def degnet_posterior(features: NDArray[np.floating], scale: int) -> dict[str, AxisPosterior]:
    """What the network believed, read back from its features.

    Args:
        features: (…, c), in whatever precision. Where they are fewer than all axes have, the last axes are missing.
        scale: Of the images: blur is counted in pixels of the image so many times as large, and the network counts
            in those of the image four times as large.
    """
    believed, start = {}, 0
    for axis, grid in GRIDS.items():
        steps = _steps(axis).numpy().astype(np.float64)
        if start + len(steps) > features.shape[-1]:
            break
        below = features[..., start : start + len(steps)].astype(np.float64) / steps
        start += len(steps)
        ends = np.zeros((*below.shape[:-1], 1))
        # Half precision may turn the order of two that are nearly equal.
        cells = np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1).clip(min=0)
        believed[axis] = AxisPosterior(
            np.array(grid) * find_parameter(axis).pixel(scale), cells / cells.sum(axis=-1, keepdims=True)
        )
    return believed


def build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
    """See `ExtractorSpec.build`."""
    return DegNetExtractor(load_degnet(weights_file, device), device)


def missing(weights_file: Path | None) -> str | None:
    """See `ExtractorSpec.missing`."""
    try:
        load_degnet(weights_file)
    except DegcraftError as error:
        return str(error)
    return None
