"""What is done once before the trials, and read by all of them: distances, the held-out pairs, the shared start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.features import make_extractor
from degcraft.images import HrPool, Patches
from degcraft.matching import BinDistances, craft_weights
from degcraft.metrics import NiqeModel
from degcraft.networks import load_network
from tune.data import SearchData
from tune.distances import Workers, cache_folder, sharded_distances
from tune.held_out import HeldOut, fit_niqe, proxy_pairs
from tune.progress import counting
from tune.spec import SearchSpec
from tune.trial import distance_name

Starts = Mapping[tuple[int, int], Mapping[str, torch.Tensor]]


@dataclass(frozen=True)
class Measurements:
    """All the distances of a search."""

    spec: SearchSpec
    folder: Path
    console: Console

    def of_trials(self, data: SearchData) -> dict[str, BinDistances]:
        """D of every (extractor, layer) that is searched, by `distance_name`."""
        return {
            distance_name(name, layer): self._measure(name, layer, data.crops, data.fit, "references")
            for name, layer in self.spec.measured()
        }

    def of_judge(self, data: SearchData) -> CraftedDistribution:
        """What the judge makes of the held-out references."""
        judge = self.spec.held_out.judge
        assert data.judge is not None
        assert data.judge_crops is not None
        measured = self._measure(judge.extractor, judge.layer, data.judge_crops, data.judge, "held-out references")
        return CraftedDistribution(
            space=self.spec.degradation_space(),
            weights=craft_weights(measured.distances, judge.alpha),
            distances=measured.distances,
            alpha=judge.alpha,
            extractor=measured.extractor,
            n=measured.n,
            provenance={"search": self.spec.name, "seed": self.spec.seed, "kind": "judge"},
        )

    def _measure(self, name: str, layer: str | None, hr: Patches, references: Patches, what: str) -> BinDistances:
        spec, resources = self.spec, self.spec.resources
        extractor = make_extractor(
            name, layer=layer, weights_file=spec.extractor_weights.get(name), seed=spec.seed, device="cpu"
        )
        with counting(self.console, f"measuring {distance_name(name, layer)} on the {what}", "bins") as progress:
            measured = sharded_distances(
                spec.degradation_space(), hr, references, extractor,
                scale=spec.scale, seed=spec.seed, cache=cache_folder(), progress=progress,
                workers=Workers(resources.distance_cpus, resources.distance_gpus, resources.distance_workers),
            )  # fmt: skip
        beside = self.folder / "distances"
        beside.mkdir(exist_ok=True)
        measured.save(beside / f"{what.replace(' ', '-')}-{distance_name(name, layer).replace(':', '-')}.json")
        return measured


def held_out_part(
    spec: SearchSpec, data: SearchData, pool: HrPool, measurements: Measurements, folder: Path
) -> HeldOut:
    """What all trials are scored on; made from the same seed again on resume."""
    pairs = data.pairs
    if pairs is None:
        judged = measurements.of_judge(data)
        judged.save(folder / "judge.json")
        assert data.judge_crops is not None
        pairs = proxy_pairs(data.judge_crops, judged, spec)
    return HeldOut(
        kind="proxy" if data.pairs is None else "ground truth",
        pairs=pairs,
        references=data.held_out,
        metric=spec.held_out.metric,
        border=spec.border,
        scale=spec.scale,
        niqe=_niqe(spec, pool, folder / "niqe.npz"),
        lpips_weights=spec.lpips_weights,
    )


def _niqe(spec: SearchSpec, pool: HrPool, kept: Path) -> NiqeModel:
    if spec.niqe_model is not None:
        return NiqeModel.load(spec.niqe_model)
    if kept.exists():
        return NiqeModel.load(kept)
    model = fit_niqe(pool.arrays)
    model.save(kept)
    return model


def given_start(spec: SearchSpec) -> Starts:
    """The weights that `training.warm_start` names, for the one architecture that is searched.

    Raises:
        DegcraftError: The file holds another network, or several architectures are searched.
    """
    assert spec.training.warm_start is not None
    loaded = load_network(spec.training.warm_start)
    channels, blocks = spec.architectures()[0]
    wanted = {"channels": channels, "blocks": blocks}
    has = {name: loaded.hyperparameters.get(name) for name in wanted}
    if loaded.name != spec.training.network or loaded.scale != spec.scale or has != wanted:
        raise DegcraftError(
            f"training.warm_start: must hold {spec.training.network} of scale {spec.scale} with {wanted}, but "
            f"{spec.training.warm_start} holds {loaded.name} of scale {loaded.scale} with {has}"
        )
    if len(spec.architectures()) > 1:
        raise DegcraftError(
            "training.warm_start: fits one architecture, but search.channels and search.blocks name "
            f"{len(spec.architectures())}; leave it out to train a shared network for each"
        )
    return {(channels, blocks): loaded.model.state_dict()}
