"""PDM's training: what it is given, what it minimises, and that it goes on exactly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from degcraft.images import HrPool
from degcraft.learned import Compression, LearnedDegradation, PdmObjective, unpaired_crops
from degcraft.learned.objective import LOST_WEIGHT
from degcraft.training import PLAIN, Loop, MadeBatches, Task, run_task
from degcraft.training.running import ARITHMETIC
from tests.learned.images import pool

SMALL = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}
CPU = torch.device("cpu")


class Fixed(nn.Module):
    """A noise that is always the same pattern, in all channels alike."""

    def __init__(self, pattern: torch.Tensor) -> None:
        super().__init__()
        self.pattern = pattern

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return 0.1 * self.pattern.expand(len(latent), 3, -1, -1)


def task(model: LearnedDegradation, steps: int, penalty: str = "mean") -> Task:
    objective = PdmObjective(penalty=penalty, seed=0, device=CPU)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    return Task(network=model, objective=objective, optimizer=optimizer, steps=steps, rate=lambda step: 2e-4)


def crops(model: LearnedDegradation, batch: int = 2):  # type: ignore[no-untyped-def]
    return unpaired_crops(model, pool(96, 0), pool(64, 1), batch=batch, lr_patch=32, seed=5, device=CPU)


def test_a_batch_follows_from_its_step_and_references_are_never_turned() -> None:
    model = LearnedDegradation(2, **SMALL)
    first, again, other = (crops(model)(step) for step in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[2][0], again[2][0])
    assert not torch.equal(first[1], other[1])
    assert first[0].shape == (2, 3, 64, 64)
    slope = HrPool(
        [np.arange(64, dtype=np.uint8) * np.array([3, 2, 1], np.uint8)[:, None, None] + np.zeros((3, 64, 1), np.uint8)]
        * 32
    )
    made = unpaired_crops(model, pool(96, 0), slope, batch=16, lr_patch=32, seed=0, device=CPU)
    assert (made(0)[1].diff(dim=3) > 0).all(), "brighter to the right in every crop"


@pytest.mark.parametrize("penalty", ["mean", "size"])
def test_the_noise_is_penalised_as_named(penalty: str) -> None:
    model = LearnedDegradation(2, **SMALL)
    objective = PdmObjective(penalty=penalty, weight=1000.0, centre=0.0, seed=0, device=CPU)  # type: ignore[arg-type]
    batch = crops(model)(0)
    total, figures = objective.measure(model, batch, PLAIN)
    noise, lost = (getattr(model(batch[0], batch[2]), name) for name in ("noise", "lost"))
    squares = noise.unflatten(3, (2, 16)).unflatten(2, (2, 16)).mean(dim=(3, 5))
    unseen = 2 * LOST_WEIGHT * (noise * lost).mean()
    expected = noise.square().mean() if penalty == "size" else 3 * squares.square().mean() + unseen
    assert float(total.detach() - figures["gan"]) == pytest.approx(1000 * float(expected.detach()), rel=1e-4)


def test_what_is_cut_off_does_not_grow() -> None:
    model = LearnedDegradation(2, **SMALL)
    white = torch.ones(2, 3, 64, 64)
    lr, noise, _, lost = model(white, model.latents(2, (32, 32), torch.Generator().manual_seed(0)))
    (grown,) = torch.autograd.grad(lr.sum(), noise)
    assert torch.equal(grown, ((noise <= 0) & (noise >= -1)).float())
    over = noise > 0
    torch.testing.assert_close(lost[over], noise[over].detach())


def test_noise_that_jpeg_takes_away_is_penalised_and_what_it_leaves_is_not() -> None:
    model = LearnedDegradation(2, compression=Compression.fixed(30), **SMALL)
    grey = torch.full((1, 3, 64, 64), 0.5)
    latents = model.latents(1, (32, 32), torch.Generator().manual_seed(0))
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 - 0.5
    blocks = (torch.arange(32)[:, None] // 8 + torch.arange(32) // 8) % 2 - 0.5
    lost = {}
    for name, pattern in (("checks", checks), ("blocks", blocks)):
        model.noise = Fixed(pattern.float())
        degraded = model(grey, latents)
        lost[name] = float((degraded.noise * degraded.lost).mean() / degraded.noise.square().mean())
    assert lost["checks"] > 0.8, "fine and weak: gone"
    assert lost["blocks"] < 0.2, "coarse: still there"


def test_kernels_at_the_border_of_their_square_are_drawn_in() -> None:
    model = LearnedDegradation(2, **SMALL, noise="none")
    last = model.kernels[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(
            torch.full((9, 9), -50.0)
            .index_put((torch.tensor([0, 8]), torch.tensor([0, 8])), torch.tensor(0.0))
            .flatten()
        )
    batch = crops(model)(0)
    free, held = (
        PdmObjective(weight=0.0, centre=centre, seed=0, device=CPU).measure(model, batch, PLAIN)[0]
        for centre in (0.0, 1.0)
    )
    wide, shift = 4**2 - (9 / 4) ** 2, 2 * 0.5**2
    assert float((held - free).detach()) == pytest.approx(wide + shift, rel=1e-4)


def test_training_goes_on_bit_for_bit_after_a_stop(tmp_path: Path) -> None:
    whole = LearnedDegradation(2, **SMALL)
    assert run_task(task(whole, 4), crops(whole))

    part = LearnedDegradation(2, **SMALL)
    settings = {"seed": 5}
    loop = Loop(task(part, 4), MadeBatches(crops(part), 4), precision=ARITHMETIC, conditions=settings)
    loop.run(until=2)
    loop.save(tmp_path / "a.pt")
    again = LearnedDegradation(2, seed=9, **SMALL)
    assert run_task(task(again, 4), crops(again), checkpoint=tmp_path / "a.pt", settings=settings)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
