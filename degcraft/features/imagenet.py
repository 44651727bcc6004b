"""Registry entries of torchvision's classifiers."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from degcraft.features.pretrained import PretrainedWeights
from degcraft.features.spec import ExtractorSpec
from degcraft.later import Later

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


@dataclass(frozen=True)
class Classifier:
    """A torchvision architecture whose `features` is a sequence of layers."""

    layout: str
    """torchvision's name of it."""
    ends: dict[str, int]
    """Layer name → index in `features` of the last module that belongs to it, shallow to deep."""


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
    return ExtractorSpec(
        name=name,
        description=description,
        layers=layers,
        default_layer=default_layer,
        weights_file=weights.names[0],
        build=partial(Later("degcraft.features.classifiers:build_pretrained"), name, classifier, weights),
        missing=weights.missing,
    )


def random_spec(name: str, description: str, classifier: Classifier, *, default_layer: str) -> ExtractorSpec:
    """The registry entry of the same architecture with weights drawn from the seed and zero biases.

    The convolutions get He's normal initialisation (arXiv 1502.01852, eq. 10), which keeps the scale of the
    features from layer to layer.
    """
    return ExtractorSpec(
        name=name,
        description=description,
        layers=tuple(classifier.ends),
        default_layer=default_layer,
        weights_file=None,
        build=partial(Later("degcraft.features.classifiers:build_random"), name, classifier),
        missing=partial(refuses_files, name),
    )


def refuses_files(name: str, weights_file: Path | None) -> str | None:
    """Why an extractor that draws its weights cannot be made with a file."""
    if weights_file is None:
        return None
    return f"extractor {name}: draws its weights from the seed and reads no file, but got {weights_file}"
