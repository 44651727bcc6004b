"""SR models in MLflow: logging a trained network, and getting it back by its URI."""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from degcraft.errors import DegcraftError, in_short
from degcraft.networks import LoadedNetwork, load_network
from tracking.failures import is_missing
from tracking.packaging import FORMAT, NETWORK_FILE, digest, package_network
from tracking.quiet import MlflowSettings, muted_thread
from tracking.store import existing_store, hide_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

MODEL_NAME = "model"
DIGEST_TAG = "degcraft.network_sha256"
_FORMS = "models:/name@alias, models:/name/version, models:/m-… or runs:/id/model"


def log_network(
    client: "MlflowClient",
    *,
    experiment_id: str,
    run_id: str,
    network_file: Path,
    scale: int,
    workspace: Path,
    crafted: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> "LoggedModel":
    """Log a network as the model of a run; the same network again gives the same model.

    Parameters
    ----------
    network_file, scale, crafted
        See `tracking.packaging.package_network`, whose errors are raised.
    workspace
        A folder in which the packed model waits from one attempt to the next; the caller removes it.
    tags
        Tags of the logged model, beside the digest of the network file.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    same = digest(network_file)
    model = next((m for m in _models_of(client, experiment_id, run_id) if m.tags.get(DIGEST_TAG) == same), None)
    if model is None or model.status != LoggedModelStatus.READY:
        folder = workspace / same
        metadata = package_network(network_file, folder, scale=scale, crafted=crafted)
        if model is None:
            model = client.create_logged_model(
                experiment_id,
                name=MODEL_NAME,
                source_run_id=run_id,
                model_type="super-resolution",
                params={"network": metadata["network"], "scale": str(scale)},
                tags={**(tags or {}), DIGEST_TAG: same},
            )
        packed = Model.load(str(folder / "MLmodel"))
        packed.model_uuid = packed.model_id = model.model_id
        packed.run_id, packed.artifact_path = run_id, model.artifact_location
        packed.save(str(folder / "MLmodel"))
        client.log_model_artifacts(model.model_id, str(folder))
        model = client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    run = client.get_run(run_id)
    outputs = [] if run.outputs is None else run.outputs.model_outputs
    if all(output.model_id != model.model_id for output in outputs):
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=len(outputs))])
    return model


def model_of_run(client: "MlflowClient", experiment_id: str, run_id: str) -> "LoggedModel | None":
    """The newest finished model of a run, or None."""
    from mlflow.entities import LoggedModelStatus

    ready = [m for m in _models_of(client, experiment_id, run_id) if m.status == LoggedModelStatus.READY]
    return max(ready, key=lambda model: model.creation_timestamp, default=None)


@dataclass(frozen=True)
class ModelAddress:
    """A model URI with its alias resolved: everyone who uses `uri` gets the same model."""

    uri: str
    """`models:/name/version`, or `models:/m-…` for a model that is not registered."""
    location: str
    """Where its files lie."""
    tracking_uri: str


def resolve_model(uri: str, tracking_uri: str | None = None) -> ModelAddress:
    """Pin a model URI to one version.

    Parameters
    ----------
    uri
        `models:/name@champion`, `models:/name/3`, `models:/name/latest`, `models:/m-…` or `runs:/id/model`.
    tracking_uri
        The store; None: MLFLOW_TRACKING_URI.

    Raises
    ------
    DegcraftError
        The URI is of another form, no store is named, it cannot be reached, or it has no such model.
    """
    if not re.match(r"(models|runs):/+[^/]", uri):
        raise DegcraftError(f"model {uri!r}: must be of the form {_FORMS}")
    store_uri = existing_store(f"model {uri}", tracking_uri)
    from mlflow import MlflowClient

    with MlflowSettings(), muted_thread():
        try:
            pinned, location = _look_up(MlflowClient(tracking_uri=store_uri), uri)
        except DegcraftError:
            raise
        except Exception as error:
            raise _explained(error, uri, store_uri) from error
    return ModelAddress(pinned, location, store_uri)


def load_sr_model(uri: str, device: str | torch.device = "cpu", *, tracking_uri: str | None = None) -> LoadedNetwork:
    """Rebuild the SR network of an MLflow model from its weights file; nothing is unpickled.

    The URI and the store are those of `resolve_model`, and so are the errors; a model that was not logged
    by degcraft is one more. The crafted distribution that the network was trained on, if it was kept, is
    the JSON text `metadata["crafted"]`; `metadata["model_uri"]` is the pinned URI.
    """
    address = resolve_model(uri, tracking_uri)
    with tempfile.TemporaryDirectory(prefix="degcraft-model-") as folder, MlflowSettings(), muted_thread():
        from mlflow.models import Model

        try:
            described = Model.load(_download(address, "MLmodel", folder)).metadata or {}
            own = described.get("degcraft", {})
            if own.get("format") != FORMAT:
                raise DegcraftError(f"model {address.uri}: must have been logged by degcraft as {FORMAT}")
            network = load_network(Path(_download(address, NETWORK_FILE, folder)), device)
        except DegcraftError:
            raise
        except Exception as error:
            raise _explained(error, address.uri, address.tracking_uri) from error
    metadata = {**network.metadata, "model_uri": address.uri}
    if "crafted" in own:
        metadata["crafted"] = json.dumps(own["crafted"])
    return replace(network, metadata=metadata)


# -------------------------------------------------------------------- details


def _models_of(client: "MlflowClient", experiment_id: str, run_id: str) -> "list[LoggedModel]":
    found, token = [], None
    while True:
        page = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'", page_token=token)
        found += list(page)
        token = page.token
        if not token:
            return sorted(found, key=lambda model: model.creation_timestamp)


def _look_up(client: "MlflowClient", uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition(":")
    rest = rest.strip("/")
    if scheme == "runs":
        run_id, _, name = rest.partition("/")
        run = client.get_run(run_id)
        models = [m for m in _models_of(client, run.info.experiment_id, run_id) if m.name == (name or MODEL_NAME)]
        if not models:
            raise DegcraftError(f"model {uri}: the run has no model of this name")
        return f"models:/{models[-1].model_id}", models[-1].artifact_location
    name, separator, alias = rest.partition("@")
    if separator:
        return _version(client, client.get_model_version_by_alias(name, alias))
    name, separator, number = rest.partition("/")
    if not separator:
        model = client.get_logged_model(name)
        return f"models:/{model.model_id}", model.artifact_location
    if number == "latest":
        versions = list(client.search_model_versions(f"name = '{name}'"))
        if not versions:
            raise DegcraftError(f"model {uri}: there is no registered model of this name")
        return _version(client, max(versions, key=lambda found: int(found.version)))
    if not number.isdigit():
        raise DegcraftError(f"model {uri!r}: must be of the form {_FORMS}")
    return _version(client, client.get_model_version(name, number))


def _version(client: "MlflowClient", found: Any) -> tuple[str, str]:
    location = client.get_model_version_download_uri(found.name, found.version)
    if location.startswith("models:/"):
        location = client.get_logged_model(location.partition(":/")[2]).artifact_location
    return f"models:/{found.name}/{found.version}", location


def _download(address: ModelAddress, path: str, folder: str) -> str:
    from mlflow.artifacts import download_artifacts

    return download_artifacts(
        artifact_uri=f"{address.location.rstrip('/')}/{path}",
        dst_path=folder,
        tracking_uri=address.tracking_uri,
    )


def _explained(error: Exception, uri: str, store_uri: str) -> DegcraftError:
    where = hide_password(store_uri)
    if is_missing(error) or "not found" in str(error).lower():
        return DegcraftError(f"model {uri}: {where} has no such model, version or alias")
    return DegcraftError(f"model {uri}: cannot be read from {where}: {in_short(error)}")
