"""The averaged weights are what the stated formula says, in short runs and long ones, for any network."""

import pytest
import spandrel
import torch
from torch import nn

from degcraft.training import averaged_model


def set_to(network: nn.Linear, value: float) -> None:
    network.weight.data.fill_(value)


def test_follows_the_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = averaged_model(network, decay=0.5)
    expected = 1.0
    for t in range(1, 31):
        set_to(network, float(t**0.5))
        average.update_parameters(network)
        decay = min(0.5, (1 + t) / (10 + t)) if t > 1 else 0
        expected = decay * expected + (1 - decay) * t**0.5
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)


def test_a_short_run_is_not_dominated_by_its_start() -> None:
    network = nn.Linear(1, 1, bias=False)
    set_to(network, 1000.0)
    average = averaged_model(network, decay=0.999)
    for step in range(1, 401):
        set_to(network, float(step))
        average.update_parameters(network)
    # The mean age is a tenth of the run: 40 steps of 400.
    assert average.module.weight.item() == pytest.approx(400 - 40, abs=1.5)


def test_a_decay_of_zero_keeps_the_latest() -> None:
    network = nn.Linear(3, 2)
    average = averaged_model(network, decay=0.0)
    for seed in (0, 1):
        nn.init.normal_(network.weight, generator=torch.Generator().manual_seed(seed))
        average.update_parameters(network)
    assert torch.equal(average.module.weight, network.weight)


def test_buffers_are_those_of_the_latest_update_and_state_survives() -> None:
    network = nn.BatchNorm2d(4)
    average = averaged_model(network, decay=0.9)
    for _ in range(3):
        network(torch.rand(2, 4, 3, 3))
        average.update_parameters(network)
    assert average.module.num_batches_tracked == 3
    assert torch.equal(average.module.running_mean, network.running_mean)

    other = averaged_model(nn.BatchNorm2d(4), decay=0.9)
    other.load_state_dict(average.state_dict())
    assert other.n_averaged == 3
    assert torch.equal(other.module.running_mean, network.running_mean)


def test_a_network_with_another_form_for_use_restores_with_its_averaged_branches() -> None:
    """SPAN trains three branches per convolution, which its form for use folds into one."""
    network = spandrel.architectures.SPAN.SPAN(feature_channels=4, num_in_ch=3, num_out_ch=3, upscale=2).train()
    lr = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    average = averaged_model(network, decay=0.5)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        network(lr).square().mean().backward()
        optimizer.step()
        average.update_parameters(network)
    with torch.no_grad():
        folded = average.module.eval()(lr)
        branches = average.module.train()(lr)
        latest = network(lr)
    inside = (..., slice(4, -4), slice(4, -4))  # the branches pad before their first 1×1 convolution, whose bias shows
    torch.testing.assert_close(folded[inside], branches[inside], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(folded[inside], latest[inside], atol=1e-3)
