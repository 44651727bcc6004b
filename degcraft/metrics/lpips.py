"""Learned perceptual image patch similarity, by the `lpips` package."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.features.classifiers import empty_network
from degcraft.features.imagenet import imagenet_weights
from degcraft.features.weights import check_layout, read_weights
from degcraft.metrics.comparison import comparable


@dataclass(frozen=True)
class _Backbone:
    """An ImageNet classifier that LPIPS was calibrated on."""

    layout: str
    """torchvision's name of it."""
    min_side: int
    """Smallest image side that leaves its deepest layer a pixel."""


BACKBONES = {
    "alex": _Backbone("alexnet", 31),
    "vgg": _Backbone("vgg16", 16),
    "squeeze": _Backbone("squeezenet1_1", 17),
}
"""The backbones by the names that the `lpips` package gives them."""
PUBLISHED = "alex"
"""The one that papers report."""


class LpipsMetric:
    """The distance between two images that R. Zhang et al. calibrated on human judgements, 0 for equal ones.

    "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, eq. 1, version 0.1.
    The calibration comes with the `lpips` package, the backbone's ImageNet weights do not.
    """

    def __init__(self, backbone: str | None = None, weights_file: str | Path | None = None) -> None:
        """
        Args:
            backbone: one of `BACKBONES`; None: the one that the file holds the weights of, and alex without a file.
            weights_file: the backbone's ImageNet weights in torchvision's layout, `.pth` or `.safetensors`. None
                looks into the folder that DEGCRAFT_WEIGHTS names and torch's cache, then downloads them.

        Raises:
            DegcraftError: an unknown backbone, no `lpips` package, or no fitting weights; for these it says
                which file is needed, where it can be had and where to put it.
        """
        path = None if weights_file is None else Path(weights_file)
        if backbone is None:
            backbone = PUBLISHED if path is None else backbone_of(path)
        if backbone not in BACKBONES:
            raise DegcraftError(f"the LPIPS backbone must be one of {', '.join(BACKBONES)}, but is {backbone!r}")
        self.backbone = backbone
        self._min_side = BACKBONES[backbone].min_side
        self._network = lpips_network(backbone, path)

    @property
    def note(self) -> str | None:
        """What is to be said of its figures: those of another backbone than the papers' are not like theirs."""
        return None if self.backbone == PUBLISHED else f"LPIPS by {self.backbone}; papers give it by {PUBLISHED}"

    @torch.inference_mode()
    def __call__(self, sr: Tensor, hr: Tensor, *, border: int = 0) -> float:
        """Mean distance over a batch, computed in float32 on the device of `sr`.

        Args:
            sr: (3, H, W) or (B, 3, H, W) with values in [0, 1].
            hr: the same shape.
            border: pixels cut from every side first; 0 keeps all.

        Raises:
            DegcraftError: shapes that do not fit, a negative border, or too few pixels left for the backbone.
        """
        first, second = comparable(sr, hr, border=border, min_side=self._min_side)
        network = self._network.to(first.device)
        return float(network(first.float(), second.float(), normalize=True).mean())


def backbone_of(weights_file: Path) -> str:
    """The backbone whose weights a file holds.

    Raises:
        DegcraftError: it cannot be read, or holds none of theirs.
    """
    shapes = {key: tensor.shape for key, tensor in read_weights(weights_file).items()}
    for name, backbone in BACKBONES.items():
        whole = empty_network(backbone.layout).state_dict()
        if all(shapes.get(key) == one.shape for key, one in whole.items() if key.startswith("features.")):
            return name
    layouts = ", ".join(backbone.layout for backbone in BACKBONES.values())
    raise DegcraftError(f"{weights_file}: must hold the backbone of LPIPS in torchvision's layout, one of {layouts}")


def lpips_network(name: str, weights_file: Path | None = None) -> nn.Module:
    """The calibrated network, frozen, on the CPU: two (B, 3, H, W) to (B, 1, 1, 1); arguments as for `LpipsMetric`."""
    try:
        import lpips
    except ImportError as error:
        raise DegcraftError("LPIPS needs the package lpips, which is not installed: pip install lpips") from error
    backbone = BACKBONES[name]
    try:
        path = imagenet_weights(backbone.layout, backbone.layout).obtain(weights_file)
        whole = empty_network(backbone.layout).state_dict()
        tensors = check_layout(read_weights(path), whole, prefix="features.", path=path, layout=backbone.layout)
    except DegcraftError as error:
        raise DegcraftError(f"LPIPS with the backbone {name} cannot be computed: {error}") from error
    # The package draws a random backbone first, which must not move anybody's random state.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks torchvision in a deprecated way
        network = lpips.LPIPS(net=name, pnet_rand=True, verbose=False)
    # Its slices number the layers as torchvision's `features` does: slice2.3.weight is features.3.weight.
    network.net.load_state_dict({key: tensors[key.split(".", 1)[1]] for key in network.net.state_dict()})
    return network.eval().requires_grad_(False)
