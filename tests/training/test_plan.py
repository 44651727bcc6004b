"""A plan refuses nonsense, and its learning rate is that of PyTorch's schedulers."""

import json
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from degcraft.errors import DegcraftError
from degcraft.training import TrainingPlan, learning_rate_at


def follow(scheduler: LRScheduler, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_is_that_of_pytorch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=2e-4)
    expected = follow(CosineAnnealingLR(optimizer, T_max=50, eta_min=2e-7), optimizer, 50)
    plan = TrainingPlan(steps=50)
    assert [learning_rate_at(plan, step) for step in range(50)] == pytest.approx(expected, rel=1e-9)


def test_multistep_is_that_of_pytorch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1e-3)
    expected = follow(MultiStepLR(optimizer, milestones=[5, 12], gamma=0.5), optimizer, 20)
    plan = TrainingPlan(steps=20, schedule="multistep", milestones=(5, 12), learning_rate=1e-3)
    assert [learning_rate_at(plan, step) for step in range(20)] == pytest.approx(expected, rel=1e-12)


def test_warmup_rises_linearly_to_the_peak_and_the_cosine_follows() -> None:
    plan = TrainingPlan(steps=30, warmup=10, learning_rate=1.0)
    rates = [learning_rate_at(plan, step) for step in range(31)]
    assert rates[:11] == pytest.approx([0.1 * i for i in range(1, 11)] + [1.0])
    assert rates[20] == pytest.approx(0.5 * 1.001)
    assert rates[30] == pytest.approx(1e-3)


def test_losses_are_kept_as_given_and_a_plan_without_them_is_one_of_l1() -> None:
    losses = {"l1": 1.0, "lpips": 0, "gan": {"weight": 0.05, "discriminator": "unet"}}
    plan = TrainingPlan(steps=3, losses=losses)
    assert plan.losses == losses
    assert TrainingPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    assert TrainingPlan.from_dict({"steps": 3}).losses == {"l1": 1.0}


def test_a_warmup_of_all_steps_is_allowed() -> None:
    plan = TrainingPlan(steps=4, warmup=4, learning_rate=1.0)
    assert [learning_rate_at(plan, step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_survives_json() -> None:
    plan = TrainingPlan(steps=9, schedule="multistep", milestones=(3, 6), clip=0.5, seed=7)
    assert TrainingPlan.from_dict(plan.to_dict()) == plan
    assert plan.hr_patch == 128


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, but got 0"),
        ({"steps": True}, "steps must be a whole number"),
        ({"batch": 2.0}, "batch must be a whole number of at least 1, but got 2.0"),
        ({"scale": 5}, "scale must be from 1 to 4, but got 5"),
        ({"learning_rate": 0}, "learning_rate must be above 0, but got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, but got nan"),
        ({"learning_rate": "2e-4"}, "learning_rate must be a number, but got '2e-4'"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1, but got 1.0"),
        ({"clip": 0.0}, "clip must be above 0, or none, but got 0.0"),
        ({"schedule": "linear"}, "schedule must be one of cosine, multistep, constant, but got 'linear'"),
        ({"precision": "fp16"}, "precision must be one of auto, float32, bf16, but got 'fp16'"),
        ({"warmup": 11}, "warmup must be no longer than the 10 steps, but got 11"),
        ({"seed": -1}, "seed must be a whole number of at least 0, but got -1"),
        ({"schedule": "multistep", "milestones": (5, 3)}, "milestones must be rising whole numbers between 0"),
        ({"schedule": "multistep", "milestones": (5, 10)}, "milestones must be rising"),
        ({"schedule": "multistep"}, "needs at least one"),
        ({"milestones": (5,)}, "milestones belong to the multistep schedule"),
        ({"losses": {"l3": 1}}, "losses: must be one of l1, charbonnier, lpips, gan, but got 'l3'"),
        ({"losses": {"l1": -1}}, "losses: the weight of l1 must be a number of at least 0, but got -1"),
        ({"losses": {"l1": "much"}}, "losses: the weight of l1 must be a number of at least 0, but got 'much'"),
        ({"losses": {"l1": 0}}, "losses: at least one must have a weight above 0"),
        ({"losses": {}}, "losses: at least one must have a weight above 0"),
        ({"losses": ["l1"]}, r"losses must map names to weights, such as \{l1: 1\}, but got \['l1'\]"),
        ({"losses": {"gan": {"kind": "bce"}}}, "losses: gan needs a weight"),
        (
            {"losses": {"gan": {"weight": 1, "depth": 3}}},
            "gan: no knob 'depth'; it has discriminator",
        ),
        ({"losses": {"gan": {"weight": 1, "kind": "w"}}}, "gan: kind must be one of bce, lsgan, but got 'w'"),
        (
            {"losses": {"charbonnier": {"weight": 1, "eps": 0}}},
            "charbonnier: eps must be a number above 0",
        ),
        ({"losses": {"gan": 1, "l1": 0}}, "losses: gan needs another beside it, such as l1"),
        ({"losses": {"gan": 1}, "lr_patch": 5}, r"gan needs clean crops of at least 24 pixels, but .* is 20"),
    ],
)
def test_refuses_values_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DegcraftError, match=f"^training plan: .*{message}"):
        TrainingPlan(**{"steps": 10, **arguments})


def test_refuses_unknown_and_missing_fields() -> None:
    with pytest.raises(DegcraftError, match="no field 'epochs'"):
        TrainingPlan.from_dict({"steps": 3, "epochs": 1})
    with pytest.raises(DegcraftError, match="steps must be given"):
        TrainingPlan.from_dict({"batch": 3})
