"""A search recorded into a real SQLite store: nothing lost, nothing doubled, nothing left running."""

import contextlib
import json
import math
import multiprocessing
import shutil
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import RestException

from degcraft.errors import DegcraftError
from tracking.recorder import Recorder
from tracking.runs import PARENT, PARENT_TAG, SEARCH_TAG, TRIAL_TAG
from tracking.state import StateFile
from tracking.store import Store, resolve_store


def runs_of(store: Store, experiment: str = "exp") -> dict[str, Run]:
    """All runs of the experiment by key; fails if two have the same."""
    client = MlflowClient(store.tracking_uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id], max_results=1000)
    by_key = {run.data.tags[TRIAL_TAG]: run for run in runs}
    assert len(by_key) == len(runs)
    return by_key


def history(store: Store, run: Run, name: str) -> list[tuple[int, float]]:
    client = MlflowClient(store.tracking_uri)
    points = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
    return sorted(points)


def files_of(store: Store, run: Run, folder: str | None = None) -> list[str]:
    client = MlflowClient(store.tracking_uri)
    return sorted(file.path for file in client.list_artifacts(run.info.run_id, folder))


def read_json(store: Store, run: Run, path: str, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    return json.loads(
        Path(MlflowClient(store.tracking_uri).download_artifacts(run.info.run_id, path, str(folder))).read_text()
    )


def recorder(store: Store, folder: Path, **options: Any) -> Recorder:
    return Recorder(
        store, "exp", StateFile(folder / "state.sqlite"), "search-1", first_wait=0.01, longest_wait=0.1, **options
    )


@pytest.fixture
def dead(tmp_path: Path) -> Store:
    """A server that nobody runs."""
    return resolve_store("http://127.0.0.1:9", tmp_path)


def test_a_search_and_its_trials(store: Store, tmp_path: Path) -> None:
    figure = tmp_path / "heat map.png"
    figure.write_bytes(b"picture")
    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {"spec": {"scale": 4, "folders": ["a", "b"]}}, {"machine": "small"})
        rec.open_child("t1", "alpha 25", {"alpha": 25.0}, {"seed": 3})
        for step in range(3):
            rec.metrics("t1", step, {"loss": 1 / (step + 1), "odd name?": step})
        rec.artifact("t1", figure, "figures")
        figure.write_bytes(b"another picture")
        rec.artifact(PARENT, figure)
        rec.tag("t1", "score", 27.5)
        rec.finish("t1")
        rec.finish(PARENT, "FINISHED")
        assert rec.flush(60) == 0
        assert rec.problems() == []
        parent, trial = runs_of(store)[PARENT], runs_of(store)["t1"]
        assert rec.run_id("t1") == trial.info.run_id
        assert rec.run_id() == parent.info.run_id

    assert (parent.info.run_name, trial.info.run_name) == ("search", "alpha 25")
    assert (parent.info.status, trial.info.status) == ("FINISHED", "FINISHED")
    assert parent.data.params == {"spec.scale": "4", "spec.folders": '["a", "b"]'}
    assert trial.data.tags[PARENT_TAG] == parent.info.run_id
    assert trial.data.tags[SEARCH_TAG] == parent.data.tags[SEARCH_TAG] == "search-1"
    assert (trial.data.tags["seed"], trial.data.tags["score"], parent.data.tags["machine"]) == ("3", "27.5", "small")
    assert history(store, trial, "loss") == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert history(store, trial, "odd name_") == [(0, 0), (1, 1), (2, 2)]
    assert files_of(store, trial, "figures") == ["figures/heat map.png"]
    assert read_json(store, parent, "params.json", tmp_path / "p")["spec"]["folders"] == ["a", "b"]
    root = store.artifact_root
    assert root is not None
    assert (root / "exp" / trial.info.run_id / "artifacts" / "figures" / "heat map.png").read_bytes() == b"picture"
    assert (root / "exp" / parent.info.run_id / "artifacts" / "heat map.png").read_bytes() == b"another picture"


