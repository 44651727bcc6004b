"""One row of a search: a distribution, a network trained on it from its start, one score on the held-out images."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray.tune import Checkpoint, get_checkpoint, report

from degcraft.degradation import Blocks, BoxSource, CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.learned import JointTrainer, begin_degradation, save_learned
from degcraft.matching import Measurement, craft
from degcraft.networks import build_network, save_network
from degcraft.training import PlannedLoop, Precision, Trainer, TrainingDiverged, TrainingPlan
from degcraft.training.losses import with_weights
from tune.checkpoints import CRAFTED, LEARNED, MODEL, SAMPLES, SCORES, TRAINER, WEIGHTS, kept_checkpoints
from tune.cluster import worker_device, worker_threads
from tune.config import TRAINED, TrialConfig, measurement_name, network_key
from tune.held_out import HeldOut, Scores
from tune.spec import SearchSpec
from tune.trial_pictures import draw_trial


def distribution(config: TrialConfig, spec: SearchSpec, measured: Mapping[str, Measurement]) -> CraftedDistribution:
    """The distribution that a trial trains on, with where it came from.

    Args:
        config: The trial.
        spec: The search.
        measured: By `measurement_name` of extractor and layer.
    """
    space = spec.degradation_space()
    provenance = {"search": spec.name, "seed": spec.seed, "kind": config.kind}
    if config.kind == "upper bound":
        assert spec.synthetic is not None
        bounds = spec.synthetic.bounds()
        weights, blocks = (
            (np.ones(1), Blocks.around(space, bounds)) if space.is_sampled else (space.overlap(bounds), None)
        )
        return CraftedDistribution(
            space=space, weights=weights, blocks=blocks, distances=None, extractor=None, n=None,
            provenance=provenance | {"box": {name: list(ends) for name, ends in bounds.items()}},
        )  # fmt: skip
    if config.kind != "crafted":
        return CraftedDistribution.uniform(space)
    known = measured[measurement_name(config.distribution["extractor"], config.distribution["layer"])]
    return craft(known, config.weighting(), intervals=False, provenance=provenance)


def run_trial(
    config: dict[str, Any],
    *,
    spec: SearchSpec,
    pool: HrPool,
    held_out: HeldOut,
    measured: Mapping[str, Measurement],
    starts: Mapping[str, Mapping[str, torch.Tensor]],
    precisions: Mapping[str, Mapping[str, Any]],
    experiment: str,
    references: HrPool | None = None,
) -> None:
    """Ray Tune's trainable: train from the last checkpoint or the start, score and report along the way.

    Args:
        config: A `TrialConfig` as a dictionary, with the trial's `key`.
        spec: The search.
        pool: Clean images to train on.
        held_out: What scores.
        measured: By `measurement_name`, for crafted trials.
        starts: Weights to start from by `network_key`; a network that is missing is trained from scratch.
        precisions: The arithmetic by `network_key`, where it was measured for the whole search.
        experiment: Folder or URI with the checkpoints of this sitting and those before.
        references: What `pdm` trials learn the degradation of.
    """
    torch.set_num_threads(worker_threads())
    trial = TrialConfig.of(config)
    if trial.kind in TRAINED:
        earlier = kept_checkpoints(experiment, config["key"])
        _train(trial, spec, pool, held_out, measured, starts, precisions, earlier, references)
    else:
        _score(trial, spec, held_out, starts)


def _score(
    trial: TrialConfig, spec: SearchSpec, held_out: HeldOut, starts: Mapping[str, Mapping[str, torch.Tensor]]
) -> None:
    """A row that needs no training: bicubic, or the start as it is."""
    device = worker_device()
    network = None
    if trial.kind == "start":
        network = _network(trial, spec)
        network.load_state_dict(starts[network_key(trial.network)])
        network = network.to(device).eval()
    scores = held_out.score(network, device)
    with tempfile.TemporaryDirectory() as name:
        _write_scores(Path(name), 0, scores)
        if network is not None:
            _save_model(Path(name) / MODEL, network, trial, spec, None)
        draw_trial(Path(name), trial.title(), spec, held_out)
        report(
            {"step": 0, "whole": True, "device": device, **scores.report()},
            checkpoint=Checkpoint.from_directory(name),
        )


def _train(
    trial: TrialConfig,
    spec: SearchSpec,
    pool: HrPool,
    held_out: HeldOut,
    measured: Mapping[str, Measurement],
    starts: Mapping[str, Mapping[str, torch.Tensor]],
    precisions: Mapping[str, Mapping[str, Any]],
    earlier: list[Checkpoint],
    references: HrPool | None,
) -> None:
    device = worker_device()
    key = network_key(trial.network)
    precision = Precision.from_dict(precisions[key]) if key in precisions else None
    crafted = None if trial.kind in ("pdm", "comparator") else distribution(trial, spec, measured)

    def begin() -> PlannedLoop[Any]:
        network, plan = _network(trial, spec), plan_of(trial, spec)
        if trial.kind == "pdm":
            assert references is not None
            model, how = begin_degradation(spec.scale, spec.seed, spec.pdm or {})
            return JointTrainer(network, model, pool, references, plan, **how, device=device, precision=precision)
        return Trainer(network, _source(trial, spec, crafted), pool, plan, device=device, precision=precision)

    trainer, said = _resumed(begin, earlier)
    if trainer is None:
        trainer = begin()
        if key in starts and trial.kind != "shared":
            trainer.warm_start(starts[key])
    # A worker that died goes on behind its last report. After a kill of the driver it is not known what the driver
    # had made of that, so it is given again.
    again = get_checkpoint() is None

    for until in report_steps(trainer.plan.steps, spec.training.reports):
        if until < trainer.step or (until == trainer.step and not again):
            continue
        first = len(trainer.loss_history)
        try:
            trainer.run(until=until)
        except TrainingDiverged as error:
            # Drawn again from the same checkpoint it would diverge again: a result, not a crash to retry.
            report({"step": trainer.step, "score": float("nan"), "failed": str(error)})
            return
        network = trainer.ema_network()
        scores = held_out.score(network, device)
        if (failure := scores.failure()) is not None:
            report({"step": trainer.step, "score": float("nan"), "failed": failure})
            return
        losses = trainer.loss_history[first:]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            trainer.save(folder / TRAINER)
            _save_model(folder / MODEL, network, trial, spec, crafted)
            if isinstance(trainer, JointTrainer):
                save_learned(folder / LEARNED, trainer.source())
            if crafted is not None:
                crafted.save(folder / CRAFTED)
                np.save(folder / WEIGHTS, np.asarray(crafted.weights))
            _write_scores(folder, trainer.step, scores)
            if trainer.step == trainer.plan.steps and trial.kind != "shared":
                # Here, where many do so side by side: drawn by the driver, pictures were most of what it does.
                draw_trial(folder, trial.title(), spec, held_out)
            report(
                {
                    "step": trainer.step,
                    "whole": trainer.step == trainer.plan.steps,
                    **({"loss": float(np.mean(losses))} if losses else {}),
                    "said": said,
                    "device": device,
                    "precision": str(trainer.precision),
                    **({} if crafted is None else {"effective_bins": crafted.effective_bins}),
                    **scores.report(),
                },
                checkpoint=Checkpoint.from_directory(name),
            )


def _resumed(
    begin: Callable[[], PlannedLoop[Any]], checkpoints: list[Checkpoint]
) -> tuple[PlannedLoop[Any] | None, str]:
    """The training from the first checkpoint that is whole, and what there is to say of those that are not."""
    said = ""
    for checkpoint in checkpoints:
        trainer = begin()
        try:
            with checkpoint.as_directory() as folder:
                trainer.resume(Path(folder) / TRAINER)
        except (DegcraftError, OSError) as error:
            said = f"goes on from an earlier checkpoint or its start, as one cannot be used ({error})"
        else:
            return trainer, said
    return None, said


def report_steps(steps: int, reports: int) -> list[int]:
    """The steps at which a trial of so many steps is scored; the last one is always its end."""
    return sorted({max(1, round(steps * (index + 1) / reports)) for index in range(reports)})


def steps_of(trial: TrialConfig, spec: SearchSpec) -> int:
    """How many steps a row trains."""
    if trial.kind not in TRAINED:
        return 0
    return spec.training.start_steps if trial.kind == "shared" else spec.training.steps


def plan_of(trial: TrialConfig, spec: SearchSpec) -> TrainingPlan:
    """The training of a trial; raises DegcraftError where the specification asks for what cannot be."""
    training, steps = spec.training, steps_of(trial, spec)
    return TrainingPlan(
        steps=steps,
        batch=training.batch,
        lr_patch=training.lr_patch,
        scale=spec.scale,
        schedule=training.schedule,
        milestones=tuple(training.milestones),
        warmup=round(training.warmup * steps),
        ema=training.ema,
        clip=training.clip,
        losses=_losses(spec),
        precision=training.precision,
        # One seed for all: trials see the same crops and flips, so that they differ by their distribution alone.
        seed=spec.seed,
        **trial.training,
    )


def _losses(spec: SearchSpec) -> dict[str, Any]:
    """The losses, LPIPS among them with the backbone that the score takes too."""
    losses = spec.training.losses
    if "lpips" in losses and spec.lpips_weights is not None:
        return with_weights(losses, "lpips", spec.lpips_weights)
    return losses


def _network(trial: TrialConfig, spec: SearchSpec) -> torch.nn.Module:
    return build_network(**trial.network, scale=spec.scale, seed=spec.seed)


def _source(trial: TrialConfig, spec: SearchSpec, crafted: CraftedDistribution | None) -> DegradationSource:
    if crafted is None:
        return spec.comparator(trial.distribution["degradation"])
    if trial.kind == "upper bound":
        # The box itself and not the bins that it touches: a bin may reach beyond it.
        assert spec.synthetic is not None
        return BoxSource(spec.synthetic.bounds())
    return crafted.source()


def _write_scores(folder: Path, step: int, scores: Scores) -> None:
    np.savez(folder / SAMPLES, *scores.samples)
    (folder / SCORES).write_text(json.dumps({"step": step, **scores.report()}))


def _save_model(
    path: Path, network: torch.nn.Module, trial: TrialConfig, spec: SearchSpec, crafted: CraftedDistribution | None
) -> None:
    hyperparameters = {key: value for key, value in trial.network.items() if key != "name"}
    metadata = {"search": spec.name, "trial": json.dumps(trial.to_dict())}
    if crafted is not None:
        metadata["effective_bins"] = f"{crafted.effective_bins:.3f}"
    save_network(
        path,
        network,
        name=trial.network["name"],
        hyperparameters={"scale": spec.scale, **hyperparameters},
        metadata=metadata,
    )
