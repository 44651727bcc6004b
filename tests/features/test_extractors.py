"""Extractors give the layer's output, averaged over space, as torchvision itself computes it."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import alexnet, squeezenet1_1, vgg19
from torchvision.transforms.functional import normalize

from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, FeatureExtractor, SpatialMeanExtractor, make_extractor

LAYOUT_OF = {
    "alexnet": "alexnet",
    "alexnet-minc": "alexnet",
    "vgg19-conv2_2": "vgg19",
    "vgg19-conv5_4": "vgg19",
    "squeezenet": "squeezenet1_1",
}

# What torchvision prints for each network, read off by hand: module of `features`, channels.
MODULES = [
    ("alexnet", "relu1", 1, 64),
    ("alexnet", "relu2", 4, 192),
    ("alexnet", "relu3", 7, 384),
    ("alexnet", "relu4", 9, 256),
    ("alexnet-minc", "relu5", 11, 256),
    ("vgg19-conv2_2", "conv2_2", 7, 128),
    ("vgg19-conv2_2", "relu2_2", 8, 128),
    ("vgg19-conv5_4", "conv5_4", 34, 512),
    ("vgg19-conv5_4", "relu5_4", 35, 512),
    ("squeezenet", "relu1", 1, 64),
    ("squeezenet", "fire2", 3, 128),
    ("squeezenet", "fire5", 7, 256),
    ("squeezenet", "fire9", 12, 512),
]


def images(count: int = 2, height: int = 72, width: int = 72, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def by_torchvision(layout: str, file: Path, module: int, lr: Tensor) -> Tensor:
    """The output of one module, caught by a hook in the whole network, averaged over space."""
    from safetensors.torch import load_file

    with torch.device("meta"):
        network = {"alexnet": alexnet, "vgg19": vgg19, "squeezenet1_1": squeezenet1_1}[layout](weights=None)
    features: nn.Module = network.features
    weights = {key.removeprefix("features."): value for key, value in load_file(file).items()}
    features.load_state_dict(weights, assign=True)
    caught: list[Tensor] = []
    # Cloned, because the ReLU that follows works in place.
    features[module].register_forward_hook(lambda _, __, output: caught.append(output.clone()))
    with torch.no_grad():
        features.eval()(normalize(lr, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]))
    return caught[0].mean(dim=(2, 3))


@pytest.mark.parametrize(("name", "layer", "module", "channels"), MODULES)
def test_features_are_those_of_torchvisions_network(
    name: str, layer: str, module: int, channels: int, weight_files: dict[str, Path]
) -> None:
    file = weight_files[LAYOUT_OF[name]]
    extractor = make_extractor(name, layer=layer, weights_file=file)
    lr = images(height=72, width=80)
    features = extractor(lr)
    assert features.shape == (2, channels)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert (extractor.name, extractor.layer, extractor.dimensions) == (name, layer, channels)
    reference = by_torchvision(LAYOUT_OF[name], file, module, lr)
    torch.testing.assert_close(features, reference, rtol=1e-4, atol=1e-4 * float(reference.abs().max()))


@pytest.mark.parametrize("name", [*LAYOUT_OF, "alexnet-random"])
def test_default_layer_is_used_and_takes_patches_of_72_pixels(name: str, weight_files: dict[str, Path]) -> None:
    spec = EXTRACTORS[name]
    extractor = make_extractor(name, weights_file=weight_files[LAYOUT_OF[name]] if spec.weights_file else None)
    assert extractor.layer == spec.default_layer in spec.layers
    assert torch.isfinite(extractor(images(3))).all()


@pytest.mark.parametrize("layer", EXTRACTORS["alexnet-random"].layers)
def test_smallest_image_works_and_one_pixel_less_is_refused(layer: str) -> None:
    extractor = make_extractor("alexnet-random", layer=layer)
    smallest = extractor.minimum_side
    assert extractor(images(1, smallest, smallest)).shape == (1, extractor.dimensions)
    with pytest.raises(DegcraftError, match=rf"at least {smallest}×{smallest} pixels, but got 100×{smallest - 1}"):
        extractor(images(1, 100, smallest - 1))


def test_alexnets_smallest_image_follows_from_its_strides() -> None:
    # relu1: 11 pixels of window less 2×2 of padding. relu2: a 3-window over relu1, whose third output starts 8 later.
    # relu3: a 3-window over relu2's map, 4 relu1-outputs further.
    sides = [make_extractor("alexnet-random", layer=layer).minimum_side for layer in ("relu1", "relu2", "relu3")]
    assert sides == [7, 7 + 8, 7 + 8 + 16]


@pytest.mark.parametrize(
    "wrong",
    [images()[0], images()[:, :1], (images() * 255).to(torch.uint8)],
    ids=["no batch", "one channel", "8 bit"],
)
def test_other_shapes_and_types_are_refused(wrong: Tensor) -> None:
    with pytest.raises(DegcraftError, match=r"images must be float \(B, 3, h, w\) in \[0, 1\], but got"):
        make_extractor("alexnet-random")(wrong)


def test_an_image_has_the_same_features_alone_and_in_a_batch() -> None:
    extractor = make_extractor("alexnet-random")
    lr = images(5)
    alone = torch.cat([extractor(image[None]) for image in lr])
    torch.testing.assert_close(extractor(lr), alone, rtol=1e-5, atol=1e-5)


def test_random_weights_come_from_the_seed_and_nothing_else() -> None:
    state = torch.random.get_rng_state()
    first = make_extractor("alexnet-random", seed=3)
    torch.rand(7)
    torch.random.set_rng_state(state)
    again, other = make_extractor("alexnet-random", seed=3), make_extractor("alexnet-random", seed=4)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first(images()), again(images()))
    assert first.identity == again.identity != other.identity
    assert not torch.allclose(first(images()), other(images()))


def test_random_features_keep_their_scale_from_layer_to_layer() -> None:
    # He's initialisation: without it five layers would shrink the features a hundredfold.
    noise = 2 * torch.randn(4, 3, 72, 72, generator=torch.Generator().manual_seed(0))
    sizes = [float(make_extractor("alexnet-random", layer=layer)(noise).mean()) for layer in ("relu1", "relu5")]
    assert 0.1 < sizes[1] / sizes[0] < 10


def test_identity_tells_layers_architectures_and_normalisations_apart(weight_files: dict[str, Path]) -> None:
    def plain(**changes: object) -> FeatureExtractor:
        body = nn.Conv2d(3, 4, 3)
        nn.init.ones_(body.weight)
        nn.init.zeros_(body.bias)
        settings = {"architecture": "one convolution", "device": torch.device("cpu"), **changes}
        return SpatialMeanExtractor("plain", "conv", body, **settings)

    file = weight_files["alexnet"]
    identities = [
        make_extractor("alexnet", layer="relu3", weights_file=file).identity,
        make_extractor("alexnet", layer="relu4", weights_file=file).identity,
        plain().identity,
        plain(architecture="another").identity,
        plain(mean=(0.5, 0.5, 0.5)).identity,
        plain(std=(0.5, 0.5, 0.5)).identity,
    ]
    assert len(set(identities)) == len(identities)
    assert plain().identity == identities[2]


def test_extractor_survives_the_way_to_another_process() -> None:
    extractor = make_extractor("alexnet-random")
    travelled = pickle.loads(pickle.dumps(extractor)).to("cpu")
    assert travelled.identity == extractor.identity
    assert torch.equal(travelled(images()), extractor(images()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_cpus_features(weight_files: dict[str, Path]) -> None:
    for name, file in (("alexnet-random", None), ("squeezenet", weight_files["squeezenet1_1"])):
        on_cpu = make_extractor(name, weights_file=file)
        on_cuda = make_extractor(name, weights_file=file, device="cuda")
        features = on_cuda(images(4).cuda())
        assert features.device.type == "cuda"
        assert on_cuda.identity == on_cpu.identity
        torch.testing.assert_close(features.cpu(), on_cpu(images(4)), rtol=1e-4, atol=1e-4)
        assert torch.equal(on_cuda(images(4)), features.cpu())
