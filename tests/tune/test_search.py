"""A whole search, as a user starts it, with a real Ray and a real MLflow on SQLite."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from PIL import Image

from degcraft.matching import Measurement, craft
from degcraft.matching.weightings import WEIGHTINGS
from degcraft.networks import load_network
from tests.tune.searches import MakeSearch, SearchFolder, StoreOf
from tracking import StateFile
from tracking.models import load_sr_model
from tracking.outbox import Outbox
from tune.summary import CAVEAT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def rows(search: SearchFolder) -> list[dict[str, str]]:
    with (search.output / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(make_searches: MakeSearch) -> SearchFolder:
    """A finished synthetic search over two widths."""
    search = make_searches(
        "finished", network={"name": "srresnet", "channels": [4, 8], "blocks": 1}, budget={"trials": 3}
    )
    search.printed = search.run()
    return search


def test_what_it_prints(finished: SearchFolder) -> None:
    assert "gap closed" in finished.printed
    assert "all 3 crafted trials done, and the " in finished.printed
    assert "registered: models:/degcraft-sr@champion" in finished.printed
    assert "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning&viewState" in finished.printed
    # Neither Ray's nor Optuna's nor MLflow's own chatter.
    assert "[I " not in finished.printed
    assert "INFO" not in finished.printed
    assert "Configuration for experiment" not in finished.printed


def test_what_it_leaves_in_the_output_folder(finished: SearchFolder) -> None:
    assert load_network(finished.output / "best" / "model.safetensors").scale == 2
    summary = json.loads((finished.output / "summary.json").read_text())
    kinds = Counter(trial["config"]["kind"] for trial in summary["trials"])
    assert kinds == {"crafted": 3, "bicubic": 1, "start": 2, "uniform": 2, "upper bound": 2}
    with Image.open(finished.output / "restored.png") as picture:
        assert picture.width > 600
    table = rows(finished)
    scores = [float(row["psnr"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    assert {row["status"] for row in table} == {"done"}
    assert 0.3 in [float(row["width"]) for row in table if row["width"]]
    assert 0 <= summary["from_truth"]["total_variation"] <= 1
    assert "the best crafted distribution against the hidden one: total variation" in finished.printed
    (reliability,) = summary["reliability"].values()
    assert reliability["cautions"][0]["code"] == "too_few"
    assert 0 <= reliability["measures"]["told_apart"]["accuracy"] <= 1
    shared = {path.name for path in (finished.output / "shared").iterdir()}
    assert shared == {f"srresnet channels={c} blocks=1 dropout=0.0.safetensors" for c in (4, 8)}


def test_losers_checkpoints_are_gone(finished: SearchFolder) -> None:
    assert list((finished.output / "checkpoints" / "trials").rglob("trainer.pt")) == []


def test_every_trial_is_one_finished_run_with_all_that_belongs_to_it(finished: SearchFolder) -> None:
    store = StoreOf(finished.output)
    assert {run.info.status for run in store.runs()} == {"FINISHED"}
    trials = store.children("crafted")
    assert len(trials) == 3
    for run in [*trials, *store.children("uniform"), *store.children("upper bound")]:
        assert {"weights.npy", "crafted.json", "weights.png", "samples.png", "scores.json"} <= store.files(run)
        curve = store.client.get_metric_history(run.info.run_id, "psnr")
        assert [point.step for point in curve] == [4, 8]
        assert {"loss", "psnr", "ssim", "effective_bins"} <= set(run.data.metrics)
        assert {"kind", "device", "precision"} <= set(run.data.tags)
        assert {each.dataset.name for each in run.inputs.dataset_inputs} == {"references", "clean images", "held out"}
        assert {"torch", "python", "cpu_count"} <= store.read(run, "environment.json").keys()
        assert run.data.params["seed"] == "0"
    for run in [*store.children("start"), *store.children("bicubic")]:
        assert {"samples.png", "scores.json"} <= store.files(run)
        assert {"psnr", "ssim"} <= set(run.data.metrics)
    assert len(store.children("shared")) == 2


def test_the_parent_holds_the_whole(finished: SearchFolder) -> None:
    store = StoreOf(finished.output)
    parent = store.parent()
    assert {
        "search.yaml",
        "reliability.json",
        "trials.csv",
        "summary.json",
        "scores.png",
        "restored.png",
    } <= store.files(parent)
    compared = {f"score.{kind}" for kind in ("best", "bicubic", "start", "uniform", "upper_bound")}
    assert compared | {"won.over_bicubic"} <= set(parent.data.metrics)
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith(parent.data.tags["verdict"])
    assert "careful (too few)" in note
    assert parent.data.tags["verdict"].startswith("best: ")
    assert {"preview.png", "environment.json"} <= store.files(parent)
    assert finished.printed.count("careful (too few)") == 2, "at the start and in the summary"


def test_the_names_say_which_is_best_and_why(finished: SearchFolder) -> None:
    store = StoreOf(finished.output)
    starred = [run for run in store.children() if run.info.run_name.startswith("★ ")]
    assert [run.data.tags["degcraft.trial"] for run in starred] == [store.parent().data.tags["best"]]
    for run in store.children():
        if run.data.tags["kind"] != "shared":
            assert f"{run.data.metrics['psnr']:.2f} dB · " in run.info.run_name
    version = store.client.get_model_version("degcraft-sr", "1")
    assert version.description == starred[0].data.tags["mlflow.note.content"]
    assert "degcraft serve --model runs:/" in version.description


def test_the_table_of_runs_is_sorted_by_what_may_win_and_has_what_differs(finished: SearchFolder) -> None:
    store = StoreOf(finished.output)
    scored = {run.data.tags["kind"] for run in store.children() if "score" in run.data.metrics}
    assert scored == {"crafted", "uniform", "start", "bicubic"}, "neither the upper bound nor the shared networks"
    own = {name for run in store.children() for name in run.data.params if not name.startswith("trial.")}
    shared = {"name", "scale", "seed", "held_out.metric", "network.start", "training.steps", "training.batch"}
    assert own == shared
    assert own < store.parent().data.params.keys()
    (bound, *_) = store.children("upper bound")
    assert bound.data.params["training.steps"] == "8"
    assert {run.data.params["training.steps"] for run in store.children("shared")} == {"4"}


def test_optuna_s_trials_are_in_a_storage_of_their_own(finished: SearchFolder) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{finished.output / 'optuna.db'}")
    summary = json.loads((finished.output / "summary.json").read_text())
    ends = {end["key"]: end["scores"]["score"] for end in summary["trials"] if end["config"]["kind"] == "crafted"}
    assert {trial.user_attrs["trial"]: trial.value for trial in study.trials} == pytest.approx(ends)
    assert any(name.endswith(" bicubic") for name in study.user_attrs)


def test_weights_are_those_of_the_measurement(finished: SearchFolder) -> None:
    (file,) = (finished.output / "measurements").glob("references-*.npz")
    measured = Measurement.load(file)
    store = StoreOf(finished.output)
    for run in store.children("crafted"):
        name = run.data.params["trial.weighting"]
        weighting = {"name": name, **{knob: float(run.data.params[f"trial.{knob}"]) for knob in WEIGHTINGS[name].knobs}}
        path = store.client.download_artifacts(run.info.run_id, "weights.npy")
        np.testing.assert_allclose(np.load(path), craft(measured, weighting).weights, rtol=1e-4, atol=1e-8)


def test_the_champion_is_the_network_in_best(finished: SearchFolder) -> None:
    store = StoreOf(finished.output)
    champion = store.client.get_model_version_by_alias("degcraft-sr", "champion")
    key = {run.info.run_id: run for run in store.children()}[champion.run_id].data.tags["degcraft.trial"]
    assert key == json.loads((finished.output / "summary.json").read_text())["best"]
    lr = torch.rand(1, 3, 21, 34, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = load_network(finished.output / "best" / "model.safetensors").model(lr)
        loaded = load_sr_model("models:/degcraft-sr@champion", tracking_uri=store.uri)
        torch.testing.assert_close(loaded.model(lr), expected)


def test_resuming_a_finished_search_changes_nothing(finished: SearchFolder) -> None:
    before = rows(finished)
    assert "all 3 crafted trials done, and the " in finished.run("--resume")
    assert rows(finished) == before
    store = StoreOf(finished.output)
    assert len(store.client.search_model_versions("name='degcraft-sr'")) == 1
    # The parent, two shared networks, bicubic, twice start, uniform and upper bound, three crafted trials.
    assert len(store.runs()) == 13


def test_a_record_that_was_refused_is_told_by_the_resume(finished: SearchFolder) -> None:
    with closing(StateFile(finished.output / "state.sqlite")) as file, file.transaction():
        outbox = Outbox(file)
        told = outbox.append({"kind": "tag", "key": "search", "time": 1, "name": "refused", "value": "before"})
        bad = outbox.append({"kind": "tag", "key": "t999", "time": 1, "name": "refused", "value": "for ever"})
        outbox.reject(told.number, "no space left on device")
        outbox.reject(bad.number, "no space left on device")
    printed = finished.run("--resume", expect=3)
    assert StoreOf(finished.output).parent().data.tags["refused"] == "before"
    # The reason is the present one, and what was told is not spoken of any more.
    assert "MLflow refused: tag of t999: no run of search" in printed
    assert printed.count("MLflow refused:") == 1
    with closing(StateFile(finished.output / "state.sqlite")) as file, file.transaction():
        file.execute("DELETE FROM operations")


def test_what_is_refused(finished: SearchFolder, make_search: MakeSearch) -> None:
    assert "holds one; add --resume" in finished.refusal()
    assert "must hold a search that was started" in make_search("fresh").refusal("--resume")
    specification = finished.root / "search.yaml"
    text = specification.read_text()
    specification.write_text(text.replace("steps: 8", "steps: 9"))
    try:
        assert "but training.steps changed" in finished.refusal("--resume")
    finally:
        specification.write_text(text)


def test_without_ground_truth_proxies_score_until_the_target(
    make_search: MakeSearch, pairs: Callable[[int], Path]
) -> None:
    search = make_search(
        synthetic=None,
        references=str(pairs(2) / "lr"),
        patches={"count": 8, "size": 40},
        budget={"trials": 6, "target": 1.0},
        search={"concurrent": 1},
    )
    printed = search.run()
    assert "psnr on proxies " in printed
    assert CAVEAT in printed
    # What people want to see is their own images, which the proxies are not.
    assert "photos.png" in printed
    with Image.open(search.output / "photos.png") as picture:
        assert picture.width > 500
    store = StoreOf(search.output)
    assert {"photos.png", "restored.png", "preview.png"} <= store.files(store.parent())
    note = store.parent().data.tags["mlflow.note.content"]
    assert "photos.png" in note
    version = store.client.get_model_version("degcraft-sr", "1")
    assert version.tags["held_out"] == "proxy"
    assert version.description.split("\n\n")[1] == CAVEAT
    assert "without ground truth" in note.split("|")[0]
    assert "gap closed" not in printed
    assert "reached budget.target 1" in printed
    judged = json.loads((search.output / "judge.json").read_text())
    assert {len(column) for column in judged["parameters"].values()} == {8}
    assert 1 <= sum(row["status"] == "done" for row in rows(search)) < 7
    assert store.parent().data.tags["held_out"] == "proxy"
    assert all("niqe" in run.data.metrics for run in store.children("uniform"))
    assert {run.info.status for run in store.runs()} <= {"FINISHED", "KILLED"}


def test_pairs_score_and_a_diverging_trial_is_named(make_search: MakeSearch, pairs: Callable[[int], Path]) -> None:
    search = make_search(
        synthetic=None,
        references=None,
        patches={"count": 8, "size": 40},
        held_out={"pairs": str(pairs(2)), "fraction": 0.5, "metric": "ssim"},
        network={"name": "srresnet", "channels": 8, "blocks": 1, "start": "none"},
        search={"learning_rate": [0.0002, 0.999], "weighting": {"name": "eq4", "alpha": 25.0}},
        training={"warmup": 0.0, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 2},
        budget={"trials": 6, "failures": 6},
    )
    printed = search.run()
    assert "pairs with ground truth" in printed
    table = rows(search)
    # Bicubic, a baseline for each learning rate, and a crafted trial for each: no more of them differ.
    assert len(table) == 5
    assert "crafted trials: 2, as no more differ; budget.trials is 6" in printed
    failed = [row for row in table if row["status"] == "failed"]
    assert failed, "a learning rate of 0.999 was expected to diverge"
    assert all(float(row["learning_rate"]) > 0.9 for row in failed)
    assert f"failed: {failed[0]['trial']}" in printed
    scores = [float(row["ssim"]) for row in table if row["status"] == "done"]
    assert scores == sorted(scores, reverse=True)
    assert {run.info.status for run in StoreOf(search.output).children()} == {"FINISHED", "FAILED"}


def test_other_degradations_are_one_more_row_each(make_search: MakeSearch) -> None:
    search = make_search(
        compare=["bsrgan:noise_range=[2,9]"],
        pdm={"channels": 8, "kernel_blocks": 1, "noise_blocks": 1},
        patches={"count": 32, "size": 24, "structured": 1.0},
        training={"start_steps": 2, "steps": 4, "batch": 2, "lr_patch": 24, "reports": 1, "precision": "float32"},
        budget={"trials": 1},
    )
    search.run()
    store = StoreOf(search.output)
    (run,) = store.children("pdm")
    assert run.info.status == "FINISHED"
    assert {"pdm.safetensors", "pdm.png", "samples.png", "scores.json"} <= store.files(run)
    assert "weights.png" not in store.files(run)
    (other,) = store.children("comparator")
    assert other.data.params["trial.degradation"] == "bsrgan:noise_range=[2,9]"
    assert {"score.pdm", "score.bsrgan_noise_range_2_9"} <= store.parent().data.metrics.keys()
    (row,) = [row for row in rows(search) if row["kind"] == "pdm"]
    assert row["status"] == "done"
    assert float(row["psnr"]) > 0
