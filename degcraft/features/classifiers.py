"""Builds an extractor from the `features` part of a torchvision classifier.

torchvision itself is imported when a network is built: it takes longer to import than torch.
"""

from pathlib import Path

import torch
from torch import nn

from degcraft.errors import DegcraftError
from degcraft.features.base import FeatureExtractor
from degcraft.features.imagenet import Classifier, refuses_files
from degcraft.features.pretrained import PretrainedWeights
from degcraft.features.spatial_mean import SpatialMeanExtractor
from degcraft.features.weights import check_layout, read_weights


def empty_network(layout: str) -> nn.Module:
    """torchvision's whole classifier without memory behind its weights, so that none are ever drawn."""
    from torchvision.models import get_model

    with torch.device("meta"):
        return get_model(layout, weights=None)


def build_pretrained(
    name: str,
    classifier: Classifier,
    weights: PretrainedWeights,
    layer: str,
    weights_file: Path | None,
    seed: int,
    device: torch.device,
) -> FeatureExtractor:
    """See `pretrained_spec`."""
    path = weights.obtain(weights_file)
    network = empty_network(classifier.layout)
    tensors = check_layout(
        read_weights(path), network.state_dict(), prefix="features.", path=path, layout=classifier.layout
    )
    network.get_submodule("features").load_state_dict(tensors, assign=True)
    return SpatialMeanExtractor(
        name, layer, _cut(classifier, network, layer), architecture=classifier.layout, device=device
    )


def build_random(
    name: str, classifier: Classifier, layer: str, weights_file: Path | None, seed: int, device: torch.device
) -> FeatureExtractor:
    """See `random_spec`."""
    if (reason := refuses_files(name, weights_file)) is not None:
        raise DegcraftError(reason)
    body = _cut(classifier, empty_network(classifier.layout), layer).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return SpatialMeanExtractor(name, layer, body, architecture=classifier.layout, device=device)


def _cut(classifier: Classifier, network: nn.Module, layer: str) -> nn.Sequential:
    features = network.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return nn.Sequential(*list(features)[: classifier.ends[layer] + 1])
