"""What is done once before the trials, and read by all of them: distances, the held-out pairs, the arithmetic."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
import torch
from rich.console import Console

from degcraft.cache import cache_folder, read_kept
from degcraft.degradation import DegradationSource
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import HrPool, Patches
from degcraft.images.atomic import written_whole
from degcraft.learned import begin_degradation, check_unpaired
from degcraft.matching import (
    Measurement,
    Reliability,
    assess,
    craft,
    crafted_features,
    image_features,
    make_weighting,
)
from degcraft.matching.crafting import DRAWS, crafted_by
from degcraft.matching.estimates import beliefs, mild_degradations
from degcraft.metrics import LpipsMetric, NiqeModel
from degcraft.networks import build_network
from degcraft.training import Precision, choose_precision
from tune.cluster import worker_device, worker_threads
from tune.config import TrialConfig, measurement_name, network_key, network_label
from tune.data import SearchData
from tune.folder import SearchFolder
from tune.held_out import HeldOut, aligned_pairs, fit_niqe, photos_of, proxy_pairs, without_degenerate
from tune.measuring import Workers, sharded_measurement
from tune.progress import counting
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.trial import plan_of

Starts = Mapping[str, Mapping[str, torch.Tensor]]
"""Weights to start from, by `network_key`."""


@dataclass(frozen=True)
class Measurements:
    """All the measurements of a search."""

    spec: SearchSpec
    folder: SearchFolder
    console: Console

    def of_trials(self, data: SearchData) -> dict[str, Measurement]:
        """Every (extractor, layer) that is searched, by `measurement_name`."""
        return {
            measurement_name(name, layer): self._measure(name, layer, data.crops, data.fit, "references")
            for name, layer in self.spec.measured()
        }

    def of_judge(self, data: SearchData) -> DegradationSource:
        """What the judge makes of the held-out references, kept in a file."""
        kept = self.folder.judge
        judge = self.spec.held_out.judge
        assert data.judge is not None
        assert data.judge_crops is not None
        if judge.proxies == "estimates":
            extractor = self._extractor(judge.extractor, judge.layer)
            features = image_features(data.judge.pixels, extractor)
            found = beliefs(extractor.name, features, self.spec.scale)
            source = mild_degradations(found, judge.quantile, blur=self.spec.held_out.judged_blur)
            with written_whole(kept) as temporary:
                temporary.write_text(json.dumps(source.describe(), indent=1), encoding="utf-8")
            return source
        measured = self._measure(judge.extractor, judge.layer, data.judge_crops, data.judge, "held-out references")
        provenance = {"search": self.spec.name, "seed": self.spec.seed, "kind": "judge"}
        judged = craft(measured, judge.weighting, intervals=False, provenance=provenance)
        judged.save(kept)
        return judged.source()

    def reliability(self, data: SearchData, measured: Mapping[str, Measurement]) -> dict[str, Reliability]:
        """How far the first weighting's weights can be relied on, by `measurement_name`."""
        weighting = {"name": self.spec.weightings[0]}
        found = {}
        for name, known in measured.items():
            method, extractor = make_weighting(known, weighting), self._extractor(known.extractor, known.layer)
            with self.console.status(f"asking how far {name} can be relied on"):
                crafted = crafted_by(method, known, weighting, draws=None)
                made = crafted_features(crafted, known, data.crops, extractor)
                found[name] = assess(
                    known, method, draws=method.draws(DRAWS, self.spec.seed, widened=False),
                    files=data.fit.names(), scenes=data.scenes, crafted=made,
                )  # fmt: skip
        return found

    def _measure(self, name: str, layer: str | None, hr: Patches, references: Patches, what: str) -> Measurement:
        spec, resources = self.spec, self.spec.resources
        extractor = self._extractor(name, layer)
        space, title = spec.degradation_space(), f"measuring {measurement_name(name, layer)} on the {what}"
        with counting(self.console, title, "rounds" if space.is_sampled else "bins", space.groups) as progress:
            measured = sharded_measurement(
                space, hr, references, extractor,
                scale=spec.scale, seed=spec.seed, cache=cache_folder("measurements"), progress=progress,
                say=partial(self.console.print, soft_wrap=True),
                workers=Workers(resources.distance_cpus, resources.distance_gpus, resources.distance_workers),
            )  # fmt: skip
        beside = self.folder.measurements
        beside.mkdir(exist_ok=True)
        measured.save(beside / f"{what.replace(' ', '-')}-{measurement_name(name, layer).replace(':', '-')}.npz")
        return measured

    def _extractor(self, name: str, layer: str | None) -> FeatureExtractor:
        weights_file = self.spec.extractor_weights.get(name)
        return make_extractor(name, layer=layer, weights_file=weights_file, seed=self.spec.seed, device="cpu")


