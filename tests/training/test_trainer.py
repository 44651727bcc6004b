"""Training learns, stops, continues exactly, and says when it is lost."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.degradation import PAPER_SPACE, BoxSource, Degradation, SpaceSource
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.networks import build_network
from degcraft.training import Precision, Trainer, TrainingDiverged, TrainingPlan
from degcraft.training.checkpoint import write_checkpoint
from tests.damage import DAMAGES

PLAIN = Precision(torch.float32, False, "for the test")
PLAN = TrainingPlan(steps=8, batch=2, lr_patch=12, learning_rate=1e-3, precision="float32", seed=3)


pytestmark = pytest.mark.usefixtures("_one_thread")


def mixed_source() -> SpaceSource:
    return SpaceSource(PAPER_SPACE, PAPER_SPACE.uniform_weights())


def trainer(pool: HrPool, plan: TrainingPlan = PLAN, source: Any = None, seed: int = 0, **more: Any) -> Trainer:
    network = build_network("srresnet", channels=8, blocks=2, seed=seed, scale=plan.scale)
    return Trainer(network, source or mixed_source(), pool, plan, **more)


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def same_state(a: Any, b: Any) -> bool:
    """Whether two checkpoints are equal to the last bit, discriminators, optimizers and random states included."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_state, a, b))
    return a == b


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "multistep", "milestones": (3, 6), "clip": 0.1, "warmup": 2},
        {"precision": "bf16"},
        {"precision": "auto"},
        {"lr_patch": 8, "losses": {"charbonnier": 1, "gan": {"weight": 0.1, "discriminator": "unet", "rate": 2}}},
        {"losses": {"l1": 1, "gan": {"weight": 0.1, "kind": "lsgan"}}, "precision": "bf16"},
    ],
    ids=["cosine", "multistep, clipped, warm-up", "bf16", "measured precision", "u-net gan", "patch gan in bf16"],
)
def test_a_stopped_and_resumed_run_is_the_uninterrupted_one(
    tmp_path: Path, pool: HrPool, changes: dict[str, Any]
) -> None:
    plan = TrainingPlan.from_dict(PLAN.to_dict() | changes)
    whole = trainer(pool, plan)
    whole.run(3)
    whole.save(tmp_path / "at3.pt")
    whole.run()

    # Another start and the global generators elsewhere: all that counts is in the file.
    resumed = trainer(pool, plan, seed=99)
    torch.manual_seed(1)
    resumed.resume(tmp_path / "at3.pt")
    assert resumed.step == 3
    resumed.run()

    assert resumed.step == whole.step == plan.steps
    assert resumed.loss_history == whole.loss_history
    assert resumed.loss_means() == whole.loss_means()
    assert same_state(resumed.state_dict(), whole.state_dict())
    assert resumed.precision == whole.precision
    assert same_weights(resumed.network, whole.network)
    assert same_weights(resumed.ema_network(), whole.ema_network())
    assert all(parameter.dtype == torch.float32 for parameter in whole.network.parameters())


def test_same_seed_same_run_and_another_seed_another(pool: HrPool) -> None:
    first, again = trainer(pool), trainer(pool)
    other = trainer(pool, TrainingPlan.from_dict(PLAN.to_dict() | {"seed": 4}))
    state = torch.get_rng_state()
    for one in (first, again, other):
        one.run(3)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.loss_history == again.loss_history
    assert first.loss_history != other.loss_history


def test_the_steps_are_those_of_adam_on_an_l1_loss(pool: HrPool) -> None:
    """Against a loop written out by hand over the same images."""

    class Recording:
        def __init__(self) -> None:
            self.pairs: list[tuple[Tensor, Tensor]] = []

        def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation | None]:
            lr = F.avg_pool2d(hr, scale)
            self.pairs.append((lr, hr))
            return lr, None

        def describe(self) -> dict[str, Any]:
            return {"kind": "recording"}

    source = Recording()
    subject = trainer(pool, source=source, precision=PLAIN)
    subject.run(4)

    network = build_network("srresnet", channels=8, blocks=2)
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    for step, (lr, hr) in enumerate(source.pairs):
        assert lr.shape == (2, 3, 12, 12)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * step / 8)) / 2)
        optimizer.zero_grad()
        loss = (network(lr) - hr).abs().mean()
        loss.backward()
        optimizer.step()
        assert subject.loss_history[step] == pytest.approx(loss.item(), rel=1e-5)
    for mine, expected in zip(subject.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-6)


