"""A migrated SQLite store to copy (making one takes seconds), a small network, and real MLflow servers."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from degcraft.networks import build_network, save_network
from tests.tracking.servers import Server
from tracking.database import prepare_sqlite
from tracking.quiet import MlflowSettings, muted_thread
from tracking.store import Store, resolve_store


@pytest.fixture(autouse=True)
def clean_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No store named by the environment, and nothing may be written into the working directory."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    here = tmp_path / "working-directory"
    here.mkdir()
    monkeypatch.chdir(here)
    yield
    assert list(here.iterdir()) == []


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole, empty MLflow database."""
    database = tmp_path_factory.mktemp("database") / "mlflow.db"
    with MlflowSettings(), muted_thread():
        assert prepare_sqlite(database, None)
    return database


@pytest.fixture
def store(tmp_path: Path, migrated_database: Path) -> Store:
    """The default store of an output folder, whose name is as awkward as people's are."""
    output = tmp_path / "my säarch #1 (50%)"
    output.mkdir()
    shutil.copy(migrated_database, output / "mlflow.db")
    return resolve_store(None, output)


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SRResNet x2."""
    sizes = {"channels": 8, "blocks": 1}
    path = tmp_path_factory.mktemp("network") / "network.safetensors"
    save_network(
        path,
        build_network("srresnet", scale=2, **sizes),
        name="srresnet",
        hyperparameters=sizes,
        metadata={"steps": "0"},
    )
    return path


@pytest.fixture
def make_server() -> Iterator[Callable[[Path], Server]]:
    """Servers over a folder, not started yet; killed at the end."""
    made: list[Server] = []

    def make(folder: Path) -> Server:
        made.append(Server(folder))
        return made[-1]

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def server(tmp_path: Path, migrated_database: Path, make_server: Callable[[Path], Server]) -> Server:
    """A server with a migrated database, not started yet."""
    folder = tmp_path / "server"
    folder.mkdir()
    shutil.copy(migrated_database, folder / "mlflow.db")
    return make_server(folder)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Wait for a condition, at most a minute."""

    def wait(condition: Callable[[], object]) -> None:
        ends = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < ends, "waited for a minute"
            time.sleep(0.02)

    return wait
