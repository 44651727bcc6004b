"""A trained network goes into MLflow and comes back exact, at any size, without pickle."""

import json
import os
import resource
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, build_network, load_network, save_network
from tracking.database import prepare_sqlite
from tracking.models import load_sr_model, resolve_model
from tracking.packaging import NETWORK_FILE, package_network
from tracking.recorder import Recorder
from tracking.runs import PARENT
from tracking.state import StateFile
from tracking.store import Store, resolve_store

CRAFTED = {"format": "degcraft-crafted/1", "weights": [0.25, 0.75], "alpha": 25.0}

READER = """
import sys
import numpy as np
import torch
import mlflow
from tracking import load_sr_model
uri, lr_file, out = sys.argv[1:]
lr = torch.from_numpy(np.load(lr_file))
with torch.no_grad():
    exported = mlflow.pytorch.load_model(uri)(lr).numpy()
    served = mlflow.pyfunc.load_model(uri).predict(lr.numpy())
    rebuilt = load_sr_model(uri).model(lr).numpy()
np.savez(out, exported=exported, served=served, rebuilt=rebuilt)
"""

WRITER = """
import sys
from pathlib import Path
from tracking import Recorder, StateFile, resolve_store
output, network, crafted = Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3])
with Recorder(resolve_store(None, output), "exp", StateFile(output / "state.sqlite"), "search-1") as rec:
    rec.open_parent("search", {})
    rec.open_child("t1", "alpha 25", {"alpha": 25})
    rec.model("t1", network, 2, crafted)
    rec.register_best("t1", "film", tags={"score": 27.5})
    rec.finish("t1")
    rec.finish("search")
    assert rec.flush(200) == 0, rec.waiting()
    assert rec.problems() == [], rec.problems()
"""


