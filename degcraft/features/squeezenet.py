"""SqueezeNet 1.1 trained on ImageNet: the lightest of the pretrained extractors (arXiv 1602.07360).

`fireN` is the Nth module of the paper; strides are 2 for relu1, 4 up to fire3, 8 up to fire5 and 16 after.
"""

from degcraft.features.imagenet import Classifier, imagenet_weights, pretrained_spec

_SQUEEZENET = Classifier(
    "squeezenet1_1",
    {
        "relu1": 1,
        "fire2": 3,
        "fire3": 4,
        "fire4": 6,
        "fire5": 7,
        "fire6": 9,
        "fire7": 10,
        "fire8": 11,
        "fire9": 12,
    },
)

SQUEEZENET = pretrained_spec(
    "squeezenet",
    "SqueezeNet 1.1 trained on ImageNet (torchvision's weights, 5 MB): the lightest",
    _SQUEEZENET,
    imagenet_weights("squeezenet", _SQUEEZENET.layout),
    layers=tuple(_SQUEEZENET.ends),
    default_layer="fire6",
)
