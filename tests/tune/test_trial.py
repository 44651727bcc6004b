"""One trial, run in this process: its checkpoint, its score, and that it repeats and resumes exactly."""

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from ray.tune import Checkpoint
from rich.console import Console
from safetensors.torch import load_file

import tune.trial
from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.learned import load_learned
from degcraft.metrics import NiqeModel
from degcraft.networks import NETWORKS, build_network, load_network, upscale
from tests.damage import DAMAGES
from tests.networks.toy import SPEC as TOY
from tracking.packaging import package_network
from tune.architectures import Architectures
from tune.checkpoints import CRAFTED, LEARNED, MODEL, SCORES, TRAINER
from tune.config import Kind, TrialConfig, network_key
from tune.data import Pair, SearchData, read_data
from tune.held_out import HeldOut, aligned_pairs, fit_niqe, proxy_pairs, without_degenerate
from tune.preparation import niqe_model, references_of
from tune.search_space import SearchSpace
from tune.sections import NetworkSection
from tune.spec import SearchSpec
from tune.trial import report_steps, run_trial

NETWORK = {"name": "srresnet", "channels": 4, "blocks": 1}
SIGMA = {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2}


class Session:
    """Stands in for Ray Tune's session in one sitting: keeps what is reported, and the last checkpoint.

    Args:
        experiment: Folder of the experiment, with what earlier sittings left.
        sitting: Of the trial t003.
        stop_after: So many reports, as a kill does.
        died: Whether the worker had died and was started again in the same sitting.
    """

    def __init__(
        self, experiment: Path, sitting: int = 1, *, stop_after: int | None = None, died: bool = False
    ) -> None:
        self.experiment, self.stop_after, self.died = experiment, stop_after, died
        self.folder = experiment / f"t003.{sitting}" / "checkpoint_000000"
        self.reports: list[dict[str, Any]] = []

    def report(self, metrics: dict[str, Any], checkpoint: Checkpoint | None = None) -> None:
        self.reports.append(metrics)
        if checkpoint is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            shutil.copytree(checkpoint.path, self.folder)
        if len(self.reports) == self.stop_after:
            raise KeyboardInterrupt

    def get_checkpoint(self) -> Checkpoint | None:
        return Checkpoint.from_directory(str(self.folder)) if self.died else None


@pytest.fixture
def spec(photographs: Path, tmp_path: Path) -> SearchSpec:
    return SearchSpec.model_validate(
        {
            "name": "s",
            "references": str(photographs / "others"),
            "hr": str(photographs / "clean"),
            "output": str(tmp_path / "out"),
            "scale": 2,
            "synthetic": {"box": {"blur_sigma": [2.0, 4.0]}},
            "space": [SIGMA],
            "patches": {"count": 8, "size": 40},
            "held_out": {"size": 64, "count": 2},
            "training": {"steps": 6, "reports": 3, "batch": 2, "lr_patch": 16, "precision": "float32"},
        }
    )


def run(
    spec: SearchSpec, kind: Kind | dict[str, Any], session: Session, monkeypatch: pytest.MonkeyPatch, starts: Any = None
) -> dict[str, torch.Tensor]:
    data, pool = read_data(spec)
    monkeypatch.setattr(tune.trial, "report", session.report)
    monkeypatch.setattr(tune.trial, "get_checkpoint", session.get_checkpoint)
    monkeypatch.setattr(tune.trial, "worker_device", lambda: "cpu")
    monkeypatch.setattr(tune.trial, "worker_threads", lambda: 1)
    with contextlib.suppress(KeyboardInterrupt):
        run_trial(
            config(kind) if isinstance(kind, str) else kind,
            spec=spec, pool=pool, held_out=held_out(spec, data, pool), measured={}, starts=starts or {},
            precisions={}, references=references_of(spec, data, pool), experiment=str(session.experiment),
        )  # fmt: skip
    return load_file(session.folder / MODEL) if (session.folder / MODEL).exists() else {}


def config(kind: Kind) -> dict[str, Any]:
    return TrialConfig(kind, {} if kind == "bicubic" else NETWORK, {"learning_rate": 1e-3}).to_dict() | {"key": "t003"}


