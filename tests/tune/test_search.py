"""A whole search, as a user starts it, with a real Ray and a real MLflow on SQLite."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from degcraft.degradation import CraftedDistribution
from degcraft.networks import load_network
from tests.tune.searches import SearchFolder, StoreOf

pytestmark = pytest.mark.slow

MakeSearch = Callable[..., SearchFolder]


def test_from_folders_to_a_registered_model(make_search: MakeSearch) -> None:
    search = make_search()
    printed = search.run()
    assert "gap closed" in printed
    assert "all 2 trials done" in printed

    best = search.output / "best"
    assert load_network(best / "model.safetensors").scale == 2
    assert CraftedDistribution.load(best / "crafted.json").space.n_bins == 4
    summary = json.loads((search.output / "summary.json").read_text())
    kinds = sorted(trial["config"]["kind"] for trial in summary["trials"])
    assert kinds == ["crafted", "crafted", "uniform", "upper bound"]
    with (search.output / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert float(rows[0]["psnr"]) >= float(rows[-1]["psnr"])

    store = StoreOf(search.output)
    assert {run.info.status for run in store.runs()} == {"FINISHED"}
    parent = store.parent()
    assert {"search.yaml", "trials.csv", "summary.json", "alpha.png"} <= store.files(parent)
    trials = store.children("crafted")
    assert len(trials) == 2
    for run in trials:
        assert {"weights.npy", "crafted.json", "weights.png", "samples.png", "scores.json"} <= store.files(run)
        assert run.data.params["trial.alpha"]
        curve = store.client.get_metric_history(run.info.run_id, "score")
        assert [point.step for point in curve] == [4, 8]
        assert {"loss", "psnr", "ssim", "effective_bins"} <= set(run.data.metrics)
    alphas = sorted(float(run.data.params["trial.alpha"]) for run in trials)
    assert 25.0 in alphas

    champion = store.client.get_model_version_by_alias("degcraft-sr", "champion")
    key = {run.info.run_id: run for run in store.children()}[champion.run_id].data.tags["degcraft.trial"]
    assert key == summary["best"]
    # Losers' checkpoints, and the winner's, whose model lies in best/, are gone.
    assert list((search.output / "checkpoints" / "trials").rglob("trainer.pt")) == []

    assert "holds one; add --resume" in search.run(expect=2)


def test_the_registered_model_is_the_network_of_the_best_folder(make_search: MakeSearch, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    search = make_search(budget={"trials": 1})
    search.run()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{search.output / 'mlflow.db'}")
    from tracking.models import load_sr_model

    lr = torch.rand(1, 3, 21, 34, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = load_network(search.output / "best" / "model.safetensors").model(lr)
        actual = load_sr_model("models:/degcraft-sr@champion").model(lr)
    torch.testing.assert_close(actual, expected)


def test_the_same_seed_gives_the_same_search(make_search: MakeSearch) -> None:
    sections = {"search": {"channels": 8, "blocks": 1, "concurrent": 1}}
    scores = []
    for name in ("first", "second"):
        search = make_search(name, **sections)
        search.run()
        rows = list(csv.DictReader((search.output / "trials.csv").open()))
        scores.append([(row["kind"], row["alpha"], row["psnr"]) for row in rows])
    assert scores[0] == scores[1]


def test_without_ground_truth_proxies_score(make_search: MakeSearch, pairs: Callable[[int], Path]) -> None:
    search = make_search(synthetic=None, references=str(pairs(2) / "lr"))
    printed = search.run()
    assert "the score is on proxies" in printed
    judge = CraftedDistribution.load(search.output / "judge.json")
    assert judge.weights.sum() == pytest.approx(1)
    store = StoreOf(search.output)
    assert store.parent().data.tags["held_out"] == "proxy"
    assert all("niqe" in run.data.metrics for run in store.children("crafted"))


def test_pairs_are_split_by_file_and_their_lr_serves_as_references(
    make_search: MakeSearch, pairs: Callable[[int], Path]
) -> None:
    search = make_search(
        synthetic=None, references=None, held_out={"pairs": str(pairs(2)), "fraction": 0.5, "metric": "ssim"}
    )
    printed = search.run()
    assert "pairs with ground truth" in printed
    assert "gap closed" not in printed
    rows = list(csv.DictReader((search.output / "trials.csv").open()))
    scores = [float(row["ssim"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_widths_each_get_their_shared_start(make_search: MakeSearch) -> None:
    search = make_search(search={"channels": [4, 8], "blocks": 1}, budget={"trials": 3})
    search.run()
    assert sorted(file.name for file in (search.output / "shared").iterdir()) == ["4x1.safetensors", "8x1.safetensors"]
    widths = {row["channels"] for row in csv.DictReader((search.output / "trials.csv").open())}
    assert widths <= {"4", "8"}


def test_a_target_ends_the_search(make_search: MakeSearch) -> None:
    search = make_search(budget={"trials": 6, "target": 1.0}, search={"channels": 8, "blocks": 1, "concurrent": 1})
    printed = search.run()
    assert "reached budget.target 1" in printed
    finished = [row for row in csv.DictReader((search.output / "trials.csv").open()) if row["status"] == "done"]
    assert 1 <= len(finished) < 8
    assert {run.info.status for run in StoreOf(search.output).runs()} <= {"FINISHED", "KILLED"}


def test_a_diverging_trial_is_named_and_the_others_go_on(make_search: MakeSearch) -> None:
    search = make_search(
        search={"channels": 8, "blocks": 1, "learning_rate": [0.0002, 0.999], "alpha": 25.0},
        training={"warm_start_steps": 0, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 2},
        budget={"trials": 6, "failures": 6},
    )
    printed = search.run()
    rows = list(csv.DictReader((search.output / "trials.csv").open()))
    failed = [row for row in rows if row["status"] == "failed"]
    assert failed, "a learning rate of 0.999 was expected to diverge"
    assert all(float(row["learning_rate"]) > 0.9 for row in failed)
    assert f"failed: {failed[0]['trial']}" in printed
    assert len(rows) == 8
    statuses = {run.info.status for run in StoreOf(search.output).children()}
    assert statuses == {"FINISHED", "FAILED"}


def test_too_many_failures_end_the_search(make_search: MakeSearch) -> None:
    search = make_search(
        search={"channels": 8, "blocks": 1, "learning_rate": 0.999, "concurrent": 1},
        training={"warm_start_steps": 0, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 2},
        budget={"trials": 6, "failures": 0},
    )
    printed = search.run(expect=1)
    assert "trials failed, more than budget.failures 0 allows" in printed


def test_weights_match_what_the_distances_say(make_search: MakeSearch) -> None:
    from degcraft.matching import BinDistances, craft_weights

    search = make_search(budget={"trials": 1})
    search.run()
    (file,) = (search.output / "distances").glob("references-*.json")
    measured = BinDistances.load(file)
    run = StoreOf(search.output).children("crafted")[0]
    store = StoreOf(search.output)
    path = store.client.download_artifacts(run.info.run_id, "weights.npy")
    np.testing.assert_allclose(np.load(path), craft_weights(measured.distances, 25.0))
