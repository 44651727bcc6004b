"""The extractors by name. A new one is a file that makes its `ExtractorSpec`, and a line here."""

from pathlib import Path

import torch

from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.features.alexnet import ALEXNET, ALEXNET_MINC, ALEXNET_RANDOM
from degcraft.features.base import ExtractorSpec, FeatureExtractor
from degcraft.features.dasr import DASR
from degcraft.features.degnet import DEGNET
from degcraft.features.squeezenet import SQUEEZENET
from degcraft.features.vgg19 import VGG19_CONV2_2, VGG19_CONV5_4

EXTRACTORS: dict[str, ExtractorSpec] = {
    spec.name: spec
    for spec in (
        DEGNET,
        DASR,
        ALEXNET,
        VGG19_CONV2_2,
        VGG19_CONV5_4,
        SQUEEZENET,
        ALEXNET_MINC,
        ALEXNET_RANDOM,
    )
}


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
    spec = find_extractor(name)
    layer = spec.default_layer if layer is None else layer
    if layer not in spec.layers:
        raise DegcraftError(f"extractor {name}: layer must be one of {', '.join(spec.layers)}, but got '{layer}'")
    return spec.build(layer, _path(weights_file), seed, torch.device(pick_device(device)))


def available(name: str, weights_file: str | Path | None = None) -> str | None:
    """Why the extractor cannot be made here, in one sentence, or None if it can. Downloads nothing.

    Where weights would have to be downloaded, asks whether their server answers, for a few seconds at most.

    Raises:
        DegcraftError: unknown name.
    """
    return find_extractor(name).missing(_path(weights_file))


def find_extractor(name: str) -> ExtractorSpec:
    """The registry entry of that name.

    Raises:
        DegcraftError: unknown name; lists the known ones.
    """
    if name not in EXTRACTORS:
        raise DegcraftError(f"extractor must be one of {', '.join(EXTRACTORS)}, but got '{name}'")
    return EXTRACTORS[name]


def _path(weights_file: str | Path | None) -> Path | None:
    return None if weights_file is None else Path(weights_file).expanduser()