def held_out(spec: SearchSpec, data: SearchData, pool: HrPool) -> HeldOut:
    assert data.pairs is not None
    niqe: NiqeModel = fit_niqe(pool.arrays)
    return HeldOut("ground truth", data.pairs, data.held_out, "psnr", 2, 2, niqe, None)


def test_a_trial_draws_its_pictures_when_it_ends(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, stopped = Session(tmp_path / "ended"), Session(tmp_path / "stopped", stop_after=2)
    run(spec, "uniform", ended, monkeypatch)
    run(spec, "uniform", stopped, monkeypatch)
    assert {"weights.png", "samples.png"} <= {path.name for path in ended.folder.iterdir()}
    assert list(stopped.folder.glob("*.png")) == [], "the driver draws what it stopped early"


def test_a_trial_repeats_and_resumes_bit_for_bit(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Session(tmp_path / "whole")
    expected = run(spec, "uniform", whole, monkeypatch)
    again = run(spec, "uniform", Session(tmp_path / "again"), monkeypatch)
    assert all(torch.equal(again[name], expected[name]) for name in expected)

    scores = [report["score"] for report in whole.reports]

    def same(found: dict[str, torch.Tensor]) -> bool:
        return all(torch.equal(found[name], expected[name]) for name in expected)

    # After a kill of the driver the last report comes again, after one of the worker it does not.
    for name, died, reports in (("driver", False, scores[1:]), ("worker", True, scores[2:])):
        stopped = Session(tmp_path / name, stop_after=2)
        run(spec, "uniform", stopped, monkeypatch)
        assert [report["score"] for report in stopped.reports] == scores[:2]
        resumed = Session(tmp_path / name, 1 if died else 2, died=died)
        assert same(run(spec, "uniform", resumed, monkeypatch))
        assert [report["score"] for report in resumed.reports] == reports
    over = Session(tmp_path / "whole", 2)
    assert same(run(spec, "uniform", over, monkeypatch))
    assert [report["score"] for report in over.reports] == scores[2:]


def test_a_degradation_learned_along_is_kept_and_resumes(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}
    changed = {
        **spec.model_dump(mode="json"), "pdm": knobs, "patches": {"count": 32, "size": 24, "structured": 1.0},
        "training": {"steps": 4, "reports": 2, "batch": 2, "lr_patch": 24, "precision": "float32"},
    }  # fmt: skip
    learning = SearchSpec.model_validate(changed)
    whole, stopped = Session(tmp_path / "whole"), Session(tmp_path / "stopped", stop_after=1)
    expected = run(learning, "pdm", whole, monkeypatch)
    run(learning, "pdm", stopped, monkeypatch)
    resumed = Session(tmp_path / "stopped", 2)
    assert all(torch.equal(w, expected[n]) for n, w in run(learning, "pdm", resumed, monkeypatch).items())
    assert not (whole.folder / CRAFTED).exists()
    assert "effective_bins" not in whole.reports[-1]
    kept, again = (load_learned(session.folder / LEARNED) for session in (whole, resumed))
    assert kept.identity == again.identity
    assert kept.training["steps"] == 4


def test_a_comparator_trains_on_what_it_names(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SearchSpec.model_validate({**spec.model_dump(mode="json"), "compare": ["bsrgan", "box:blur_sigma=3"]})
    found = {}
    for text in asked.compare:
        session = Session(tmp_path / text)
        whole = config("comparator") | {"distribution": {"degradation": text}}
        found[text] = run(asked, whole, session, monkeypatch)
        assert not (session.folder / CRAFTED).exists()
        assert session.reports[-1]["score"] == session.reports[-1]["psnr"]
    first, second = found.values()
    assert any(not torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("damage", [*DAMAGES, "gone"])
def test_a_damaged_checkpoint_means_to_start_anew(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    expected = run(spec, "uniform", Session(tmp_path / "whole"), monkeypatch)
    stopped = Session(tmp_path / "damaged", stop_after=2)
    run(spec, "uniform", stopped, monkeypatch)
    file = stopped.folder / TRAINER
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(DAMAGES[damage](content))
    anew = Session(tmp_path / "damaged", 2)
    assert all(torch.equal(w, expected[n]) for n, w in run(spec, "uniform", anew, monkeypatch).items())
    assert [report["step"] for report in anew.reports] == [2, 4, 6]
    assert "cannot be used" in anew.reports[0]["said"]
    assert TRAINER in anew.reports[0]["said"]


def test_what_a_checkpoint_holds(spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(tmp_path / "bound")
    run(spec, "upper bound", session, monkeypatch)
    assert (session.folder / TRAINER).exists()
    crafted = CraftedDistribution.load(session.folder / CRAFTED)
    np.testing.assert_allclose(crafted.weights, [0.0, 1.0])
    last = session.reports[-1]
    assert last["whole"]
    assert last["score"] == last["psnr"]
    assert {"ssim", "loss", "device", "precision", "effective_bins"} <= set(last)


def test_divergence_is_a_result(spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from degcraft.training import Trainer, TrainingDiverged

    def diverge(self: Trainer, until: int | None = None) -> None:
        raise TrainingDiverged("the loss is not a number")

    session = Session(tmp_path / "diverged")
    data, pool = read_data(spec)
    monkeypatch.setattr(Trainer, "run", diverge)
    for name in ("report", "get_checkpoint"):
        monkeypatch.setattr(tune.trial, name, getattr(session, name))
    monkeypatch.setattr(tune.trial, "worker_device", lambda: "cpu")
    monkeypatch.setattr(tune.trial, "worker_threads", lambda: 1)
    run_trial(
        config("uniform"), spec=spec, pool=pool, held_out=held_out(spec, data, pool), measured={}, starts={},
        precisions={}, experiment=str(session.experiment),
    )  # fmt: skip
    (only,) = session.reports
    assert only["failed"] == "the loss is not a number"
    assert np.isnan(only["score"])


def test_proxies_are_the_same_every_time(spec: SearchSpec) -> None:
    blind = spec.model_copy(update={"synthetic": None})
    data, _ = read_data(blind)
    assert data.judge_crops is not None
    judged = CraftedDistribution.uniform(spec.degradation_space()).source()
    first, again = (proxy_pairs(data.judge_crops, judged, blind) for _ in range(2))
    assert len(first) == 2
    assert all(np.array_equal(a.lr, b.lr) and np.array_equal(a.hr, b.hr) for a, b in zip(first, again, strict=True))


def test_bicubic_and_the_start_are_scored_without_a_step(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = build_network(**NETWORK, scale=2, seed=5).state_dict()
    weights = {network_key(NETWORK): start}
    bicubic, begun = Session(tmp_path / "bicubic"), Session(tmp_path / "start")
    assert run(spec, "bicubic", bicubic, monkeypatch) == {}
    kept = run(spec, "start", begun, monkeypatch, weights)
    assert all(torch.equal(kept[name], start[name]) for name in start)
    for session in (bicubic, begun):
        (only,) = session.reports
        assert (only["step"], only["whole"]) == (0, True)
        assert only["score"] == pytest.approx(np.mean([image["scores"]["psnr"] for image in only["images"]]))
        assert json.loads((session.folder / SCORES).read_text())["images"] == only["images"]


def test_training_goes_on_from_the_start(spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = build_network(**NETWORK, scale=2, seed=5).state_dict()
    still = spec.model_copy(update={"training": spec.training.model_copy(update={"steps": 1, "ema": 0.0})})
    slow = TrialConfig("uniform", NETWORK, {"learning_rate": 1e-12})
    monkeypatch.setitem(globals(), "config", lambda kind: slow.to_dict() | {"key": "t003"})
    trained = run(still, "uniform", Session(tmp_path / "x"), monkeypatch, {network_key(NETWORK): start})
    assert all(torch.allclose(trained[name], start[name], atol=1e-9) for name in start)


def test_a_network_that_the_search_has_never_heard_of_goes_all_the_way(
    spec: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NETWORKS, "toy", TOY)
    section = NetworkSection.model_validate({"name": "toy", "start": "none", "taps": [3, 5]})
    asked = spec.model_copy(update={"network": section})
    architectures = Architectures(asked)
    assert [network["taps"] for network in architectures.all()] == [3, 5]
    study = optuna.create_study()
    proposed = TrialConfig.of(SearchSpace(asked, architectures)(study.ask({})))
    uniform = TrialConfig("uniform", proposed.network, proposed.training)
    monkeypatch.setitem(globals(), "config", lambda kind: uniform.to_dict() | {"key": "t003"})
    session = Session(tmp_path / "toy")
    run(asked, "uniform", session, monkeypatch)

    metadata = package_network(session.folder / MODEL, tmp_path / "packed", scale=2)
    assert (metadata["network"], metadata["hyperparameters"]["taps"]) == ("toy", proposed.network["taps"])
    loaded = load_network(session.folder / MODEL)
    assert upscale(loaded.model, torch.rand(3, 9, 7), scale=2).shape == (3, 18, 14)


def test_a_network_that_gives_nan_fails_and_names_the_image(spec: SearchSpec) -> None:
    data, pool = read_data(spec)

    class Broken(torch.nn.Module):
        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            return torch.full((*lr.shape[:2], 2 * lr.shape[2], 2 * lr.shape[3]), torch.nan)

    scores = held_out(spec, data, pool).score(Broken(), "cpu")
    assert np.isnan(scores.means()["score"])
    assert "not finite" in (scores.failure() or "")


def test_a_blank_pair_is_left_out_and_named(spec: SearchSpec) -> None:
    data, _ = read_data(spec)
    assert data.pairs is not None
    blank = Pair("blank", np.full((3, 32, 32), 255, np.uint8), np.full((3, 64, 64), 255, np.uint8))
    kept, notes = without_degenerate([*data.pairs, blank], 2, 2)
    assert kept == data.pairs
    assert notes == ["left out: held-out blank: its ground truth is one flat colour"]
    with pytest.raises(DegcraftError, match="at least one must be able to tell"):
        without_degenerate([blank], 2, 2)


def test_the_truth_of_a_moved_and_dimmed_pair_is_moved_and_dimmed_with_it(spec: SearchSpec) -> None:
    data, _ = read_data(spec)
    assert data.pairs is not None
    hr = data.pairs[0].hr
    # Undegraded: how certain a shift and a gain are then does not depend on which pairs are held out.
    pair = Pair("plain", hr.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4)).round().astype(np.uint8), hr)
    shifted = np.roll(pair.hr, 1, axis=2)
    moved = Pair("moved", pair.lr, np.round(shifted * 0.9).astype(np.uint8))
    (still, back), told = aligned_pairs([pair, moved], 2)
    assert still is pair
    assert "1 of 2 pairs" in told
    assert "1 shifted, by up to 1." in told
    inner = (slice(None), slice(4, -4), slice(4, -4))
    error = np.abs(back.hr[inner].astype(float) - pair.hr[inner]).mean()
    assert error < 0.25 * np.abs(moved.hr[inner].astype(float) - pair.hr[inner]).mean()


@pytest.mark.parametrize(
    ("steps", "reports", "expected"),
    [(10, 5, [2, 4, 6, 8, 10]), (10, 3, [3, 7, 10]), (2, 5, [1, 2]), (1, 1, [1])],
)
def test_the_last_report_is_the_end(steps: int, reports: int, expected: list[int]) -> None:
    assert report_steps(steps, reports) == expected


def test_a_damaged_niqe_model_is_named_and_fitted_anew(spec: SearchSpec, tmp_path: Path) -> None:
    pool, file = read_data(spec)[1], tmp_path / "niqe.npz"
    first = niqe_model(spec, pool, file, Console(file=io.StringIO()))
    file.write_bytes(file.read_bytes()[:-40])
    said = io.StringIO()
    again = niqe_model(spec, pool, file, Console(file=said, width=400))
    assert f"{file}: not a NIQE model" in said.getvalue()
    assert said.getvalue().endswith("; fitted anew\n")
    assert np.array_equal(again.covariance, first.covariance)
    assert np.array_equal(NiqeModel.load(file).mean, first.mean)
