"""Builds an extractor from the `features` part of a torchvision classifier.

torchvision itself is imported when a network is built: it takes longer to import than torch, and most commands
only need the names.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from degcraft.errors import DegcraftError
from degcraft.features.base import ExtractorSpec, FeatureExtractor
from degcraft.features.spatial_mean import SpatialMeanExtractor
from degcraft.features.weights import PretrainedWeights, check_layout, read_weights

IMAGENET_URLS = {
    "alexnet": "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "squeezenet1_1": "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "vgg19": "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
}
"""torchvision's name of an architecture → its weights `IMAGENET1K_V1`, as torchvision publishes them."""


def imagenet_weights(extractor: str, layout: str) -> PretrainedWeights:
    """Where torchvision's ImageNet weights of a layout can come from; `extractor` is for messages."""
    url = IMAGENET_URLS[layout]
    return PretrainedWeights(extractor=extractor, stem=layout, url=url, origin=url)


def empty_network(layout: str) -> nn.Module:
    """torchvision's whole classifier without memory behind its weights, so that none are ever drawn."""
    from torchvision.models import get_model

    with torch.device("meta"):
        return get_model(layout, weights=None)


@dataclass(frozen=True)
class Classifier:
    """A torchvision architecture whose `features` is a sequence of layers."""

    layout: str
    """torchvision's name of it."""
    ends: dict[str, int]
    """Layer name → index in `features` of the last module that belongs to it, shallow to deep."""

    def cut(self, network: nn.Module, layer: str) -> nn.Sequential:
        features = network.get_submodule("features")
        assert isinstance(features, nn.Sequential)
        return nn.Sequential(*list(features)[: self.ends[layer] + 1])


def pretrained_spec(
    name: str,
    description: str,
    classifier: Classifier,
    weights: PretrainedWeights,
    *,
    layers: tuple[str, ...],
    default_layer: str,
) -> ExtractorSpec:
    """The registry entry of a torchvision classifier with pretrained weights.

    Images are normalised with torchvision's ImageNet mean and standard deviation. A file without the
    classifier's own part (`classifier.*`) will do, as features never reach it.
    """

    def build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
        path = weights.obtain(weights_file)
        network = empty_network(classifier.layout)
        tensors = check_layout(
            read_weights(path), network.state_dict(), prefix="features.", path=path, layout=classifier.layout
        )
        network.get_submodule("features").load_state_dict(tensors, assign=True)
        body = classifier.cut(network, layer)
        return SpatialMeanExtractor(name, layer, body, architecture=classifier.layout, device=device)

    return ExtractorSpec(
        name=name,
        description=description,
        layers=layers,
        default_layer=default_layer,
        weights_file=weights.names[0],
        build=build,
        missing=weights.missing,
    )


def random_spec(name: str, description: str, classifier: Classifier, *, default_layer: str) -> ExtractorSpec:
    """The registry entry of the same architecture with weights drawn from the seed and zero biases.

    The convolutions get He's normal initialisation (arXiv 1502.01852, eq. 10), which keeps the scale of the
    features from layer to layer.
    """

    def missing(weights_file: Path | None) -> str | None:
        if weights_file is None:
            return None
        return f"extractor {name}: draws its weights from the seed and reads no file, but got {weights_file}"

    def build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
        if (reason := missing(weights_file)) is not None:
            raise DegcraftError(reason)
        body = classifier.cut(empty_network(classifier.layout), layer).to_empty(device="cpu")
        generator = torch.Generator().manual_seed(seed)
        for module in body.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        return SpatialMeanExtractor(name, layer, body, architecture=classifier.layout, device=device)

    return ExtractorSpec(
        name=name,
        description=description,
        layers=tuple(classifier.ends),
        default_layer=default_layer,
        weights_file=None,
        build=build,
        missing=missing,
    )
