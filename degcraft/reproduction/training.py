"""Trainings that are done once: each is kept under what it depends on, and goes on where it was cut off."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from degcraft.cache import read_kept
from degcraft.learned import JointTrainer, save_learned
from degcraft.networks import load_network, save_network
from degcraft.pace import LogPace
from degcraft.reproduction.networks import Network
from degcraft.training import PlannedLoop, Precision, TrainingPlan, stopped_by_signals

STEPS_BETWEEN_CHECKPOINTS = 100

Begin = Callable[[nn.Module, TrainingPlan, Precision | None], PlannedLoop[Any]]
"""A network with its first weights, a plan and an arithmetic → what trains it."""


def trained(
    network: Network,
    plan: TrainingPlan,
    begin: Begin,
    known: Mapping[str, Any],
    images: str,
    kept: Path,
    *,
    what: str,
    dropout: float = 0.0,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> Path:
    """The file of a network once it is trained; a degradation that was learned along lies beside it.

    Args:
        network: What is trained.
        plan: How.
        begin: Makes the loop.
        known: What it is trained on, as plain JSON.
        images: Hash of the clean images.
        kept: Where files and checkpoints are.
        what: It is trained on, in words.
        dropout: Before its last convolution.
        device: Where it is trained.
        say: Told what begins, and now and then how far it is.

    Raises:
        KeyboardInterrupt: A signal stopped it; the same call goes on where it was.
    """
    first = [network.name, dict(network.hyperparameters), network.identity]
    name = digest_of([{**known, "dropout": dropout}, images, *first, plan.to_dict()])
    file, checkpoint = kept / f"{name}.safetensors", kept / f"{name}.checkpoint"
    if read_kept(load_network, file, say, "trained") is not None:
        return file
    # One arithmetic for all rows: chosen by the clock in each, they would differ by their rounding too.
    precision = Precision(torch.float32, True, "for all rows alike") if device == "cpu" else None

    def begun(checkpoint: Path | None = None) -> PlannedLoop[Any]:
        loop = begin(network.build(plan.seed, dropout), plan, precision)
        if checkpoint is not None:
            loop.resume(checkpoint)
        return loop

    loop = read_kept(begun, checkpoint, say, "trained") or begun()
    say(f"training on {what}, from step {loop.step} of {plan.steps}")
    pace = LogPace()
    pace.left(loop.step, plan.steps)
    with stopped_by_signals(loop):
        while loop.step < plan.steps:
            until = min(plan.steps, loop.step + STEPS_BETWEEN_CHECKPOINTS)
            loop.run(until=until)
            loop.save(checkpoint)
            if loop.step < until:
                raise KeyboardInterrupt
            if (left := pace.left(loop.step, plan.steps)) is not None:
                say(f"step {loop.step} of {plan.steps}{left}")
    if isinstance(loop, JointTrainer):
        save_learned(kept / f"{name}.pdm.safetensors", loop.source())
    hyperparameters = {**network.hyperparameters, **({"dropout": dropout} if dropout else {}), "scale": network.scale}
    save_network(file, loop.ema_network(), name=network.name, hyperparameters=hyperparameters)
    checkpoint.unlink()
    return file


def digest_of(known: Any) -> str:
    """Plain JSON as a name of 20 letters."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:20]
