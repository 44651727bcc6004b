"""The extractors by name. A new one is a file with what it does, and an entry here with what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.features.alexnet import ALEXNET, ALEXNET_MINC, ALEXNET_RANDOM
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.spec import ExtractorSpec
from degcraft.features.squeezenet import SQUEEZENET
from degcraft.features.vgg19 import VGG19_CONV2_2, VGG19_CONV5_4
from degcraft.later import Later
from degcraft.registry import Registry

if TYPE_CHECKING:
    import torch

    from degcraft.features.base import FeatureExtractor

DEGNET = ExtractorSpec(
    name="degnet",
    description="degcraft's own network for blur, noise and JPEG quality: comes with the package, sees little content",
    layers=("distribution",),
    default_layer="distribution",
    weights_file="degnet.safetensors",
    build=Later("degcraft.features.degnet:build"),
    missing=Later("degcraft.features.degnet:missing"),
    posterior=Later("degcraft.features.degnet:degnet_posterior"),
    axes=tuple(GRIDS),
)
DASR = ExtractorSpec(
    name="dasr",
    description="DASR's encoder, trained by contrast on degradations: a local checkpoint of its repository",
    layers=(*(f"conv{number}" for number in range(1, 6)), "encoder"),
    default_layer="encoder",
    weights_file="dasr.safetensors",
    build=Later("degcraft.features.dasr:build"),
    missing=Later("degcraft.features.dasr:missing"),
)

EXTRACTORS: Registry[ExtractorSpec] = Registry(
    "extractor",
    (
        DEGNET,
        DASR,
        ALEXNET,
        VGG19_CONV2_2,
        VGG19_CONV5_4,
        SQUEEZENET,
        ALEXNET_MINC,
        ALEXNET_RANDOM,
    ),
)

find_extractor = EXTRACTORS.find


def make_extractor(
    name: str,
    *,
    layer: str | None = None,
    weights_file: str | Path | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FeatureExtractor:
    """Makes the extractor of that name, ready to use.

    Args:
        name: A key of `EXTRACTORS`.
        layer: One of the spec's layers; None for its default.
        weights_file: A `.safetensors` or `.pth` file with the pretrained weights; None looks where
            `degcraft.features.weights` says, and downloads them if it must.
        seed: Of the weights, where they are random; without effect otherwise.
        device: Where features are computed.

    Raises:
        DegcraftError: unknown name or layer, a device this machine lacks, or weights that cannot be had or do
            not fit. Pretrained weights are never replaced by random ones.
    """
    import torch

    spec, layer = find_extractor(name), find_layer(name, layer)
    return spec.build(layer, _path(weights_file), seed, torch.device(pick_device(device)))


def available(name: str, weights_file: str | Path | None = None) -> str | None:
    """Why the extractor cannot be made here, in one sentence, or None if it can. Downloads nothing.

    Where weights would have to be downloaded, asks whether their server answers, for a few seconds at most.

    Raises:
        DegcraftError: unknown name.
    """
    return find_extractor(name).missing(_path(weights_file))


def find_layer(name: str, layer: str | None) -> str:
    """The layer of an extractor, its default if None.

    Raises:
        DegcraftError: unknown name or layer.
    """
    spec = find_extractor(name)
    if layer is not None and layer not in spec.layers:
        raise DegcraftError(f"extractor {name}: layer must be one of {', '.join(spec.layers)}, but got '{layer}'")
    return layer or spec.default_layer


def _path(weights_file: str | Path | None) -> Path | None:
    return None if weights_file is None else Path(weights_file).expanduser()
