"""The networks are the field's: same sizes, same names, same mathematics."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, build_network, parameter_count

SMALL = {"srresnet": {"channels": 8, "blocks": 2}, "rrdbnet": {"channels": 8, "blocks": 1, "growth": 4}}


@pytest.mark.parametrize(("name", "count"), [("srresnet", 1_517_571), ("rrdbnet", 16_697_987)])
def test_defaults_have_the_published_number_of_parameters(name: str, count: int) -> None:
    assert parameter_count(build_network(name)) == count


def test_srresnet_has_the_key_names_of_basicsr() -> None:
    layers = {key.rsplit(".", 1)[0] for key in build_network("srresnet").state_dict()}
    blocks = {f"body.{i}.conv{j}" for i in range(16) for j in (1, 2)}
    assert layers == {"conv_first", "upconv1", "upconv2", "conv_hr", "conv_last"} | blocks


def test_rrdbnet_has_the_key_names_of_basicsr() -> None:
    layers = {key.rsplit(".", 1)[0] for key in build_network("rrdbnet").state_dict()}
    blocks = {f"body.{i}.rdb{j}.conv{k}" for i in range(23) for j in (1, 2, 3) for k in range(1, 6)}
    outer = {"conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"}
    assert layers == outer | blocks


def test_srresnet_computes_what_its_definition_says() -> None:
    network = build_network("srresnet", seed=3, channels=6, blocks=2)
    # Weights large enough that every term shows.
    state = {key: torch.randn(value.shape) * 0.1 for key, value in network.state_dict().items()}
    network.load_state_dict(state)
    lr = torch.rand(1, 3, 7, 5)

    def conv(x: torch.Tensor, key: str) -> torch.Tensor:
        return F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=1)

    lrelu, shuffle = nn.LeakyReLU(0.1), nn.PixelShuffle(2)
    x = lrelu(conv(lr, "conv_first"))
    for i in range(2):
        x = x + conv(torch.relu(conv(x, f"body.{i}.conv1")), f"body.{i}.conv2")
    x = lrelu(shuffle(conv(x, "upconv1")))
    x = lrelu(shuffle(conv(x, "upconv2")))
    x = conv(lrelu(conv(x, "conv_hr")), "conv_last")
    expected = x + F.interpolate(lr, size=(28, 20), mode="bilinear", align_corners=False)

    torch.testing.assert_close(network(lr), expected)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_enlarges_images_of_any_size_by_its_scale(name: str, scale: int, size: tuple[int, int]) -> None:
    network = build_network(name, scale=scale, **SMALL[name])
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * scale, size[1] * scale)


def test_untrained_srresnet_is_nearly_a_bilinear_enlargement() -> None:
    lr = torch.rand(1, 3, 12, 12)
    enlarged = F.interpolate(lr, scale_factor=4, mode="bilinear", align_corners=False)
    assert (build_network("srresnet")(lr) - enlarged).abs().max() < 1e-2


@pytest.mark.parametrize("name", NETWORKS)
def test_starting_weights_follow_the_seed_and_leave_the_global_generator_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (build_network(name, seed=seed, **SMALL[name]).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for key in first:
        assert torch.equal(first[key], again[key])
    assert not torch.equal(
        first["body.0.conv1.weight" if name == "srresnet" else "conv_body.weight"],
        other["body.0.conv1.weight" if name == "srresnet" else "conv_body.weight"],
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_starting_weights_have_the_spread_of_their_distribution(name: str) -> None:
    network = build_network(name)
    key = "body.3.conv2" if name == "srresnet" else "body.3.rdb2.conv3"
    weight = network.get_submodule(key).weight
    fan_in = weight[0].numel()
    assert weight.std().item() == pytest.approx(0.1 * (2 / fan_in) ** 0.5, rel=0.03)
    assert network.get_submodule(key).bias.abs().max() == 0


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("swinir", {}, "network must be one of srresnet, rrdbnet, but got 'swinir'"),
        ("srresnet", {"scale": 5}, "scale must be one of 1, 2, 3, 4, but got 5"),
        ("srresnet", {"scale": True}, "scale must be one of"),
        ("srresnet", {"growth": 3}, "no hyperparameter 'growth'; it has channels, blocks"),
        ("rrdbnet", {"blocks": 0}, "blocks must be a whole number of at least 1, but got 0"),
        ("rrdbnet", {"channels": 1.5}, "channels must be a whole number of at least 1, but got 1.5"),
    ],
)
def test_refuses_what_cannot_be_built(name: str, arguments: dict, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        build_network(name, **arguments)
