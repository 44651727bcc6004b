"""The networks are the field's: same sizes, same names, same mathematics."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.networks import build_network, load_network, network_spec, parameter_count
from tests.networks.small import SMALL

OWN = ("srresnet", "edsr", "rrdbnet")


@pytest.mark.parametrize(
    ("name", "hyperparameters", "count"),
    [
        ("srresnet", {}, 1_517_571),
        ("rrdbnet", {}, 16_697_987),
        ("edsr", {}, 1_517_571),
        ("edsr", {"channels": 256, "blocks": 32}, 43_089_923),
        ("compact", {}, 621_424),
    ],
)
def test_has_the_published_number_of_parameters(name: str, hyperparameters: dict, count: int) -> None:
    assert parameter_count(build_network(name, **hyperparameters)) == count


def test_srresnet_has_the_key_names_of_basicsr() -> None:
    layers = {key.rsplit(".", 1)[0] for key in build_network("srresnet").state_dict()}
    blocks = {f"body.{i}.conv{j}" for i in range(16) for j in (1, 2)}
    assert layers == {"conv_first", "upconv1", "upconv2", "conv_hr", "conv_last"} | blocks


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


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_enlarges_images_of_any_size_by_its_scale(name: str, scale: int, size: tuple[int, int]) -> None:
    network = build_network(name, scale=scale, **SMALL[name])
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * scale, size[1] * scale)


def test_untrained_srresnet_is_nearly_a_bilinear_enlargement() -> None:
    lr = torch.rand(1, 3, 12, 12)
    enlarged = F.interpolate(lr, scale_factor=4, mode="bilinear", align_corners=False)
    assert (build_network("srresnet")(lr) - enlarged).abs().max() < 1e-2


@pytest.mark.parametrize("name", ["srresnet", "rrdbnet"])
def test_residual_branches_start_near_zero(name: str) -> None:
    network = build_network(name)
    key = "body.3.conv2" if name == "srresnet" else "network.model.1.sub.3.RDB2.conv3.0"
    weight = network.get_submodule(key).weight
    fan_in = weight[0].numel()
    assert weight.std().item() == pytest.approx(0.1 * (2 / fan_in) ** 0.5, rel=0.03)
    assert network.get_submodule(key).bias.abs().max() == 0


def edsr_state(channels: int, blocks: int) -> dict[str, torch.Tensor]:
    """Random weights under the names of EDSR-PyTorch, x4."""
    generator = torch.Generator().manual_seed(0)
    sizes = {"head.0": (channels, 3), f"body.{blocks}": (channels, channels), "tail.1": (3, channels)}
    sizes |= {f"body.{i}.body.{j}": (channels, channels) for i in range(blocks) for j in (0, 2)}
    sizes |= {f"tail.0.{i}": (4 * channels, channels) for i in (0, 2)}
    state = {}
    for name, (outputs, inputs) in sizes.items():
        state[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.1
        state[f"{name}.bias"] = torch.randn(outputs, generator=generator) * 0.1
    for name, sign in (("sub_mean", -1), ("add_mean", 1)):
        state[f"{name}.weight"] = torch.eye(3).view(3, 3, 1, 1)
        state[f"{name}.bias"] = sign * 255 * torch.tensor([0.4488, 0.4371, 0.4040])
    return state


def test_edsr_computes_what_edsr_pytorch_does(tmp_path: Path) -> None:
    state = edsr_state(channels=6, blocks=2)
    torch.save(state, tmp_path / "edsr.pt")
    loaded = load_network(tmp_path / "edsr.pt")
    assert (loaded.name, loaded.scale) == ("edsr", 4)
    assert loaded.hyperparameters == {"channels": 6, "blocks": 2, "residual_scale": 1.0}

    def conv(x: torch.Tensor, key: str, padding: int = 1) -> torch.Tensor:
        return F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=padding)

    lr = torch.rand(2, 3, 7, 5)
    features = conv(conv(255 * lr, "sub_mean", 0), "head.0")
    x = features
    for i in range(2):
        x = x + conv(torch.relu(conv(x, f"body.{i}.body.0")), f"body.{i}.body.2")
    x = conv(x, "body.2") + features
    for i in (0, 2):
        x = F.pixel_shuffle(conv(x, f"tail.0.{i}"), 2)
    expected = conv(conv(x, "tail.1"), "add_mean", 0) / 255
    torch.testing.assert_close(loaded.model(lr), expected, rtol=1e-4, atol=1e-4)


def test_the_wide_edsr_scales_its_residuals(tmp_path: Path) -> None:
    torch.save({"params": build_network("edsr", channels=256, blocks=1).state_dict()}, tmp_path / "wide.pth")
    assert load_network(tmp_path / "wide.pth").hyperparameters["residual_scale"] == 0.1


@pytest.mark.parametrize("name", ["srresnet", "rrdbnet"])
def test_dropout_drops_whole_channels_before_the_last_convolution_in_training_only(name: str) -> None:
    small = SMALL[name] | {"channels": 32}
    network = build_network(name, scale=2, seed=1, dropout=0.5, **small)
    plain = build_network(name, scale=2, seed=1, **small)
    assert network.state_dict().keys() == plain.state_dict().keys()
    seen: list[torch.Tensor] = []
    last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
    last.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    lr = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(3)
    before = torch.get_rng_state()
    sr = network(lr)
    assert torch.equal(torch.get_rng_state(), before)
    dropped = (seen[0] == 0).flatten(2).all(2).float()
    assert 0.3 < dropped.mean() < 0.7
    assert len({tuple(row.tolist()) for row in dropped}) > 1
    # The batch says what is dropped, so that a resumed training goes on exactly.
    assert torch.equal(network(lr), sr)
    network(lr.flip(3))
    assert not torch.equal((seen[2] == 0).flatten(2).all(2).float(), dropped)
    assert torch.equal(network.eval()(lr), plain.eval()(lr))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("nothing", {}, "there is no network 'nothing'; `degcraft networks` lists them"),
        ("srresnet", {"scale": 5}, "scale must be one of 1, 2, 3, 4, but got 5"),
        ("srresnet", {"scale": True}, "scale must be one of"),
        ("scunet", {"scale": 4}, "scale must be 1, but got 4"),
        ("srresnet", {"growth": 3}, "no hyperparameter 'growth'; it has channels, blocks, dropout"),
        ("rrdbnet", {"blocks": 0}, "blocks must be a whole number of at least 1, but got 0"),
        ("rrdbnet", {"channels": 1.5}, "channels must be a whole number of at least 1, but got 1.5"),
        ("rrdbnet", {"dropout": 1}, "dropout must be a number at least 0 and at most 0.99, but got 1"),
        ("rrdbnet", {"plus": "yes"}, "plus must be true or false, but got 'yes'"),
        ("swinir", {"depths": 6}, "depths must be a list, each element a whole number of at least 1, but got 6"),
        (
            "swinir",
            {"embed_dim": 10, "num_heads": [3], "depths": [2]},
            "network swinir: does not work with its hyperparameters",
        ),
        ("swinir", {"upsampler": ""}, "network swinir: .* upsampler .* would enlarge by 1, not 4"),
        ("compact", {"act_type": "sine"}, "network compact: .* act_type sine"),
    ],
)
def test_refuses_what_cannot_be_built(name: str, arguments: dict, message: str) -> None:
    with pytest.raises(DegcraftError, match=message) as error:
        build_network(name, **arguments)
    assert "\n" not in str(error.value)


def test_names_go_in_upper_case_too_and_esrgan_is_rrdbnet() -> None:
    assert network_spec("SwinIR").name == "swinir"
    assert network_spec("ESRGAN").name == "rrdbnet"
