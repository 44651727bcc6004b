"""Builds an extractor from the `features` part of a torchvision classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from degcraft.errors import DegcraftError
from degcraft.features.base import ExtractorSpec, FeatureExtractor
from degcraft.features.spatial_mean import SpatialMeanExtractor
from degcraft.features.weights import PretrainedWeights, check_layout, read_weights


@dataclass(frozen=True)
class Classifier:
    """A torchvision architecture whose `features` is a sequence of layers."""

    layout: str
    """torchvision's name of it."""
    make: Callable[..., nn.Module]
    """torchvision's function."""
    ends: dict[str, int]
    """Layer name → index in `features` of the last module that belongs to it, shallow to deep."""

    def empty(self) -> nn.Module:
        """The whole network without memory behind its weights, so that none are ever drawn."""
        with torch.device("meta"):
            return self.make(weights=None)

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
        network = classifier.empty()
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
        needs_weights=True,
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
        body = classifier.cut(classifier.empty(), layer).to_empty(device="cpu")
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
        needs_weights=False,
        weights_file=None,
        build=build,
        missing=missing,
    )