class Unsharp(nn.Module):
    """Learns within a second: how much of an image's fine detail to add to it, nothing at first."""

    def __init__(self) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.amount * (x - F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1))


def test_learns_to_sharpen(pool: HrPool) -> None:
    plan = TrainingPlan(steps=80, batch=4, lr_patch=32, scale=1, learning_rate=0.1, precision="float32")
    source = BoxSource({"blur_sigma": (1.0, 1.0)})
    subject = Trainer(Unsharp(), source, pool, plan)
    subject.run()

    hr = pool.crop_batch(16, 48, torch.Generator().manual_seed(77))
    lr, _ = source.degrade(hr, 1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        restored = subject.ema_network()(lr)
    gain = 10 * math.log10(F.mse_loss(lr, hr) / F.mse_loss(restored, hr))
    assert gain > 1.0


def test_clipping_bounds_the_gradient(pool: HrPool) -> None:
    norms = []
    for clip in (None, 1e-3):
        subject = trainer(pool, TrainingPlan.from_dict(PLAN.to_dict() | {"clip": clip}))
        subject.run(1)
        gradients = [parameter.grad for parameter in subject.network.parameters()]
        norms.append(torch.nn.utils.get_total_norm([g for g in gradients if g is not None]).item())
    assert norms[0] > 1e-2
    assert norms[1] == pytest.approx(1e-3, rel=1e-3)


def test_runs_up_to_a_step_reports_each_and_stops_when_asked(pool: HrPool) -> None:
    subject = trainer(pool)
    seen: list[tuple[int, float]] = []

    def on_step(step: int, loss: float) -> None:
        seen.append((step, loss))
        if step == 5:
            subject.stop()

    subject.run(3, on_step=on_step)
    assert [step for step, _ in seen] == [1, 2, 3]
    subject.run(on_step=on_step)
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5]
    assert [loss for _, loss in seen] == subject.loss_history
    subject.run(on_step=on_step)
    assert subject.step == PLAN.steps
    subject.run(on_step=on_step)
    assert len(seen) == PLAN.steps


def test_a_warm_start_begins_at_the_given_weights_and_average(pool: HrPool) -> None:
    shared = trainer(pool, seed=5)
    shared.run(4)
    subject = trainer(pool)
    subject.warm_start(shared.ema_network().state_dict())
    assert same_weights(subject.network, shared.ema_network())
    assert same_weights(subject.ema_network(), shared.ema_network())
    assert not same_weights(subject.network, trainer(pool).network)

    subject.run(1)
    with pytest.raises(DegcraftError, match="the warm start must come before the first step, but 1 are done"):
        subject.warm_start(shared.network.state_dict())
    with pytest.raises(DegcraftError, match="the weights of the warm start do not fit the network"):
        trainer(pool).warm_start(build_network("srresnet", channels=4, blocks=2).state_dict())


def test_a_loss_that_is_not_a_number_ends_the_run(pool: HrPool) -> None:
    class Broken(BoxSource):
        def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation | None]:
            return hr[..., ::scale, ::scale] * math.nan, None

    with pytest.raises(TrainingDiverged, match="diverged at step 1: the l1 loss must be finite, but is nan"):
        trainer(pool, source=Broken({"blur_sigma": (0.0, 1.0)})).run()


def test_an_exploding_loss_ends_the_run(pool: HrPool) -> None:
    plan = TrainingPlan(steps=200, batch=2, lr_patch=12, learning_rate=3.0, precision="float32")
    subject = trainer(pool, plan)
    with pytest.raises(TrainingDiverged, match=r"diverged at step \d+: the .*\(learning rate .*lower learning rate"):
        subject.run()
    assert subject.step < 60


