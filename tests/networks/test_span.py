"""SPAN trains in its branches; what is used and saved is always the fusion of what they are now."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from degcraft.networks import build_network, deployable, upscale
from degcraft.networks.span import FusedBranches


def branches(network: nn.Module) -> list[FusedBranches]:
    return [module for module in network.modules() if isinstance(module, FusedBranches)]


@pytest.fixture
def network() -> nn.Module:
    return build_network("span", scale=2, channels=8, seed=1)


@pytest.fixture
def lr() -> torch.Tensor:
    return torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))


def disturb(network: nn.Module) -> None:
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.01)


def test_both_forms_compute_the_same(network: nn.Module, lr: torch.Tensor) -> None:
    trained = network.train()(lr)
    torch.testing.assert_close(network.eval()(lr), trained, rtol=1e-3, atol=1e-3)


def test_fused_weights_are_no_parameters(network: nn.Module) -> None:
    assert not any("eval_conv" in name for name, _ in network.named_parameters())
    assert any("eval_conv" in name for name in network.state_dict())


def test_the_fusion_is_the_composition_of_the_branches(network: nn.Module) -> None:
    disturb(network)
    block = branches(network)[3]
    x = torch.rand(1, 8, 6, 5)
    y = x
    for i, convolution in enumerate(block.conv):
        y = F.conv2d(F.pad(y, (1, 1, 1, 1)) if i == 0 else y, convolution.weight, convolution.bias)
    expected = y + F.conv2d(x, block.sk.weight, block.sk.bias)
    torch.testing.assert_close(block.eval()(x), expected, rtol=1e-4, atol=1e-5)


def test_it_is_never_stale(network: nn.Module, lr: torch.Tensor) -> None:
    before = network.eval()(lr)
    disturb(network)  # in evaluation mode, as averaging does
    after = network(lr)
    assert not torch.equal(after, before)
    fresh = build_network("span", scale=2, channels=8)
    fresh.eval()(lr)
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(lr), after)
    for parameter in network.parameters():
        parameter.data.mul_(1.01)  # which leaves no trace
    saved = network.state_dict()
    assert torch.equal(network.eval()(lr), network(lr))
    fresh.load_state_dict(saved)
    assert torch.equal(fresh(lr), network(lr))


def test_an_average_is_of_the_branches(network: nn.Module, lr: torch.Tensor) -> None:
    average = AveragedModel(network)
    average.update_parameters(network)
    disturb(network)
    average.update_parameters(network)
    by_hand = copy.deepcopy(network)
    first = dict(build_network("span", scale=2, channels=8, seed=1).named_parameters())
    with torch.no_grad():
        for name, parameter in by_hand.named_parameters():
            parameter.copy_((parameter + first[name]) / 2)
    torch.testing.assert_close(average.eval()(lr), by_hand.eval()(lr), rtol=1e-4, atol=1e-4)
    assert all(key.startswith("module.") for key in average.state_dict() if key != "n_averaged")
    again = AveragedModel(build_network("span", scale=2, channels=8))
    again.load_state_dict(average.state_dict())
    assert torch.equal(again.eval()(lr), average(lr))


def test_it_is_fused_once_and_not_for_every_image(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    fused = []
    monkeypatch.setattr(FusedBranches, "update_params", lambda self: fused.append(self))
    network.eval()
    for _ in range(3):
        network(torch.rand(1, 3, 8, 8))
    assert len(fused) == len(branches(network))


def test_restoring_an_image_does_not_keep_it_from_training(network: nn.Module, lr: torch.Tensor) -> None:
    upscale(network, lr, scale=2)  # in inference mode
    network.train()(lr).mean().backward()
    assert not any(value.is_inference() for value in network.state_dict().values())


def test_deployed_it_is_plain_convolutions(network: nn.Module, lr: torch.Tensor) -> None:
    plain = deployable(network)
    assert not branches(plain)
    assert branches(network)
    assert torch.equal(plain(lr), network.eval()(lr))
