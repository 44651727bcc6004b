"""What is said about the environment is true."""

import platform
import subprocess
from pathlib import Path

import torch

import degcraft
from tracking import provenance
from tracking.provenance import describe_environment


def test_names_versions_machine_and_device() -> None:
    found = describe_environment("cpu")
    assert found["torch"] == torch.__version__
    assert found["python"] == platform.python_version()
    assert found["device"] == "cpu"
    assert found["device_name"]
    assert int(found["cpu_count"]) >= 1
    assert {"numpy", "mlflow", "ray", "degcraft"} <= set(found)
    assert all(isinstance(value, str) and value for value in found.values())


def test_a_package_that_is_missing_is_left_out(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(provenance, "PACKAGES", ("torch", "no-such-package"))
    assert "no-such-package" not in describe_environment("cpu")


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_is_that_of_the_source_and_of_no_repository_around_it(tmp_path: Path) -> None:
    source = tmp_path / "degcraft" / "__init__.py"
    source.parent.mkdir()
    source.write_text("")
    assert provenance._commit(source) is None
    git(tmp_path, "init", "-q")
    assert provenance._commit(source) is None  # lies in a repository that does not know it
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance._commit(source) == commit
    source.write_text("edited")
    assert provenance._commit(source) == f"{commit}-changed"


def test_degcraft_itself_is_found() -> None:
    assert Path(degcraft.__file__).exists()
    assert describe_environment("cpu")["degcraft"] == provenance._version("degcraft")
