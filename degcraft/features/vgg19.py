"""VGG19 trained on ImageNet, cut at the two layers the paper (arXiv 2305.18107) compares.

`convA_B` is the convolution before its ReLU, as the field's perceptual losses name it; `reluA_B` is after.
"""

from degcraft.features.imagenet import Classifier, imagenet_weights, pretrained_spec
from degcraft.features.spec import ExtractorSpec

_VGG19 = Classifier("vgg19", {"conv2_2": 7, "relu2_2": 8, "conv5_4": 34, "relu5_4": 35})


def _cut_at(block: str, what: str) -> ExtractorSpec:
    name = f"vgg19-conv{block}"
    return pretrained_spec(
        name,
        f"VGG19 trained on ImageNet (torchvision's weights), {what}",
        _VGG19,
        imagenet_weights(name, _VGG19.layout),
        layers=(f"conv{block}", f"relu{block}"),
        default_layer=f"conv{block}",
    )


VGG19_CONV2_2 = _cut_at("2_2", "shallow features")
VGG19_CONV5_4 = _cut_at("5_4", "deep features")