def held_out_part(
    spec: SearchSpec, data: SearchData, pool: HrPool, measurements: Measurements, folder: SearchFolder
) -> HeldOut:
    """What all trials are scored on; made from the same seed again on resume."""
    pairs = data.pairs
    if pairs is not None and spec.synthetic is None and spec.held_out.align == "auto":
        pairs, told = aligned_pairs(pairs, spec.scale)
        measurements.console.print(told, highlight=False, soft_wrap=True)
    if pairs is None:
        judged = measurements.of_judge(data)
        assert data.judge_crops is not None
        pairs = proxy_pairs(data.judge_crops, judged, spec)
    pairs, notes = without_degenerate(pairs, spec.scale, spec.border)
    if spec.held_out.metric == "lpips" and (note := LpipsMetric(weights_file=spec.lpips_weights).note):
        notes = [*notes, note]
    for note in notes:
        measurements.console.print(note, highlight=False, soft_wrap=True)
    return HeldOut(
        kind="proxy" if data.pairs is None else "ground truth",
        pairs=pairs,
        references=data.held_out,
        metric=spec.held_out.metric,
        border=spec.border,
        scale=spec.scale,
        niqe=niqe_model(spec, pool, folder.niqe, measurements.console),
        lpips_weights=spec.lpips_weights,
        photos=() if data.judge is None else photos_of(data.judge),
    )


def references_of(spec: SearchSpec, data: SearchData, pool: HrPool) -> HrPool | None:
    """What a degradation is learned of, none that is held out among it; None where none is learned.

    Raises:
        DegcraftError: see `begin_degradation` and `check_unpaired`.
    """
    if spec.pdm is None:
        return None
    # What stands behind it may be a file: a wrong one is said before anything is trained.
    begin_degradation(spec.scale, spec.seed, spec.pdm)
    references = HrPool(list(data.fit.pixels.numpy()))
    check_unpaired(pool, references, spec.training.lr_patch)
    return references


def niqe_model(spec: SearchSpec, pool: HrPool, kept: Path, console: Console) -> NiqeModel:
    """The one that the specification names, or the one that was fitted to the clean images and kept; a damaged one is
    named and fitted anew.
    """
    if spec.niqe_model is not None:
        return NiqeModel.load(spec.niqe_model)
    say = partial(console.print, soft_wrap=True, markup=False, highlight=False)
    if (found := read_kept(NiqeModel.load, kept, say, "fitted")) is not None:
        return found
    model = fit_niqe(pool.arrays)
    model.save(kept)
    return model


def measured_precisions(
    spec: SearchSpec, networks: Sequence[Mapping[str, Any]], state: SearchState, console: Console
) -> dict[str, dict[str, Any]]:
    """The arithmetic of each network, by `network_key`, measured once where a trial would run; empty if it is given.

    One choice for all trials of a network: chosen by the clock in each, they would differ by their rounding too. It is
    kept for a resume.
    """
    if spec.training.precision != "auto":
        return {}
    found: dict[str, dict[str, Any]] = state.notes.get("precisions", {})
    for network in networks:
        if network_key(network) in found:
            continue
        task: Any = ray.remote(_measured_precision)
        resources = spec.resources
        with console.status(f"measuring the arithmetic of {network_label(network)}"):
            remote = task.options(num_cpus=resources.cpus, num_gpus=resources.gpus).remote(spec, dict(network))
            precision: Precision = ray.get(remote)
        console.print(f"precision of {network_label(network)}: {precision}", highlight=False, soft_wrap=True)
        found[network_key(network)] = precision.to_dict()
        state.note("precisions", found)
    return found


def _measured_precision(spec: SearchSpec, network: dict[str, Any]) -> Precision:
    torch.set_num_threads(worker_threads())
    model = build_network(**network, scale=spec.scale, seed=spec.seed)
    return choose_precision(worker_device(), model, plan_of(TrialConfig("uniform", network), spec))
