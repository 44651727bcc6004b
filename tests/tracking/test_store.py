"""Which store is taken, and what is said about it."""

import shlex
from pathlib import Path

import pytest

from degcraft.errors import DegcraftError
from tracking.store import hide_password, resolve_store


def test_the_default_is_sqlite_in_the_output_folder_with_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = resolve_store(None, Path("out"))
    assert store.tracking_uri == f"sqlite:///{tmp_path}/out/mlflow.db"
    assert store.sqlite_file == tmp_path / "out" / "mlflow.db"
    assert store.artifact_root == tmp_path / "out" / "mlartifacts"
    assert "output folder" in store.description
    assert not store.is_server
    assert store.browse_command(5001) == f"mlflow ui --backend-store-uri {store.tracking_uri} --port 5001"
    assert not (tmp_path / "out").exists()


def test_the_environment_goes_before_the_default_and_the_spec_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    by_environment = resolve_store(None, tmp_path)
    assert by_environment.tracking_uri == "http://mlflow.example:5000"
    assert by_environment.artifact_root is None
    assert by_environment.is_server
    assert by_environment.description.endswith("(named by MLFLOW_TRACKING_URI)")
    assert "http://mlflow.example:5000" in by_environment.browse_command()
    by_spec = resolve_store("https://other.example", tmp_path)
    assert by_spec.tracking_uri == "https://other.example"
    assert by_spec.description.endswith("(named by tracking_uri)")


def test_relative_sqlite_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = resolve_store("sqlite:///runs/all.db", tmp_path / "out")
    assert store.tracking_uri == f"sqlite:///{tmp_path}/runs/all.db"
    assert store.artifact_root == tmp_path / "runs" / "mlartifacts"


def test_passwords_are_used_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgresql+psycopg2://ann:s3cret@db.example:5432/mlflow"
    store = resolve_store(uri, tmp_path)
    assert store.tracking_uri == uri
    assert store.artifact_root == tmp_path / "mlartifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for shown in (store, resolve_store(None, tmp_path)):
        for text in (shown.description, repr(shown), shown.browse_command(), shown.public_uri):
            assert "s3cret" not in text
    assert "$MLFLOW_TRACKING_URI" in resolve_store(None, tmp_path).browse_command()
    assert hide_password("http://host/a@b:c") == "http://host/a@b:c"


def test_the_browse_command_survives_a_shell(tmp_path: Path) -> None:
    store = resolve_store(None, tmp_path / "my search #1 (50%)")
    assert store.tracking_uri in shlex.split(store.browse_command())


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("file:///tmp/mlruns", "no file store"),
        ("mlruns", "no file store"),
        ("ftp://user:pw@host/x", "no file store"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_stores_that_cannot_be_are_refused(tmp_path: Path, uri: str, rule: str) -> None:
    with pytest.raises(DegcraftError, match=rule) as refused:
        resolve_store(uri, tmp_path)
    assert "tracking_uri" in str(refused.value)
    assert "pw" not in str(refused.value)


def test_a_path_that_no_sqlite_uri_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="question mark"):
        resolve_store(None, tmp_path / "really?")