@pytest.mark.slow
def test_logged_registered_and_read_in_other_processes(store: Store, network_file: Path, tmp_path: Path) -> None:
    assert store.sqlite_file is not None
    folder = store.sqlite_file.parent
    written = subprocess.run(
        [sys.executable, "-c", WRITER, str(folder), str(network_file), repr(CRAFTED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert written.returncode == 0, written.stderr
    assert written.stdout == ""
    assert written.stderr == ""  # MLflow and the exporter are talkative

    client = MlflowClient(store.tracking_uri)
    version = client.get_model_version_by_alias("film", "champion")
    assert version.tags == {"score": "27.5", "degcraft.search_id": "search-1", "degcraft.trial": "t1"}
    (run,) = [r for r in runs(client) if r.data.tags["degcraft.trial"] == "t1"]
    assert version.run_id == run.info.run_id
    assert run.data.tags["degcraft.registered_model"] == "models:/film/1"
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert model.params == {"network": "srresnet", "scale": "2"}
    assert version.source == model.artifact_location

    lr = torch.rand((1, 3, 19, 34), generator=torch.Generator().manual_seed(0))
    np.save(tmp_path / "lr.npy", lr.numpy())
    read = subprocess.run(
        [sys.executable, "-c", READER, "models:/film@champion", str(tmp_path / "lr.npy"), str(tmp_path / "sr.npz")],
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": store.tracking_uri,
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    with torch.no_grad():
        expected = load_network(network_file).model(lr).numpy()
    assert expected.shape == (1, 3, 38, 68)
    found = np.load(tmp_path / "sr.npz")
    assert np.array_equal(found["rebuilt"], expected)
    np.testing.assert_allclose(found["exported"], expected, atol=1e-6)
    np.testing.assert_allclose(found["served"], expected, atol=1e-6)

    for uri in ("models:/film@champion", "models:/film/1", "models:/film/latest"):
        assert resolve_model(uri, store.tracking_uri).uri == "models:/film/1"
    for uri in (f"runs:/{run.info.run_id}/model", f"models:/{model.model_id}"):
        assert resolve_model(uri, store.tracking_uri).uri == f"models:/{model.model_id}"
        network = load_sr_model(uri, tracking_uri=store.tracking_uri)
        assert (network.name, network.scale) == ("srresnet", 2)
        assert network.hyperparameters["channels"] == 8
        assert network.metadata["steps"] == "0"
        assert network.metadata["model_uri"] == f"models:/{model.model_id}"
        assert json.loads(network.metadata["crafted"]) == CRAFTED
        assert not network.model.training

    for uri in ("models:/film@loser", "models:/film/7", "models:/other/latest", "runs:/0123/model", "models:/m-1"):
        with pytest.raises(DegcraftError, match=r"has no such|no registered") as missing:
            load_sr_model(uri, tracking_uri=store.tracking_uri)
        assert uri in str(missing.value)
        assert "\n" not in str(missing.value)


def runs(client: MlflowClient):  # type: ignore[no-untyped-def]
    experiment = client.get_experiment_by_name("exp")
    assert experiment is not None
    return client.search_runs([experiment.experiment_id])


def test_models_are_neither_doubled_nor_mixed_up(store: Store, network_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    network = build_network("srresnet", scale=2, channels=8, blocks=1)
    with torch.no_grad():
        next(network.parameters()).add_(1)
    save_network(other, network, name="srresnet", hyperparameters={"channels": 8, "blocks": 1})
    with Recorder(store, "exp", StateFile(tmp_path / "outbox" / "state.sqlite"), "search-1") as rec:
        rec.open_parent("search", {})
        for trial in ("t1", "t2"):
            rec.open_child(trial, trial, {})
        rec.model("t1", network_file, 2)
        rec.register_best("t1", "film")
        rec.model("t1", network_file, 2)
        rec.register_best("t1", "film")
        rec.model("t2", other, 2)
        rec.register_best("t2", "film")
        rec.model("t2", network_file, 4)  # it is a network x2
        rec.model("t2", Path(__file__), 2)
        assert rec.flush(200) == 0
        problems = rec.problems()
        assert list((tmp_path / "outbox").glob(".sending*")) == []
    assert len(problems) == 2
    assert "must enlarge by 4, but enlarges by 2" in problems[0]
    assert "test_models.py" in problems[1]
    client = MlflowClient(store.tracking_uri)
    models = client.search_logged_models([runs(client)[0].info.experiment_id])
    assert len(models) == 2
    versions = {v.version: v.tags["degcraft.trial"] for v in client.search_model_versions("name = 'film'")}
    assert {str(version): trial for version, trial in versions.items()} == {"1": "t1", "2": "t2"}
    champion = load_sr_model("models:/film@champion", tracking_uri=store.tracking_uri)
    assert champion.metadata["model_uri"] == "models:/film/2"
    for name, value in network.state_dict().items():
        assert torch.equal(champion.model.state_dict()[name], value)
    (parent,) = [r for r in runs(client) if r.data.tags["degcraft.trial"] == PARENT]
    assert parent.data.tags["degcraft.registered_model"] == "models:/film/2"


@pytest.mark.parametrize(
    ("name", "scale", "sizes"),
    [
        ("srresnet", 3, {"channels": 8, "blocks": 1}),
        ("rrdbnet", 1, {"channels": 8, "blocks": 1, "growth": 4}),  # folds pixels: sizes must not matter
        ("compact", 2, {"channels": 8, "convs": 2}),
        ("span", 2, {"channels": 8}),  # has branches to fuse
    ],
)
def test_a_network_packs_for_every_size(name: str, scale: int, sizes: dict[str, int], tmp_path: Path) -> None:
    file = tmp_path / "network.safetensors"
    network = build_network(name, scale=scale, **sizes).eval()
    save_network(file, network, name=name, hyperparameters=sizes)
    metadata = package_network(file, tmp_path / "packed", scale=scale)
    assert (metadata["network"], metadata["scale"], metadata["graph"]) == (name, scale, "exported")
    graph = torch.export.load(tmp_path / "packed" / "data" / "model.pt2").module()
    for height, width in ((16, 16), (17, 16), (30, 41), (7, 64)):
        lr = torch.rand((3, 3, height, width), generator=torch.Generator().manual_seed(height))
        with torch.no_grad():
            torch.testing.assert_close(graph(lr), network(lr), atol=1e-5, rtol=1e-4)
    with zipfile.ZipFile(tmp_path / "packed" / "data" / "model.pt2") as archive:
        assert not [entry for entry in archive.namelist() if entry.endswith(".pkl")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize("known", [True, False])
def test_a_network_without_a_graph_for_every_size_is_packed_as_it_is(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the registry knows it, or the exported graph fails the comparison."""
    import mlflow.pyfunc

    name, sizes = "safmn", {"dim": 8, "n_blocks": 1}
    if known:
        name, sizes = "swinir", {"img_size": 16, "embed_dim": 8, "depths": [2], "num_heads": [2]}
    else:
        monkeypatch.setitem(NETWORKS, name, replace(NETWORKS[name], no_graph=""))
    network = build_network(name, scale=2, **sizes).eval()
    save_network(tmp_path / "net.safetensors", network, name=name, hyperparameters=sizes, metadata={"steps": "9"})
    metadata = package_network(tmp_path / "net.safetensors", tmp_path / "packed", scale=2)
    assert metadata["graph"].startswith(
        "none: its padding or windows" if known else "none: the exported graph refuses images of"
    )
    assert package_network(tmp_path / "net.safetensors", tmp_path / "packed", scale=2) == metadata
    assert "degcraft" in (tmp_path / "packed" / "README.md").read_text()
    assert [entry.name for entry in tmp_path.iterdir() if "part" in entry.name] == []
    assert not [entry for entry in (tmp_path / "packed").rglob("*") if entry.suffix in (".pkl", ".pt2", ".pth")]

    served = mlflow.pyfunc.load_model(str(tmp_path / "packed"))
    for height, width in ((19, 30), (8, 8)):
        lr = torch.rand((2, 3, height, width), generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            np.testing.assert_allclose(served.predict(lr.numpy()), network(lr).numpy(), atol=1e-6)
    rebuilt = load_network(tmp_path / "packed" / NETWORK_FILE)
    assert (rebuilt.name, rebuilt.metadata) == (name, {"steps": "9"})


def test_a_full_disk_is_no_reason_to_have_no_graph(tmp_path: Path) -> None:
    network_file, sizes_of_it = tmp_path / "network.safetensors", {"channels": 40, "blocks": 1}
    network = build_network("srresnet", scale=2, **sizes_of_it)
    save_network(network_file, network, name="srresnet", hyperparameters=sizes_of_it)
    package_network(network_file, tmp_path / "whole", scale=2)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    graph = sizes.pop("model.pt2")
    assert graph > max(sizes.values()), "the graph is to be the one file that has no room"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (graph - 1, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            package_network(network_file, tmp_path / "again", scale=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.glob("again*")] == []
    assert package_network(network_file, tmp_path / "again", scale=2)["graph"] == "exported"


def test_a_half_made_database_is_never_seen(tmp_path: Path, migrated_database: Path) -> None:
    before = migrated_database.read_bytes()
    assert prepare_sqlite(migrated_database, None) is False
    assert migrated_database.read_bytes() == before
    assert list(migrated_database.parent.iterdir()) == [migrated_database]


@pytest.mark.parametrize(
    ("uri", "store_uri", "rule"),
    [
        ("models:film", "sqlite:///x.db", "must be of the form"),
        ("model.safetensors", "sqlite:///x.db", "must be of the form"),
        ("models:/film@champion", None, "set MLFLOW_TRACKING_URI"),
        ("models:/film@champion", "sqlite:///nowhere.db", "there is none"),
        ("models:/film@champion", "http://ann:s3cret@127.0.0.1:9", "cannot be reached"),
        ("models:/film@champion", "file:///tmp/x", "no file store"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(uri: str, store_uri: str | None, rule: str) -> None:
    with pytest.raises(DegcraftError, match=rule) as error:
        load_sr_model(uri, tracking_uri=store_uri)
    assert "\n" not in str(error.value)
    assert "s3cret" not in str(error.value)


def test_a_model_of_others_is_refused(store: Store) -> None:
    client = MlflowClient(store.tracking_uri)
    model = client.create_logged_model("0", name="other")
    with pytest.raises(DegcraftError, match="models:/m-"):
        load_sr_model(f"models:/{model.model_id}", tracking_uri=store.tracking_uri)


@pytest.mark.slow
def test_a_moved_store_finds_its_files_beside_it_or_says_which_are_missing(
    store: Store, network_file: Path, tmp_path: Path
) -> None:
    with Recorder(store, "exp", StateFile(tmp_path / "state.sqlite"), "search-1") as rec:
        rec.open_parent("search", {})
        rec.model(PARENT, network_file, 2)
        rec.register_best(PARENT, "film")
        assert rec.flush(200) == 0
    assert store.sqlite_file is not None
    expected = load_sr_model("models:/film@champion", tracking_uri=store.tracking_uri).model.state_dict()
    before = store.sqlite_file.parent
    moved = before.rename(tmp_path / "mövéd_(100%)")
    there = resolve_store(None, moved)
    found = load_sr_model("models:/film@champion", tracking_uri=there.tracking_uri).model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    # What is recorded from now on goes there too, and nothing to the old place.
    with Recorder(there, "exp", StateFile(tmp_path / "state.sqlite"), "search-1") as rec:
        rec.artifact(PARENT, network_file)
        assert rec.flush(200) == 0
        assert rec.problems() == []
    assert not before.exists()
    assert list((moved / "mlartifacts").rglob(network_file.name))

    (moved / "mlartifacts").rename(tmp_path / "lost")
    with pytest.raises(DegcraftError, match=r"must be in .*100%.*mlartifacts, or in"):
        load_sr_model("models:/film@champion", tracking_uri=there.tracking_uri)