def test_replaying_everything_changes_nothing(store: Store, dead: Store, tmp_path: Path) -> None:
    figure = tmp_path / "f.png"
    figure.write_bytes(b"x")
    rec = recorder(dead, tmp_path / "outbox")
    rec.open_parent("search", {"a": 1})
    for key in ("t1", "t2"):
        rec.open_child(key, key, {"alpha": 1})
        for step in range(5):
            rec.metrics(key, step, {"loss": float(step)})
        rec.artifact(key, figure)
        rec.finish(key, "FAILED" if key == "t2" else "FINISHED")
    recorded = rec.pending()
    assert recorded == 17
    assert rec.close(0) == recorded
    # As if the process were killed after each delivery and before its acknowledgement.
    shutil.copytree(tmp_path / "outbox", tmp_path / "copy")
    for outbox in ("outbox", "copy"):
        again = recorder(store, tmp_path / outbox)
        assert again.flush(60) == 0
        assert again.problems() == []
        again.close()
        runs = runs_of(store)
        assert set(runs) == {PARENT, "t1", "t2"}
        assert [runs[key].info.status for key in ("t1", "t2")] == ["FINISHED", "FAILED"]
        for key in ("t1", "t2"):
            assert history(store, runs[key], "loss") == [(step, float(step)) for step in range(5)]
            assert files_of(store, runs[key]) == ["f.png", "params.json"]


def test_calls_return_at_once_and_wait_while_the_server_is_away(store: Store, dead: Store, tmp_path: Path) -> None:
    rec = recorder(dead, tmp_path / "outbox")
    started = time.monotonic()
    rec.open_parent("search", {})
    for step in range(50):
        rec.metrics(PARENT, step, {"best": step}, timestamp_ms=1000 + step)
    assert time.monotonic() - started < 5
    assert rec.flush(1.0) == 51
    assert "127.0.0.1" in str(rec.waiting())
    assert rec.problems() == []
    assert rec.close(0.1) == 51
    with recorder(store, tmp_path / "outbox") as rec:
        assert rec.flush(60) == 0
    run = runs_of(store)[PARENT]
    points = MlflowClient(store.tracking_uri).get_metric_history(run.info.run_id, "best")
    assert sorted((point.step, point.timestamp) for point in points) == [(s, 1000 + s) for s in range(50)]


def test_resuming_continues_the_same_runs(store: Store, tmp_path: Path) -> None:
    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {"device": "cuda", "kept": 1})
        for key in ("t1", "t2"):
            rec.open_child(key, key, {})
        rec.finish("t1")
        rec.finish(PARENT, "KILLED")
        assert rec.flush(60) == 0
        before = runs_of(store)

    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {"device": "cpu", "kept": 1, "new": 2})
        rec.open_child("t2", "t2", {})
        assert rec.flush(60) == 0
        assert rec.problems() == []
    after = runs_of(store)
    assert {key: run.info.run_id for key, run in after.items()} == {key: run.info.run_id for key, run in before.items()}
    assert {key: run.info.status for key, run in after.items()} == {
        PARENT: "RUNNING",
        "t1": "FINISHED",
        "t2": "RUNNING",
    }
    # MLflow keeps a param for ever; what changed is named, and whole in a file of its own.
    parent = after[PARENT]
    assert parent.data.params == {"device": "cuda", "kept": "1", "new": "2"}
    assert parent.data.tags["degcraft.changed_params"] == "device"
    resumed = [name for name in files_of(store, parent) if name.startswith("params.resumed-")]
    assert read_json(store, parent, "params.json", tmp_path / "p")["device"] == "cuda"
    assert read_json(store, parent, resumed[0], tmp_path / "p")["device"] == "cpu"


def test_another_search_in_the_same_experiment_is_left_alone(store: Store, tmp_path: Path) -> None:
    with Recorder(store, "exp", StateFile(tmp_path / "a"), "search-a") as first:
        first.open_parent("a", {})
        first.open_child("t1", "t1", {})
        assert first.flush(60) == 0
    with Recorder(store, "exp", StateFile(tmp_path / "b"), "search-b") as second:
        second.open_parent("b", {})
        second.open_child("t1", "t1", {})
        second.finish("t1", "KILLED")
        assert second.flush(60) == 0
    client = MlflowClient(store.tracking_uri)
    experiment = client.get_experiment_by_name("exp")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    status = {(run.data.tags[SEARCH_TAG], run.data.tags[TRIAL_TAG]): run.info.status for run in runs}
    assert status == {
        ("search-a", PARENT): "RUNNING",
        ("search-a", "t1"): "RUNNING",
        ("search-b", PARENT): "RUNNING",
        ("search-b", "t1"): "KILLED",
    }


