"""One trial: a distribution, one network trained on it from the shared start, one score on the held-out images."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.fs
import torch
from ray.tune import Checkpoint, get_checkpoint, report

from degcraft.degradation import BoxSource, CraftedDistribution, DegradationSource
from degcraft.images import HrPool
from degcraft.matching import BinDistances, craft_weights
from degcraft.networks import build_network, save_network
from degcraft.training import Trainer, TrainingDiverged, TrainingPlan
from tune.cluster import worker_device, worker_threads
from tune.held_out import HeldOut
from tune.spec import SearchSpec

Kind = Literal["crafted", "uniform", "upper bound", "shared"]
"""What a trial trains on: a crafted distribution; the whole space (the baseline); the true box (synthetic runs);
or the whole space from scratch, which makes the network that all the others start from."""

TRAINER, MODEL, CRAFTED, WEIGHTS = "trainer.pt", "model.safetensors", "crafted.json", "weights.npy"
SAMPLES, SCORES = "samples.npz", "scores.json"
"""Names of the files in a trial's checkpoint."""


@dataclass(frozen=True)
class TrialConfig:
    """What tells one trial from another."""

    kind: Kind
    channels: int
    blocks: int
    learning_rate: float
    alpha: float | None = None
    extractor: str | None = None
    layer: str | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "TrialConfig":
        """From a Ray Tune configuration."""
        return cls(**config)

    def label(self) -> str:
        """How a table names the trial."""
        if self.kind != "crafted":
            return self.kind
        return f"{self.extractor}:{self.layer}" if self.layer else str(self.extractor)

    def architecture(self) -> tuple[int, int]:
        return self.channels, self.blocks


def distribution(config: TrialConfig, spec: SearchSpec, distances: Mapping[str, BinDistances]) -> CraftedDistribution:
    """The distribution that a trial trains on, with where it came from.

    Args:
        config: The trial.
        spec: The search.
        distances: D by `distance_name` of extractor and layer.
    """
    space = spec.degradation_space()
    provenance = {"search": spec.name, "seed": spec.seed, "kind": config.kind}
    if config.kind == "upper bound":
        assert spec.synthetic is not None
        bounds = spec.synthetic.bounds()
        return CraftedDistribution(
            space=space, weights=space.overlap(bounds), distances=None, alpha=None, extractor=None, n=None,
            provenance=provenance | {"box": {name: list(ends) for name, ends in bounds.items()}},
        )  # fmt: skip
    if config.kind != "crafted":
        return CraftedDistribution.uniform(space)
    assert config.extractor is not None
    assert config.alpha is not None
    measured = distances[distance_name(config.extractor, config.layer)]
    return CraftedDistribution(
        space=space,
        weights=craft_weights(measured.distances, config.alpha),
        distances=measured.distances,
        alpha=config.alpha,
        extractor=measured.extractor,
        n=measured.n,
        provenance=provenance | {"hr": measured.hr_hash, "references": measured.reference_hash},
    )


def distance_name(extractor: str, layer: str | None) -> str:
    """The key under which distances are kept."""
    return f"{extractor}:{layer}" if layer else extractor


