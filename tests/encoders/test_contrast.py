"""MoCo training: its loss, its queue, its second encoder, and pairs of equal degradation."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degcraft.encoders.contrast import (
    ContrastBatch,
    MocoObjective,
    contrast_batch,
    contrast_pairs,
    info_nce,
    moco_task,
)
from degcraft.errors import DegcraftError
from degcraft.training import Loop, MadeBatches


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_network(seed: int = 0, dimensions: int = 8) -> nn.Sequential:
    """A convolution, a batch norm and a projection, drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.LeakyReLU(0.1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, dimensions),
        )


def moco(
    network: nn.Module | None = None, batches: Callable[[int], ContrastBatch] | None = None, **changes: Any
) -> tuple[Loop[ContrastBatch], MocoObjective]:
    """A training of a small network on `pairs`, and its objective."""
    settings: dict[str, Any] = {"steps": 100, "queue": 32, "momentum": 0.9, "dimensions": 8, "seed": 1} | changes
    task = moco_task(network or small_network(), **settings)
    assert isinstance(task.objective, MocoObjective)
    made = batches or (lambda step: pairs(seed=step))
    return Loop(task, MadeBatches(made, task.steps)), task.objective


def pairs(count: int = 4, seed: int = 0) -> ContrastBatch:
    draw = torch.rand(2, count, 3, 16, 16, generator=generator(seed))
    return ContrastBatch(draw[0], draw[1])


def test_the_loss_is_the_softmax_share_of_the_own_key_computed_plainly() -> None:
    random = np.random.default_rng(0)
    queries, keys, others = (random.standard_normal((n, 5)) for n in (3, 3, 7))
    queries, keys, others = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, keys, others))
    losses = []
    for query, key in zip(queries, keys, strict=True):
        own = math.exp(query @ key / 0.2)
        losses.append(-math.log(own / (own + sum(math.exp(query @ other / 0.2) for other in others))))
    loss = info_nce(torch.tensor(queries), torch.tensor(keys), torch.tensor(others), 0.2)
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-12)


def test_a_step_is_judged_by_both_networks_in_training_mode() -> None:
    loop, objective = moco()
    query, key = pairs(seed=0)
    fast, slow = copy.deepcopy(loop.network).train(), copy.deepcopy(objective.followed).train()
    with torch.no_grad():
        queries, keys = (nn.functional.normalize(network(x)) for network, x in ((fast, query), (slow, key)))
        expected = info_nce(queries, keys, objective.queue, 0.07)
    loop.run(1)
    assert loop.figures["contrast"] == pytest.approx(float(expected), rel=1e-5)
    assert loop.loss_history == [loop.figures["contrast"]]


def test_the_second_encoder_keeps_its_share_and_gets_no_gradient() -> None:
    loop, objective = moco(momentum=0.75)
    loop.run(1)
    before = [p.clone() for p in objective.followed.parameters()]
    towards = [p.clone() for p in loop.network.parameters()]
    assert any(not torch.equal(slow, fast) for slow, fast in zip(before, towards, strict=True))
    loop.run(2)
    for now, slow, fast in zip(objective.followed.parameters(), before, towards, strict=True):
        torch.testing.assert_close(now, 0.75 * slow + 0.25 * fast)
        assert now.grad is None


def test_keys_take_the_places_of_the_oldest_around_the_end() -> None:
    loop, objective = moco(queue=10)
    assert torch.allclose(objective.queue.norm(dim=1), torch.ones(10))
    enqueued = []
    for seed in range(3):
        _, key = pairs(4, seed)
        slow = copy.deepcopy(objective.followed)
        with torch.no_grad():
            for p, fast in zip(slow.parameters(), loop.network.parameters(), strict=True):
                p.copy_(0.9 * p + 0.1 * fast)
            enqueued.append(nn.functional.normalize(slow.train()(key)))
        loop.run(seed + 1)
    newest = torch.cat(enqueued)
    # Twelve keys through ten places: the first two have been overwritten by the last two.
    torch.testing.assert_close(objective.queue, torch.cat([newest[10:], newest[2:10]]), rtol=1e-4, atol=1e-5)


def test_a_stopped_training_goes_on_exactly(tmp_path: Path) -> None:
    (whole, objective), (first, _) = moco(), moco()
    whole.run(7)
    first.run(4)
    first.save(tmp_path / "state.pt")
    second, resumed = moco(small_network(seed=5), seed=9)
    second.resume(tmp_path / "state.pt")
    assert second.step == 4
    second.run(7)
    assert second.loss_history == whole.loss_history
    assert torch.equal(resumed.queue, objective.queue)


def test_the_learning_rate_falls_to_a_tenth_after_three_fifths() -> None:
    def moved(steps: int) -> float:
        loop, _ = moco(steps=steps)
        before = [p.detach().clone() for p in loop.network.parameters()]
        loop.step = 60
        loop.run(61)
        return sum(
            float((now.detach() - then).abs().sum())
            for now, then in zip(loop.network.parameters(), before, strict=True)
        )

    # Adam's first step is the learning rate itself, whatever the gradient.
    assert moved(100) == pytest.approx(moved(101) / 10, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"steps": 0}, "steps must be at least 1, but got 0"),
        ({"queue": 0}, "queue must be at least 1, but got 0"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\), but got 1.0"),
        ({"temperature": 0.0}, "temperature must be above 0, but got 0.0"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict, rule: str) -> None:
    with pytest.raises(DegcraftError, match=rule):
        moco(**changes)


