"""A cut-off convolutional network whose output is averaged over space: the usual shape of an extractor."""

import copy
import hashlib
import json
from typing import Self

import torch
from torch import Tensor, nn

from degcraft.device import pick_device
from degcraft.features.base import FeatureExtractor, check_images
from degcraft.features.precision import full_precision

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_LARGEST_MINIMUM = 512


class SpatialMeanExtractor(FeatureExtractor):
    """`body` on the normalised image, its (B, c, h', w') output averaged over h' and w'.

    Args:
        name: Registry name.
        layer: Name of the layer that `body` ends with.
        body: Convolutional layers with their weights, on the CPU; taken over, frozen and moved to `device`.
        architecture: Names the layers in the identity, so that equal weights in another network differ.
        device: Where to compute.
        mean: Per RGB channel, in [0, 1], subtracted from the image.
        std: Per RGB channel, divides what is left.
    """

    def __init__(
        self,
        name: str,
        layer: str,
        body: nn.Module,
        *,
        architecture: str,
        device: torch.device,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        self.name = name
        self.layer = layer
        self.device = device
        body = body.eval().requires_grad_(False).float()
        self.dimensions, self.minimum_side = _output_channels_and_minimum_side(body)
        self.identity = _identity(body, [architecture, layer, list(mean), list(std)])
        # With the channels innermost the convolutions run up to three times as fast on a CPU.
        self._body = body.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def to(self, device: str | torch.device) -> Self:
        self.device = torch.device(pick_device(device))
        self._body, self._mean, self._std = (part.to(self.device) for part in (self._body, self._mean, self._std))
        return self

    @torch.no_grad()
    def __call__(self, lr: Tensor) -> Tensor:
        check_images(self, lr)
        images = lr.to(device=self.device, dtype=torch.float32)
        images = ((images - self._mean) / self._std).contiguous(memory_format=torch.channels_last)
        with full_precision(self.device):
            features = self._body(images).mean(dim=(2, 3))
        return features.to(lr.device)


def _output_channels_and_minimum_side(body: nn.Module) -> tuple[int, int]:
    """Channels that `body` gives, and the shortest side it accepts, found by asking it without computing."""
    shapes_only = copy.deepcopy(body).to("meta")

    def channels(side: int) -> int | None:
        try:
            output = shapes_only(torch.empty(1, 3, side, side, device="meta"))
        except RuntimeError:  # a layer finds its input smaller than its window
            return None
        return output.shape[1] if output.ndim == 4 and output.numel() else None

    largest = channels(_LARGEST_MINIMUM)
    if largest is None:
        raise ValueError(f"body gives no feature map for an image of {_LARGEST_MINIMUM} pixels a side")
    too_small, fits = 0, _LARGEST_MINIMUM
    while fits - too_small > 1:
        middle = (too_small + fits) // 2
        if channels(middle) is None:
            too_small = middle
        else:
            fits = middle
    return largest, fits


def _identity(body: nn.Module, settings: list[object]) -> str:
    digest = hashlib.sha256(json.dumps(settings).encode())
    for key, value in body.state_dict().items():
        digest.update(json.dumps([key, list(value.shape)]).encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
