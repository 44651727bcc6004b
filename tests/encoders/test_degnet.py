"""The training of degnet: what it is told, and that it goes on exactly."""

import math

import pytest
import torch
from torch import Tensor

from degcraft.encoders import DegNetTraining, cell_targets
from degcraft.features.degnet_network import GRIDS, DegNet

Labels = dict[str, Tensor]


def batch(seed: int, count: int = 8) -> tuple[Tensor, Labels]:
    """Noise of a strength that one label tells, on grey."""
    generator = torch.Generator().manual_seed(seed)
    level = torch.rand(count, generator=generator) * 60
    noise = torch.randn(count, 3, 32, 32, generator=generator) * level[:, None, None, None] / 255
    labels = {
        "blur_sigma": torch.rand(count, generator=generator) * 5,
        "noise_level": level,
        "jpeg_quality": torch.full((count,), math.inf),
    }
    return (0.5 + noise).clamp(0, 1), labels


def training(steps: int) -> DegNetTraining:
    torch.manual_seed(0)
    return DegNetTraining(DegNet(channels=(8, 8, 8, 8), block_features=8, hidden=8), steps=steps)


@pytest.mark.parametrize("axis", GRIDS)
def test_targets_have_the_value_as_their_mean(axis: str) -> None:
    grid = torch.tensor(GRIDS[axis])
    finite = grid[torch.isfinite(grid)]
    low, high = float(finite[0]), float(finite[-1])
    values = torch.linspace(low, high, 41)
    targets = cell_targets(values, axis)
    assert targets.shape == (41, len(grid))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(41))
    torch.testing.assert_close((targets[:, : len(finite)] * finite).sum(dim=1), values, rtol=1e-5, atol=1e-4)
    assert int((targets > 0).sum(dim=1).max()) == 2


def test_values_beyond_the_grid_count_for_its_ends() -> None:
    assert cell_targets(torch.tensor([-3.0, 99.0]), "blur_sigma")[:, [0, -1]].tolist() == [[1, 0], [0, 1]]


def test_no_compression_has_a_cell_of_its_own() -> None:
    targets = cell_targets(torch.tensor([math.inf, 100.0]), "jpeg_quality")
    assert targets[0, -1] == 1
    assert targets[1, -2] == 1


def test_it_learns_to_tell_noise() -> None:
    torch.manual_seed(0)
    run = DegNetTraining(DegNet(channels=(8, 8, 16, 16), block_features=32, hidden=64), steps=80, learning_rate=1e-2)
    losses = [run.step(batch(step, 32))["noise_level"] for step in range(80)]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_rate_warms_up_and_falls_to_zero() -> None:
    run = training(400)
    rates = []
    for step in (0, 3, 200, 400):
        run.step_number = step
        rates.append(run.rate)
    assert rates == pytest.approx([run.learning_rate / 4, run.learning_rate, run.learning_rate / 2, 0], rel=1e-3)


def test_training_that_was_stopped_goes_on_exactly() -> None:
    torch.set_num_threads(1)
    straight, stopped, resumed = training(4), training(4), training(4)
    for step in range(4):
        straight.step(batch(step))
    for step in range(2):
        stopped.step(batch(step))
    resumed.load_state_dict(stopped.state_dict())
    for step in (2, 3):
        resumed.step(batch(step))
    assert resumed.step_number == 4
    for key, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
