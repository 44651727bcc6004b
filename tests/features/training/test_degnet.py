"""The training of degnet: what it is told, and that it goes on exactly."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from degcraft.degradation import find_parameter
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.degnet_network import DegNet
from degcraft.features.training import cell_targets, degnet_task
from degcraft.training import Loop, MadeBatches

Labels = dict[str, Tensor]


def batch(seed: int, count: int = 16) -> tuple[Tensor, Labels]:
    """Noise of a strength that one label tells, on grey."""
    generator = torch.Generator().manual_seed(seed)
    level = torch.rand(count, generator=generator) * 60
    noise = torch.randn(count, 3, 32, 32, generator=generator) * level[:, None, None, None] / 255
    labels = {axis: torch.full((count,), find_parameter(axis).identity) for axis in GRIDS}
    labels |= {"blur_sigma": torch.rand(count, generator=generator) * 5, "noise_level": level}
    return (0.5 + noise).clamp(0, 1), labels


def training(steps: int, **sizes: Any) -> Loop[Any]:
    torch.manual_seed(0)
    network = DegNet(**{"channels": (8, 8, 8, 8), "block_features": 8, "hidden": 8} | sizes)
    return Loop(degnet_task(network, steps=steps, learning_rate=1e-2), MadeBatches(batch, steps))


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


def test_the_loss_is_the_sum_over_the_axes() -> None:
    run = training(2)
    lr, labels = batch(0)
    with torch.no_grad():
        logits = copy.deepcopy(run.network).train()(lr)
    expected = {
        axis: torch.nn.functional.cross_entropy(logits[axis], cell_targets(labels[axis], axis)).item() for axis in GRIDS
    }
    run.run(1)
    assert run.figures == pytest.approx(expected, rel=1e-4)
    assert run.loss_history == pytest.approx([sum(expected.values())], rel=1e-4)


def test_it_learns_to_tell_noise() -> None:
    run = training(80, channels=(8, 8, 16, 16), block_features=32, hidden=64)
    losses = []
    run.run(on_step=lambda step, loss: losses.append(run.figures["noise_level"]))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_rate_warms_up_and_falls_to_zero() -> None:
    rate = training(400).task.rate
    assert [rate(step) for step in (0, 3, 200, 400)] == pytest.approx([1e-2 / 4, 1e-2, 1e-2 / 2, 0], rel=1e-3)


def test_training_that_was_stopped_goes_on_exactly(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    straight, stopped, resumed = training(4), training(4), training(4)
    straight.run()
    stopped.run(2)
    stopped.save(tmp_path / "at2.pt")
    resumed.resume(tmp_path / "at2.pt")
    resumed.run()
    assert resumed.step == 4
    assert resumed.loss_history == straight.loss_history
    for key, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
