"""AlexNet three ways: trained on ImageNet, trained on MINC, and random.

Layer `reluN` is the Nth convolution after its ReLU; one position stands for 4 pixels at relu1, 8 at relu2
and 16 from relu3 on. The default is relu2: deeper layers see objects rather than degradations, and have only
3×3 positions left of a patch of 72 pixels to average over.
"""

from degcraft.features.imagenet import Classifier, imagenet_weights, pretrained_spec, random_spec
from degcraft.features.pretrained import PretrainedWeights

_ALEXNET = Classifier("alexnet", {"relu1": 1, "relu2": 4, "relu3": 7, "relu4": 9, "relu5": 11})
_DEFAULT_LAYER = "relu2"

ALEXNET = pretrained_spec(
    "alexnet",
    "AlexNet trained on ImageNet (torchvision's weights), the paper's extractor",
    _ALEXNET,
    imagenet_weights("alexnet", _ALEXNET.layout),
    layers=tuple(_ALEXNET.ends),
    default_layer=_DEFAULT_LAYER,
)

ALEXNET_MINC = pretrained_spec(
    "alexnet-minc",
    "AlexNet trained on MINC's materials; a file in torchvision's alexnet layout and ImageNet normalisation",
    _ALEXNET,
    PretrainedWeights(
        extractor="alexnet-minc",
        stem="alexnet-minc",
        url=None,
        origin=(
            "the MINC AlexNet (http://opensurfaces.cs.cornell.edu/publications/minc/) "
            "converted to torchvision's alexnet layout"
        ),
    ),
    layers=tuple(_ALEXNET.ends),
    default_layer=_DEFAULT_LAYER,
)

ALEXNET_RANDOM = random_spec(
    "alexnet-random",
    "AlexNet with random weights drawn from the seed: needs no file, sees degradations only roughly",
    _ALEXNET,
    default_layer=_DEFAULT_LAYER,
)