def test_training_longer_continues_a_finished_run(tmp_path: Path, pool: HrPool) -> None:
    short = trainer(pool)
    short.run()
    short.save(tmp_path / "done.pt")
    longer = trainer(pool, TrainingPlan.from_dict(PLAN.to_dict() | {"steps": 10}))
    longer.resume(tmp_path / "done.pt")
    longer.run()
    assert longer.step == 10
    assert longer.loss_history[:8] == short.loss_history

    shorter = trainer(pool, TrainingPlan.from_dict(PLAN.to_dict() | {"steps": 5}))
    with pytest.raises(DegcraftError, match="step 8 needs at least as many steps, but has 5"):
        shorter.resume(tmp_path / "done.pt")


def test_a_checkpoint_is_refused_under_other_conditions(tmp_path: Path, pool: HrPool) -> None:
    subject = trainer(pool)
    subject.run(1)
    subject.save(tmp_path / "one.pt")
    others = {
        "batch was 2, but is 3 now": trainer(pool, TrainingPlan.from_dict(PLAN.to_dict() | {"batch": 3})),
        "set of training images was .* now": trainer(HrPool(pool.arrays[:1])),
        "degradation source was .* now": trainer(pool, source=BoxSource({"blur_sigma": (0.0, 1.0)})),
        "weights of the checkpoint do not fit": Trainer(
            build_network("srresnet", channels=4, blocks=2), mixed_source(), pool, PLAN
        ),
    }
    for message, other in others.items():
        with pytest.raises(DegcraftError, match=f"one.pt: .*{message}"):
            other.resume(tmp_path / "one.pt")


def test_damaged_and_missing_checkpoints_are_named(tmp_path: Path, pool: HrPool) -> None:
    subject = trainer(pool)
    with pytest.raises(DegcraftError, match=r"gone.pt: there is no such checkpoint"):
        subject.resume(tmp_path / "gone.pt")
    subject.save(tmp_path / "whole.pt")
    content = (tmp_path / "whole.pt").read_bytes()
    for damage in DAMAGES.values():
        (tmp_path / "part.pt").write_bytes(damage(content))
        with pytest.raises(DegcraftError, match=r"part.pt: not a readable checkpoint"):
            subject.resume(tmp_path / "part.pt")
    write_checkpoint(tmp_path / "other.pt", {"format": "something"})
    with pytest.raises(DegcraftError, match=r"other.pt: format must be 'degcraft-checkpoint/3'"):
        subject.resume(tmp_path / "other.pt")
    write_checkpoint(tmp_path / "empty.pt", {"plan": PLAN.to_dict()})
    with pytest.raises(DegcraftError, match=r"empty.pt: the checkpoint is incomplete"):
        subject.resume(tmp_path / "empty.pt")


def test_an_interrupted_save_leaves_the_older_checkpoint(
    tmp_path: Path, pool: HrPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = trainer(pool)
    subject.run(1)
    subject.save(tmp_path / "run.pt")

    def full_disk(path: Path, content: memoryview) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    subject.run(2)
    with pytest.raises(DegcraftError, match=r"run.pt: cannot be written \(No space left on device\)"):
        subject.save(tmp_path / "run.pt")
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    again = trainer(pool)
    again.resume(tmp_path / "run.pt")
    assert again.step == 1


def test_the_scale_must_be_the_networks(pool: HrPool) -> None:
    with pytest.raises(DegcraftError, match="the network's scale must be the plan's 4, but is 2"):
        Trainer(build_network("srresnet", scale=2, channels=4, blocks=1), mixed_source(), pool, PLAN)


def test_a_pool_too_small_for_the_crops_is_refused(pool: HrPool) -> None:
    with pytest.raises(DegcraftError):
        trainer(HrPool([pool.arrays[0][:, :40, :40]])).run()