def run_trial(
    config: dict[str, Any],
    *,
    spec: SearchSpec,
    pool: HrPool,
    held_out: HeldOut,
    distances: Mapping[str, BinDistances],
    starts: Mapping[tuple[int, int], Mapping[str, torch.Tensor]],
) -> None:
    """Ray Tune's trainable: train from the last checkpoint or the shared start, score and report along the way.

    Args:
        config: A `TrialConfig` as a dictionary.
        spec: The search.
        pool: Clean images to train on.
        held_out: What scores.
        distances: D by `distance_name`, for crafted trials.
        starts: Weights of the shared network by architecture; empty where a trial starts from scratch.
    """
    torch.set_num_threads(worker_threads())
    trial = TrialConfig.of(config)
    device = worker_device()
    crafted = distribution(trial, spec, distances)
    trainer = Trainer(_network(trial, spec), _source(trial, spec, crafted), pool, _plan(trial, spec), device=device)
    checkpoint = get_checkpoint()
    # A driver killed just after it dropped a finished trial's checkpoint has Ray Tune start that trial again: then it
    # starts anew, and ends as it did.
    if checkpoint is not None and is_there(checkpoint):
        with checkpoint.as_directory() as folder:
            trainer.resume(Path(folder) / TRAINER)
    elif trial.architecture() in starts:
        trainer.warm_start(starts[trial.architecture()])

    for until in report_steps(trainer.plan.steps, spec.training.reports):
        if until <= trainer.step:
            continue
        first = len(trainer.loss_history)
        try:
            trainer.run(until=until)
        except TrainingDiverged as error:
            # Drawn again from the same checkpoint it would diverge again: a result, not a crash to retry.
            report({"step": trainer.step, "score": float("nan"), "failed": str(error)})
            return
        network = trainer.ema_network()
        scores, samples = held_out.score(network, device)
        loss = float(np.mean(trainer.loss_history[first:]))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            trainer.save(folder / TRAINER)
            _save_model(folder / MODEL, network, trial, spec, crafted)
            crafted.save(folder / CRAFTED)
            np.save(folder / WEIGHTS, np.asarray(crafted.weights))
            np.savez(folder / SAMPLES, *samples)
            (folder / SCORES).write_text(json.dumps({"step": trainer.step, **scores}))
            report(
                {
                    "step": trainer.step,
                    "whole": trainer.step == trainer.plan.steps,
                    "loss": loss,
                    "device": device,
                    "precision": trainer.precision.reason,
                    "effective_bins": crafted.effective_bins,
                    **scores,
                },
                checkpoint=Checkpoint.from_directory(name),
            )


def is_there(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint's files are still in its storage."""
    assert checkpoint.filesystem is not None
    return checkpoint.filesystem.get_file_info(checkpoint.path).type != pyarrow.fs.FileType.NotFound


def report_steps(steps: int, reports: int) -> list[int]:
    """The steps at which a trial of so many steps is scored; the last one is always its end."""
    return sorted({max(1, round(steps * (index + 1) / reports)) for index in range(reports)})


def _network(trial: TrialConfig, spec: SearchSpec) -> torch.nn.Module:
    return build_network(
        spec.training.network, scale=spec.scale, seed=spec.seed, channels=trial.channels, blocks=trial.blocks
    )


def _source(trial: TrialConfig, spec: SearchSpec, crafted: CraftedDistribution) -> DegradationSource:
    if trial.kind == "upper bound":
        # The box itself and not the bins that it touches: a bin may reach beyond it.
        assert spec.synthetic is not None
        return BoxSource(spec.synthetic.bounds())
    return crafted.source()


def _plan(trial: TrialConfig, spec: SearchSpec) -> TrainingPlan:
    training = spec.training
    return TrainingPlan(
        steps=training.warm_start_steps if trial.kind == "shared" else training.steps,
        batch=training.batch,
        lr_patch=training.lr_patch,
        scale=spec.scale,
        learning_rate=trial.learning_rate,
        schedule=training.schedule,
        milestones=tuple(training.milestones),
        ema=training.ema,
        clip=training.clip,
        precision=training.precision,
        # One seed for all: trials see the same crops and flips, so that they differ by their distribution alone.
        seed=spec.seed,
    )


def _save_model(
    path: Path, network: torch.nn.Module, trial: TrialConfig, spec: SearchSpec, crafted: CraftedDistribution
) -> None:
    save_network(
        path,
        network,
        name=spec.training.network,
        hyperparameters={"scale": spec.scale, "channels": trial.channels, "blocks": trial.blocks},
        metadata={
            "search": spec.name,
            "trial": json.dumps(asdict(trial)),
            "effective_bins": f"{crafted.effective_bins:.3f}",
        },
    )
