"""What benchmarks that train share: the start of a scale, fine-tuned on a source, kept in a folder."""

from pathlib import Path

import torch
from torch import nn

from degcraft.degradation import DegradationSource
from degcraft.images import HrPool, bicubic_enlarge
from degcraft.networks import load_network, upscale
from degcraft.reproduction import Network
from degcraft.reproduction.training import trained
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
    network = Network.of(f"start:x{scale}")
    plan = TrainingPlan(
        steps=steps, batch=batch, lr_patch=32, scale=scale, learning_rate=rate, warmup=steps // 20, ema=0.99, seed=seed
    )

    def begin(model: nn.Module, plan: TrainingPlan, precision: Precision | None) -> Trainer:
        return Trainer(model, source, pool, plan, device=device, precision=precision, start=network.identity)

    file = trained(
        network, plan, begin, {"degradation": source.describe()}, pool.content_hash, kept,
        what=str(source.describe()["kind"]), device=device,
    )  # fmt: skip
    return load_network(file).model.to(device).eval()


def scored(network: nn.Module | None, lr: torch.Tensor, scale: int) -> torch.Tensor:
    """(3, H, W) what a network restores of (3, h, w), on the CPU; bicubic without one."""
    if network is None:
        return bicubic_enlarge(lr, scale)
    with torch.inference_mode():
        return upscale(network, lr, scale=scale, tile=256, device=next(network.parameters()).device).cpu()
