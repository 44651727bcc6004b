"""What benchmarks that train share: the start, fine-tuned on a source for a few hundred steps, kept in a folder."""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from degcraft.degradation import DegradationSource
from degcraft.images import HrPool, bicubic_enlarge
from degcraft.learned import JointTrainer, LearnedDegradation, LearnedSource, save_learned
from degcraft.networks import load_network, save_network, upscale
from degcraft.training import Precision, Trainer, TrainingPlan


def finetuned(
    source: DegradationSource,
    pool: HrPool,
    *,
    scale: int,
    steps: int,
    seed: int,
    kept: Path,
    batch: int = 8,
    rate: float = 2e-4,
    device: str = "cpu",
) -> nn.Module:
    """The shipped start of a scale, fine-tuned; read from `kept` where the same was trained before."""
    known = [source.describe(), pool.content_hash, scale, steps, seed, batch, rate]
    name = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:20]
    file = kept / f"{name}.safetensors"
    if file.exists():
        return load_network(file).model.to(device).eval()
    start = load_network(f"start:x{scale}")
    plan = _plan(steps, batch, scale, rate, seed)
    trainer = Trainer(
        start.model, source, pool, plan, device=device, precision=_precision(device), start=f"start:x{scale}"
    )
    trainer.run()
    network = trainer.ema_network().eval()
    save_network(file, network, name=start.name, hyperparameters=start.hyperparameters)
    return network.to(device)


def joint_finetuned(
    model: LearnedDegradation,
    pool: HrPool,
    references: HrPool,
    *,
    scale: int,
    steps: int,
    seed: int,
    kept: Path,
    batch: int = 8,
    rate: float = 2e-4,
    device: str = "cpu",
) -> nn.Module:
    """The same along with a degradation that is learned; both are kept, and gone on with where they were begun."""
    known = [
        LearnedSource(model).describe(),
        pool.content_hash,
        references.content_hash,
        scale,
        steps,
        seed,
        batch,
        rate,
    ]
    name = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:20]
    file, checkpoint = kept / f"{name}.safetensors", kept / f"{name}.checkpoint"
    start = load_network(f"start:x{scale}")
    if not file.exists():
        plan = _plan(steps, batch, scale, rate, seed)
        trainer = JointTrainer(
            start.model, model, pool, references, plan,
            device=device, precision=_precision(device), start=f"start:x{scale}",
        )  # fmt: skip
        if checkpoint.exists():
            trainer.resume(checkpoint)
        while trainer.step < steps:
            trainer.run(until=trainer.step + 50)
            trainer.save(checkpoint)
        save_network(file, trainer.ema_network(), name=start.name, hyperparameters=start.hyperparameters)
        save_learned(kept / f"{name}.pdm.safetensors", trainer.source())
        checkpoint.unlink()
    return load_network(file).model.to(device).eval()


def _plan(steps: int, batch: int, scale: int, rate: float, seed: int) -> TrainingPlan:
    return TrainingPlan(
        steps=steps, batch=batch, lr_patch=32, scale=scale, learning_rate=rate, warmup=steps // 20, ema=0.99, seed=seed
    )


def _precision(device: str) -> Precision | None:
    return Precision(torch.float32, True, "for all alike") if device == "cpu" else None


def scored(network: nn.Module | None, lr: torch.Tensor, scale: int) -> torch.Tensor:
    """(3, H, W) what a network restores of (3, h, w), on the CPU; bicubic without one."""
    if network is None:
        return bicubic_enlarge(lr, scale)
    with torch.inference_mode():
        return upscale(network, lr, scale=scale, tile=256, device=next(network.parameters()).device).cpu()
