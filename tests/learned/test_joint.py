"""PDM-SR: both networks learn, neither disturbs the other, and a stopped run goes on exactly."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degcraft.degradation import Axis, CraftedDistribution, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.learned import JointTrainer, LearnedDegradation, PdmObjective, begin_degradation, unpaired_crops
from degcraft.networks import build_network
from degcraft.training import Loop, MadeBatches, Task, TrainingPlan
from tests.learned.images import pool

SMALL = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}
PLAN = TrainingPlan(steps=4, batch=2, lr_patch=24, scale=2, schedule="constant", precision="float32", seed=5)


def trainer(plan: TrainingPlan = PLAN, references: HrPool | None = None, **more: Any) -> JointTrainer:
    network = build_network("srresnet", scale=2, channels=4, blocks=1)
    return JointTrainer(network, LearnedDegradation(2, **SMALL), pool(96, 0), references or pool(64, 1), plan, **more)


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


def test_the_degradation_learns_as_it_would_alone() -> None:
    joint = trainer()
    before = {name: value.clone() for name, value in joint.network.state_dict().items()}
    joint.run()
    assert any(not torch.equal(value, before[name]) for name, value in joint.network.state_dict().items())
    alone = LearnedDegradation(2, **SMALL)
    given: dict[str, Any] = {"batch": 2, "lr_patch": 24, "seed": 5, "device": torch.device("cpu")}
    task = Task(
        network=alone, objective=PdmObjective(seed=5),
        optimizer=torch.optim.Adam(alone.parameters(), betas=(0.5, 0.99)), steps=4, rate=lambda step: 2e-4,
    )  # fmt: skip
    Loop(task, MadeBatches(unpaired_crops(alone, pool(96, 0), pool(64, 1), **given), 4)).run()
    assert same(joint.model, alone)
    assert set(joint.figures) == {"l1", "pdm gan", "pdm noise", "pdm shift", "pdm discriminator"}


@pytest.mark.parametrize("losses", [{"l1": 1.0}, {"l1": 1.0, "gan": {"weight": 0.05, "kind": "lsgan"}}])
def test_training_goes_on_bit_for_bit_after_a_stop(losses: dict[str, Any], tmp_path: Path) -> None:
    plan = TrainingPlan(**{**PLAN.to_dict(), "losses": losses})
    whole = trainer(plan)
    whole.run()
    part = trainer(plan)
    part.run(until=2)
    part.save(tmp_path / "a.checkpoint")
    again = trainer(plan)
    again.resume(tmp_path / "a.checkpoint")
    again.run()
    assert same(again.network, whole.network)
    assert same(again.ema_network(), whole.ema_network())
    assert same(again.model, whole.model)
    assert again.source().identity == whole.source().identity


def test_other_references_are_another_run(tmp_path: Path) -> None:
    part = trainer()
    part.run(until=1)
    part.save(tmp_path / "a.checkpoint")
    with pytest.raises(DegcraftError, match="a run continues only as it began: set of references was"):
        trainer(references=pool(64, 2)).resume(tmp_path / "a.checkpoint")
    with pytest.raises(DegcraftError, match="a run continues only as it began: penalty was 'mean', but is 'size' now"):
        trainer(penalty="size").resume(tmp_path / "a.checkpoint")


def test_images_that_would_teach_it_nothing_are_refused() -> None:
    with pytest.raises(DegcraftError, match="must hold at least 32 images of 24x24 pixels or more, but hold 3"):
        trainer(references=HrPool(pool(64, 1).arrays[:3]))
    grey = HrPool([np.repeat(image[:1], 3, axis=0) for image in pool(64, 1).arrays])
    with pytest.raises(DegcraftError, match="both in colour or both grey, but references are grey and hr is not"):
        trainer(references=grey)
    with pytest.raises(DegcraftError, match="LR crops must be at least 24 pixels for the discriminator, but are 16"):
        trainer(TrainingPlan(**{**PLAN.to_dict(), "lr_patch": 16}))


def test_the_qualities_of_a_crafted_distribution_stand_behind_what_is_learned(tmp_path: Path) -> None:
    space = DegradationSpace((Axis("jpeg_quality", 30, 90, 2, none=True),))
    CraftedDistribution.uniform(space).save(tmp_path / "c.json")
    model, _ = begin_degradation(2, 0, {"channels": 8, "compression": str(tmp_path / "c.json")})
    assert model.compression is not None
    assert [low for low, *_ in model.compression.ranges] == [30, 60, math.inf]
    with pytest.raises(DegcraftError, match=r"gone\.json: cannot be read"):
        begin_degradation(2, 0, {"compression": str(tmp_path / "gone.json")})


def test_knobs_say_what_is_learned() -> None:
    model, how = begin_degradation(2, 0, {"channels": 8, "penalty": "size", "compression": 40, "noise": "none"})
    assert how == {"penalty": "size", "discriminator": "detail"}
    assert model.noise is None
    assert model.compression is not None
    assert model.compression.ranges == ((40, 40, 1),)
    with pytest.raises(DegcraftError, match="pdm: penalty must be one of mean, size, but got 'both'"):
        begin_degradation(2, 0, {"penalty": "both"})