def test_what_mlflow_would_refuse_is_fitted(store: Store, tmp_path: Path) -> None:
    with recorder(store, tmp_path / "outbox") as rec:
        many = {f"p{i}": i for i in range(250)}
        rec.open_parent("search", {"spec": "y" * 20_000, "od/../d": 1, "many": many}, {"log": "z" * 20_000})
        rec.metrics(PARENT, 0, {"nan": math.nan, "inf": math.inf, "fine": 1})
        rec.metrics(PARENT, 1, {f"m{i}": i for i in range(1500)})
        rec.tag(PARENT, "late", "w" * 9000)
        rec.metrics(PARENT, 2, {})
        assert rec.flush(60) == 0
        assert rec.problems() == []
    run = runs_of(store)[PARENT]
    assert len(run.data.params) == 252
    assert len(run.data.params["spec"]) == 6000
    assert len(run.data.metrics) == 1503
    assert math.isnan(run.data.metrics["nan"])
    assert read_json(store, run, "params.json", tmp_path / "p")["spec"] == "y" * 20_000
    assert len(run.data.tags["log"]) == 8000
    kept = MlflowClient(store.tracking_uri).download_artifacts(run.info.run_id, "tags", str(tmp_path))
    assert (Path(kept) / "log.txt").read_text() == "z" * 20_000
    assert (Path(kept) / "late.txt").read_text() == "w" * 9000


def test_what_cannot_be_recorded_is_told_kept_and_does_not_stop_the_rest(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "weights.npy"
    file.write_bytes(b"1234")
    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {})
        rec.artifact("never-opened", file)
        rec.register_best(PARENT, "nothing")
        rec.metrics(PARENT, 0, {"bad": "text"})  # type: ignore[dict-item]
        rec.artifact(PARENT, tmp_path / "missing.png")
        rec.metrics(PARENT, 1, {"good": 1.0})
        assert rec.flush(60) == 0
        problems = rec.problems()
    assert len(problems) == 4
    assert "artifact of never-opened (weights.npy): no run" in problems[0]
    assert "no model to register" in problems[1]
    assert "metrics of search at step 0" in problems[2]
    assert "missing.png" in problems[3]
    assert runs_of(store)[PARENT].data.metrics == {"good": 1.0}
    with recorder(store, tmp_path / "outbox") as rec:
        assert rec.flush(60) == 0
        assert rec.problems() == problems[:2]
    with contextlib.closing(StateFile(tmp_path / "outbox" / "state.sqlite")) as state:
        kept = state.execute("SELECT file FROM operations WHERE name = 'weights.npy'")
    assert kept == [(b"1234",)]


def test_what_was_refused_is_told_by_the_next_in_the_old_order(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "weights.npy"
    file.write_bytes(b"1234")
    root = store.artifact_root
    assert root is not None
    (root / "exp").parent.mkdir(exist_ok=True)
    (root / "exp").write_text("no folder, as on a disk that is full")
    with recorder(store, tmp_path / "outbox", patience=0) as rec:
        rec.name("t1", "an old name")
        rec.open_parent("search", {"a": 1})
        rec.open_child("t1", "t1", {"alpha": 1})
        rec.artifact("t1", file)
        rec.metrics("t1", 1, {"loss": 0.5})
        rec.name("t1", "a new name")
        rec.finish("t1")
        rec.finish(PARENT)
        assert rec.flush(60) == 0
        # The name before its run: that is needless, as the new one was taken.
        said = [problem.partition(":")[0] for problem in rec.problems()]
    assert said == ["open of search", "open of t1", "artifact of t1 (weights.npy)"]
    (root / "exp").unlink()
    with recorder(store, tmp_path / "outbox") as rec:
        rec.tag(PARENT, "later", "yes")
        assert rec.flush(60) == 0
        assert rec.problems() == []
    runs = runs_of(store)
    assert {key: run.info.status for key, run in runs.items()} == {PARENT: "FINISHED", "t1": "FINISHED"}
    assert files_of(store, runs[PARENT]) == ["params.json"]
    assert files_of(store, runs["t1"]) == ["params.json", "weights.npy"]
    assert runs["t1"].info.run_name == "a new name"
    assert history(store, runs["t1"], "loss") == [(1, 0.5)]
    with recorder(store, tmp_path / "outbox") as rec:
        assert (rec.flush(60), rec.problems()) == (0, [])


def test_a_run_that_could_not_be_opened_comes_whole_with_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "over the quota"})

    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {})
        assert rec.flush(60) == 0
        monkeypatch.setattr(MlflowClient, "create_run", refuse)
        rec.open_child("t1", "t1", {})
        rec.metrics("t1", 1, {"loss": 0.5})
        rec.finish("t1", "FAILED")
        rec.finish(PARENT)
        assert rec.flush(60) == 0
        assert "over the quota" in rec.problems()[0]
        assert len(rec.problems()) == 3
    monkeypatch.undo()
    with recorder(store, tmp_path / "outbox") as rec:
        assert (rec.flush(60), rec.problems()) == (0, [])
    runs = runs_of(store)
    assert {key: run.info.status for key, run in runs.items()} == {PARENT: "FINISHED", "t1": "FAILED"}
    assert history(store, runs["t1"], "loss") == [(1, 0.5)]