def test_batches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DegcraftError, match="must fit into the queue of 3, but has 4 pairs"):
        moco(queue=3)[0].run(1)
    unlike = ContrastBatch(torch.zeros(4, 3, 16, 16), torch.zeros(3, 3, 16, 16))
    with pytest.raises(DegcraftError, match="must have one shape"):
        moco(batches=lambda step: unlike)[0].run(1)


def noisy(count: int, seed: int) -> tuple[ContrastBatch, Tensor]:
    """Flat patches of random colour under noise: a pair shares its noise level and nothing else."""
    draws = generator(seed)
    levels = 0.02 + 0.28 * torch.rand(count, generator=draws)
    colours = 0.3 + 0.4 * torch.rand(2, count, 3, 1, 1, generator=draws)
    noise = torch.randn(2, count, 3, 16, 16, generator=draws) * levels[:, None, None, None]
    return ContrastBatch(*(colours + noise)), levels


def neighbour_error(network: nn.Module) -> float:
    """Mean difference in noise level to the nearest neighbour, relative to what guessing gives."""
    batch, levels = noisy(200, seed=12345)
    with torch.no_grad():
        rows = nn.functional.normalize(network.eval()(batch.query))
    cosines = (rows @ rows.T).fill_diagonal_(-2)
    guessed = (levels[:, None] - levels[None]).abs().mean()
    return float((levels - levels[cosines.argmax(dim=1)]).abs().mean() / guessed)


def test_what_is_learnt_is_the_degradation_that_a_pair_shares() -> None:
    network = small_network()
    before = neighbour_error(copy.deepcopy(network))
    noise = {"batches": lambda step: noisy(32, step)[0]}
    loop, _ = moco(network, **noise, steps=250, queue=256, momentum=0.98, learning_rate=1e-2)
    loop.run()
    after = neighbour_error(network)
    assert np.mean(loop.loss_history[-20:]) < math.log(257) - 0.5
    assert after < 0.2
    assert after < before / 2


@dataclass(frozen=True)
class Marked:
    """Content that says of each pixel which image it is of and where it lies; every call counts on."""

    calls: list[tuple[int, int]]

    def batch(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        image = torch.arange(count)[:, None, None].expand(count, side, side) / 8 + 0.5 * len(self.calls)
        self.calls.append((count, side))
        rows = (torch.arange(side) / side)[:, None].expand(side, side).expand(count, side, side)
        return torch.stack([image, rows, rows.transpose(1, 2)], dim=1).float()


@dataclass(frozen=True)
class Kept:
    lr: Tensor


@dataclass(frozen=True)
class Shrinking:
    """Takes every fourth pixel."""

    scale: int = 4

    def degrade(self, hr: Tensor, generator: torch.Generator) -> Kept:
        return Kept(hr[:, :, :: self.scale, :: self.scale].clone())


def test_a_pair_is_cut_from_two_clean_images_degraded_as_one() -> None:
    content = Marked([])
    query, key = contrast_batch(content, Shrinking(), 4, generator())
    assert content.calls == [(4, 288), (4, 288)]
    assert query.shape == key.shape == (4, 3, 48, 48)
    for index in range(4):
        # The first channel names the image: of the first draw for queries, of the second for keys.
        assert torch.equal(query[index, 0].unique(), torch.tensor([index / 8]))
        assert torch.equal(key[index, 0].unique(), torch.tensor([index / 8 + 0.5]))


def test_patches_begin_on_the_grid_and_stay_away_from_the_seam() -> None:
    batch = contrast_batch(Marked([]), Shrinking(), 64, generator(3))
    for patches, columns in ((batch.query, {0, 8}), (batch.key, {16, 24})):
        # The second and third channels are the pixel's place in its clean image: LR row or column / 72.
        rows = (patches[:, 1, 0, 0] * 72).round().int()
        across = (patches[:, 2, 0, 0] * 72).round().int()
        assert set(rows.tolist()) == {0, 8, 16, 24}
        assert set(across.tolist()) == columns
        steps = (patches[:, 2, 0, -1] - patches[:, 2, 0, 0]) * 72
        assert torch.allclose(steps, torch.full_like(steps, 47), atol=1e-3)


def test_equal_seeds_give_equal_pairs_and_empty_batches_are_refused() -> None:
    first, again, other = (contrast_batch(Marked([]), Shrinking(), 8, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.query, again.query)
    assert torch.equal(first.key, again.key)
    assert not torch.equal(first.query, other.query)
    with pytest.raises(DegcraftError, match="at least 1, but got 0"):
        contrast_batch(Marked([]), Shrinking(), 0, generator())


def test_clean_images_of_another_size_are_refused() -> None:
    with pytest.raises(DegcraftError, match="must be 288x288 both, but got"):
        contrast_pairs(torch.zeros(2, 3, 288, 288), torch.zeros(2, 3, 280, 288), Shrinking(), generator())
    with pytest.raises(DegcraftError, match="must be 288x288 both, but got"):
        contrast_pairs(torch.zeros(2, 3, 72, 72), torch.zeros(2, 3, 72, 72), Shrinking(), generator())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_learns_as_the_cpu_does() -> None:
    (on_cpu, _), (on_cuda, _) = moco(), moco(small_network().cuda())
    for loop in (on_cpu, on_cuda):
        loop.run(3)
    assert on_cuda.loss_history == pytest.approx(on_cpu.loss_history, rel=0.01)
