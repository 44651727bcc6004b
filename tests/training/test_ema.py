"""The averaged weights are what the stated formula says, in short runs and long ones."""

import pytest
import torch
from torch import nn

from degcraft.training import MovingAverage


def set_to(network: nn.Linear, value: float) -> None:
    network.weight.data.fill_(value)


def test_follows_the_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    set_to(network, 0.3)
    average = MovingAverage(network, decay=0.5)
    expected = 0.3
    for t in range(1, 31):
        set_to(network, float(t**0.5))
        average.update()
        decay = min(0.5, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * t**0.5
        assert average.network().weight.item() == pytest.approx(expected, rel=1e-5)


def test_a_short_run_is_not_dominated_by_its_start() -> None:
    network = nn.Linear(1, 1, bias=False)
    set_to(network, 1000.0)
    average = MovingAverage(network, decay=0.999)
    for step in range(1, 401):
        set_to(network, float(step))
        average.update()
    # The mean age is a tenth of the run: 40 steps of 400.
    assert average.network().weight.item() == pytest.approx(400 - 40, abs=1.5)


def test_a_decay_of_zero_keeps_the_latest() -> None:
    network = nn.Linear(3, 2)
    average = MovingAverage(network, decay=0.0)
    nn.init.normal_(network.weight, generator=torch.Generator().manual_seed(0))
    average.update()
    assert torch.equal(average.network().weight, network.weight)


def test_the_copy_stands_alone() -> None:
    network = nn.Linear(3, 2).train()
    average = MovingAverage(network, decay=0.9)
    copy = average.network()
    assert not copy.training
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    before = copy.weight.clone()
    set_to(network, 5.0)
    average.update()
    assert torch.equal(copy.weight, before)
    assert network.training


def test_whole_numbers_are_taken_over_and_state_survives() -> None:
    network = nn.BatchNorm2d(4)
    average = MovingAverage(network, decay=0.9)
    network(torch.rand(2, 4, 3, 3))
    average.update()
    assert average.network().num_batches_tracked == 1

    other = MovingAverage(nn.BatchNorm2d(4), decay=0.9)
    other.load_state_dict(average.state_dict())
    assert other.updates == 1
    assert torch.equal(other.network().running_mean, average.network().running_mean)


def test_restart_and_layout_keep_to_the_weights() -> None:
    network = nn.Conv2d(4, 4, 3)
    average = MovingAverage(network, decay=0.9)
    network.weight.data.mul_(2)
    average.update()
    blended = average.network().weight.clone()
    assert not torch.equal(blended, network.weight)

    network.to(memory_format=torch.channels_last)
    average.match_layout()
    assert torch.equal(average.network().weight, blended)
    assert average.state_dict()["average"]["weight"].is_contiguous(memory_format=torch.channels_last)

    average.restart()
    assert torch.equal(average.network().weight, network.weight)
    assert average.updates == 0