def test_mistakes_of_the_caller_are_raised(store: Store, tmp_path: Path) -> None:
    with recorder(store, tmp_path / "outbox") as rec:
        with pytest.raises(ValueError, match="status must be one of"):
            rec.finish("t1", "DONE")
        with pytest.raises(ValueError, match="the search itself"):
            rec.open_child(PARENT, "x", {})
        for folder in ("../outside", "/absolute", "a/../b"):
            with pytest.raises(ValueError, match="plain relative folder"):
                rec.artifact("t1", tmp_path / "file", folder)
        with pytest.raises(DegcraftError, match="only one process"):
            recorder(store, tmp_path / "outbox")


def test_an_experiment_in_the_trash_is_taken_out(store: Store, tmp_path: Path) -> None:
    client = MlflowClient(store.tracking_uri)
    client.delete_experiment(client.create_experiment("exp"))
    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {})
        assert rec.flush(60) == 0
        assert rec.problems() == []
    assert set(runs_of(store)) == {PARENT}


def record_for_ever(store: Store, outbox: Path, figure: Path, number: int, promised: Connection) -> None:
    rec = recorder(store, outbox)
    rec.open_parent("search", {"a": 1})
    while True:
        key = f"t{number}"
        rec.open_child(key, key, {"number": number})
        rec.metrics(key, 1, {"loss": number})
        rec.metrics(key, 2, {"loss": number / 2})
        rec.artifact(key, figure)
        rec.finish(key)
        promised.send(number)
        number += 1
        while rec.pending() > 40:
            rec.flush(0.01)


def test_a_recording_killed_again_and_again_is_finished_by_the_next(store: Store, tmp_path: Path) -> None:
    figure = tmp_path / "f.png"
    figure.write_bytes(b"x")
    start = 0
    for trials in (12, 1, 9, 20):
        receive, send = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=record_for_ever, args=(store, tmp_path / "outbox", figure, start, send), daemon=True
        )
        process.start()
        send.close()
        promised = [receive.recv() for _ in range(trials)]
        process.kill()
        process.join()
        with contextlib.suppress(EOFError):
            while True:
                promised.append(receive.recv())
        start = promised[-1] + 1

    with recorder(store, tmp_path / "outbox") as rec:
        for key in (*(f"t{number}" for number in range(start)), PARENT):
            rec.finish(key)
        assert rec.flush(60) == 0
        assert rec.problems() == []
    runs = runs_of(store)
    # The one that was being opened when it was killed may be there too, and only a new opening could end it.
    runs.pop(f"t{start}", None)
    assert set(runs) == {PARENT, *(f"t{number}" for number in range(start))}
    for number in range(start):
        run = runs[f"t{number}"]
        assert run.info.status == "FINISHED"
        assert history(store, run, "loss") == [(1, number), (2, number / 2)]
        assert files_of(store, run) == ["f.png", "params.json"]
    assert "RUNNING" not in {run.info.status for run in runs.values()}
    assert {path.name for path in (tmp_path / "outbox").iterdir()} == {"state.sqlite"}
