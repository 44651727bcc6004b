"""A real MLflow server that comes late, dies and comes back: nothing lost, nothing doubled, order kept."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
from mlflow import MlflowClient

from degcraft.networks import load_network
from tracking.models import load_sr_model
from tracking.recorder import Recorder
from tracking.runs import PARENT, TRIAL_TAG
from tracking.state import StateFile
from tracking.store import Store, resolve_store

Wait = Callable[[Callable[[], object]], None]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_comes_late_dies_and_comes_back(
    server: Any, network_file: Path, tmp_path: Path, wait_until: Wait, capfd: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "map.png"
    figure.write_bytes(b"picture")
    store = resolve_store(server.uri, tmp_path)
    rec = Recorder(
        store, "exp", StateFile(tmp_path / "outbox" / "state.sqlite"), "search-1", first_wait=0.05, longest_wait=0.5
    )

    def trial(number: int) -> None:
        key = f"t{number}"
        rec.open_child(key, key, {"number": number})
        for step in range(30):
            rec.metrics(key, step, {"loss": number + step, "score": -step})
            rec.tag(key, "last_step", step)
        rec.artifact(key, figure, "figures")
        rec.finish(key)

    rec.open_parent("search", {"seed": 1})
    trial(0)
    assert rec.flush(0.5) > 0
    assert str(server.port) in str(rec.waiting())

    server.start()
    server.wait()
    wait_until(lambda: rec.pending() == 0)
    trial(1)
    trial(2)
    wait_until(lambda: rec.pending() < 110)
    server.kill()  # amid the operations
    left = rec.pending()
    assert left > 0
    trial(3)
    time.sleep(0.5)
    assert rec.pending() > left
    server.start()
    server.wait()
    rec.model("t3", network_file, 2)
    rec.register_best("t3", "film")
    rec.finish(PARENT)
    assert rec.flush(120) == 0
    assert rec.problems() == []
    assert rec.close() == 0

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("exp")
    assert experiment is not None
    runs = {run.data.tags[TRIAL_TAG]: run for run in client.search_runs([experiment.experiment_id])}
    assert len(client.search_runs([experiment.experiment_id])) == 5
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for number in range(4):
        run = runs[f"t{number}"]
        points = client.get_metric_history(run.info.run_id, "loss")
        points.sort(key=lambda point: (point.timestamp, point.step))
        assert [(point.step, point.value) for point in points] == [(s, number + s) for s in range(30)]
        assert run.data.tags["last_step"] == "29"
        assert run.data.params == {"number": str(number)}
        (file,) = client.list_artifacts(run.info.run_id, "figures")
        assert (file.path, file.file_size) == ("figures/map.png", 7)
    models = client.search_logged_models([experiment.experiment_id])
    assert [model.source_run_id for model in models] == [runs["t3"].info.run_id]

    lr = torch.rand((1, 3, 9, 11), generator=torch.Generator().manual_seed(0))
    champion = load_sr_model("models:/film@champion", tracking_uri=server.uri)
    with torch.no_grad():
        assert torch.equal(champion.model(lr), load_network(network_file).model(lr))
    shown = capfd.readouterr()
    assert shown.out + shown.err == ""


@pytest.mark.slow
def test_the_browse_command_shows_runs_and_files(
    store: Store, tmp_path: Path, make_server: Callable[[Path], Any]
) -> None:
    figure = tmp_path / "map.png"
    figure.write_bytes(b"picture")
    with Recorder(store, "exp", StateFile(tmp_path / "outbox" / "state.sqlite"), "search-1") as rec:
        rec.open_parent("search", {})
        rec.artifact(PARENT, figure, "figures")
        assert rec.flush(60) == 0
        run_id = rec.run_id()

    browser = make_server(tmp_path)
    program, *words = shlex.split(store.browse_command(browser.port))
    assert program == "mlflow"
    browser.start(*words)
    browser.wait()
    page = requests.get(browser.uri, timeout=10)
    assert "<title>MLflow</title>" in page.text
    shown = MlflowClient(browser.uri).get_run(str(run_id))
    assert shown.info.run_name == "search"
    file = requests.get(
        f"{browser.uri}/get-artifact", params={"path": "figures/map.png", "run_id": str(run_id)}, timeout=10
    )
    assert file.content == b"picture"
