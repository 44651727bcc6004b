"""What a person sees first in a real MLflow: kinds, names, notes, data sets, the table with the best first."""

import json
from pathlib import Path

import mlflow.data
from mlflow import MlflowClient

from tests.tracking.test_recorder import files_of, read_json, recorder, runs_of
from tracking.models import model_of_run
from tracking.notes import LONGEST_NOTE, NOTE, SIGNED, VERDICT
from tracking.recorder import Recorder
from tracking.runs import PARENT
from tracking.state import StateFile
from tracking.store import Store

DATASETS = [
    {"name": name, "source": source, "digest": "0123456789abcdef", "context": "training", "profile": {"patches": 8}}
    for name, source in (("references", "/photos of mine"), ("clean images", "s3://bucket/clean"))
]


def record(store: Store, folder: Path, network_file: Path, text: str = "") -> None:
    """A search with one trial, which is described and registered."""
    with recorder(store, folder) as rec:
        rec.open_parent("my search", {})
        rec.made_with(PARENT, DATASETS, {"torch": "2"})
        rec.open_child("t1", "alpha 25", {})
        rec.model("t1", network_file, 2)
        rec.finish("t1")
        rec.name("t1", "★ 25.91 dB · alpha 25")
        rec.note("t1", text or "best, in `runs:/{id:t1}/model`, of [the search]({run:search}) {not a place} {run}")
        rec.tag(PARENT, VERDICT, "best: alpha 25")
        rec.note(PARENT, "[![]({artifact:search/small one.png})]({view:first})")
        rec.overview("first", ["metrics.`score`", "tags.`status`"], ascending=False)
        rec.register_best("t1", "sr", about="served by `degcraft serve`")
        assert rec.flush(60) == 0
        assert rec.problems() == []
        assert rec.page("first") == "#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=first"


def test_what_is_seen_first(store: Store, tmp_path: Path, network_file: Path) -> None:
    client = MlflowClient(store.tracking_uri)
    seen = []
    # Once more, as if nothing had been acknowledged: nothing changes.
    for name in ("outbox", "again"):
        record(store, tmp_path / name, network_file)
        runs, experiment = runs_of(store), client.get_experiment_by_name("exp")
        assert experiment is not None
        model = model_of_run(client, experiment.experiment_id, runs["t1"].info.run_id)
        assert model is not None
        notes = [run.data.tags[NOTE] for run in runs.values()] + [experiment.tags[NOTE], model.tags[NOTE]]
        notes += [client.get_model_version("sr", "1").description, client.get_registered_model("sr").description]
        seen.append(([run.info.run_name for run in runs.values()], notes))
    assert seen[0] == seen[1]

    parent, trial = runs[PARENT].info.run_id, runs["t1"].info.run_id
    page = "#/experiments/1/runs{}?workflowType=machine_learning"
    assert runs["t1"].info.run_name == "★ 25.91 dB · alpha 25"
    expected = f"best, in `runs:/{trial}/model`, of [the search]({page.format('/' + parent)}) {{not a place}} {{run}}"
    assert runs["t1"].data.tags[NOTE] == model.tags[NOTE] == f"{expected}\n\n{SIGNED}"
    assert client.get_model_version("sr", "1").description == model.tags[NOTE]
    assert client.get_registered_model("sr").description == f"served by `degcraft serve`\n\n{SIGNED}"
    picture, view = f"get-artifact?path=small%20one.png&run_id={parent}", f"{page.format('')}&viewStateShareKey=first"
    assert runs[PARENT].data.tags[NOTE] == f"[![]({picture})]({view})\n\n{SIGNED}"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.tags[NOTE].startswith(f"best: alpha 25 ([my search]({page.format('/' + parent)}))\n\n")
    saved = json.loads(experiment.tags["mlflow.sharedViewState.first"])
    assert json.loads(saved["state"]) == {
        "orderByKey": "metrics.`score`",
        "orderByAsc": False,
        "selectedColumns": ["metrics.`score`", "tags.`status`"],
    }


def test_data_sets_are_inputs_and_the_environment_a_file(store: Store, tmp_path: Path, network_file: Path) -> None:
    for name in ("outbox", "again"):
        record(store, tmp_path / name, network_file)
    run = runs_of(store)[PARENT]
    found = {each.dataset.name: each for each in run.inputs.dataset_inputs}
    assert len(run.inputs.dataset_inputs) == 2
    assert {tag.key: tag.value for tag in found["references"].tags} == {"mlflow.data.context": "training"}
    assert found["references"].dataset.digest == "0123456789abcdef"
    assert mlflow.data.get_source(found["references"].dataset).uri == "/photos of mine"  # type: ignore[attr-defined]
    assert mlflow.data.get_source(found["clean images"].dataset).uri == "s3://bucket/clean"  # type: ignore[attr-defined]
    assert files_of(store, run) == ["environment.json"]
    assert read_json(store, run, "environment.json", tmp_path / "read") == {"torch": "2"}


def test_what_a_person_wrote_stays(store: Store, tmp_path: Path, network_file: Path) -> None:
    record(store, tmp_path / "outbox", network_file)
    client, runs = MlflowClient(store.tracking_uri), runs_of(store)
    for run in runs.values():
        client.set_tag(run.info.run_id, NOTE, "mine")
    client.set_experiment_tag("1", NOTE, "mine")
    client.update_registered_model("sr", "mine")
    client.update_model_version("sr", "1", "mine")
    record(store, tmp_path / "again", network_file, text="news")
    experiment = client.get_experiment("1")
    assert {run.data.tags[NOTE] for run in runs_of(store).values()} == {experiment.tags[NOTE]} == {"mine"}
    assert client.get_registered_model("sr").description == client.get_model_version("sr", "1").description == "mine"
    model = model_of_run(client, "1", runs["t1"].info.run_id)
    assert model is not None
    assert model.tags[NOTE].startswith("news")


def test_an_experiment_speaks_of_all_its_searches(store: Store, tmp_path: Path) -> None:
    client = MlflowClient(store.tracking_uri)
    client.create_experiment("exp")
    for name in ("a", "b"):
        with Recorder(store, "exp", StateFile(tmp_path / name), f"search-{name}") as rec:
            rec.open_parent(f"search {name}", {})
            rec.tag(PARENT, VERDICT, f"best of {name}")
            rec.note(PARENT, "x" * 9000)
            rec.overview("first", ["metrics.`score`"], ascending=True)
            assert rec.flush(60) == 0
            assert rec.problems() == []
    experiment = client.get_experiment("1")
    first, _, second, *_ = experiment.tags[NOTE].split("\n\n")
    assert first.startswith("best of b ([search b](")
    assert second.startswith("best of a ([search a](")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert {len(run.data.tags[NOTE]) for run in client.search_runs(["1"])} == {LONGEST_NOTE}


def test_a_trial_that_has_no_run_yet_is_linked_to_the_table(store: Store, tmp_path: Path) -> None:
    with recorder(store, tmp_path / "outbox") as rec:
        rec.open_parent("search", {})
        rec.note(PARENT, "see [t7]({run:t7})")
        assert rec.flush(60) == 0
        assert rec.problems() == []
        rec.note("t7", "never opened")
        assert rec.flush(60) == 0
        (problem,) = rec.problems()
    assert "no run of search" in problem
    assert "see [t7](#/experiments/1/runs?workflowType=machine_learning)" in runs_of(store)[PARENT].data.tags[NOTE]
