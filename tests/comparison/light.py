"""A small space, two known settings in it, and extractors that cost nothing."""

import torch
from torch import Tensor, nn

from degcraft.degradation import Axis, Box, DegradationSpace
from degcraft.features import FeatureExtractor, SpatialMeanExtractor

SCALE = 2
SPACE = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("noise_level", 0, 40, 2)))
SETTINGS: dict[int, Box] = {
    1: {"blur_sigma": (0.5, 1.0), "noise_level": (25.0, 35.0)},  # bin 1
    2: {"blur_sigma": (2.5, 3.5), "noise_level": (5.0, 15.0)},  # bin 2
}


class Differences(nn.Module):
    """(B, 3, h, w) → (B, 2, h-2, w-2): the size of the second differences down and across."""

    def forward(self, images: Tensor) -> Tensor:
        down = images[:, :, 2:, 1:-1] - 2 * images[:, :, 1:-1, 1:-1] + images[:, :, :-2, 1:-1]
        across = images[:, :, 1:-1, 2:] - 2 * images[:, :, 1:-1, 1:-1] + images[:, :, 1:-1, :-2]
        return torch.stack([down.abs().mean(1), across.abs().mean(1)], dim=1)


def make_light(name: str) -> FeatureExtractor:
    """`differences` sees degradations, any other name only the mean colour."""
    body: nn.Module = Differences() if name == "differences" else nn.AvgPool2d(2)
    return SpatialMeanExtractor(name, "only", body, architecture=name, device=torch.device("cpu"))
