"""A registry of models in a folder: real MLflow on SQLite, real versions under an alias."""

from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from tracking.database import prepare_sqlite
from tracking.models import log_network
from tracking.quiet import MlflowSettings, muted_thread
from tracking.registry import register
from tracking.store import resolve_store

NAME = "film"
SOURCE = f"models:/{NAME}@champion"


class Registry:
    """Versions of one registered model.

    Args:
        folder: for the database and the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with MlflowSettings(), muted_thread():
            prepare_sqlite(folder / "mlflow.db", None)
            store = resolve_store(None, folder)
            assert store.artifact_root is not None
            self.tracking_uri = store.tracking_uri
            self.client = MlflowClient(tracking_uri=store.tracking_uri)
            self._experiment = self.client.create_experiment("served", store.artifact_root.as_uri())

    def add(
        self, network_file: Path, scale: int, crafted: dict[str, Any] | None = None, alias: str = "champion"
    ) -> str:
        """Register a network as the next version under an alias; returns its pinned URI."""
        with MlflowSettings(), muted_thread():
            run = self.client.create_run(self._experiment).info.run_id
            model = log_network(
                self.client,
                experiment_id=self._experiment,
                run_id=run,
                network_file=network_file,
                scale=scale,
                workspace=self._folder / "packed",
                crafted=crafted,
            )
            return f"models:/{NAME}/{register(self.client, model, NAME, alias, {})}"

    def point(self, uri: str) -> None:
        """Move the champion's alias to a pinned version."""
        self.client.set_registered_model_alias(NAME, "champion", uri.rpartition("/")[2])

    def run_of(self, uri: str) -> str:
        """The run that made a version."""
        return str(self.client.get_model_version(NAME, uri.rpartition("/")[2]).run_id)

    def damage(self, uri: str) -> None:
        """Overwrite a version's weights with noise."""
        folder = self.client.get_model_version_download_uri(NAME, uri.rpartition("/")[2])
        (Path(folder.removeprefix("file://")) / "extra_files" / "network.safetensors").write_bytes(b"noise" * 100)
