"""The registered model: the best network of a search under a name and an alias."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tracking.failures import already_there
from tracking.values import clean_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_VERSIONS_TAG = "mlflow.modelVersions"


def register(client: "MlflowClient", model: "LoggedModel", name: str, alias: str, tags: Mapping[str, str]) -> str:
    """Register a logged model under `name`, point the alias at it and tag it; returns the version.

    A model that is already a version of `name` is not registered again.
    """
    try:
        client.create_registered_model(name)
    except Exception as error:
        if not already_there(error):
            raise
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{model.source_run_id}'")
    found = next((v for v in versions if v.source == model.artifact_location), None)
    if found is None:
        # Not "models:/<id>" as the source: SQL stores look that up in the process's own default store.
        found = client.create_model_version(
            name, model.artifact_location, run_id=model.source_run_id, model_id=model.model_id
        )
    for tag, value in tags.items():
        client.set_model_version_tag(name, found.version, clean_name(tag), value)
    client.set_registered_model_alias(name, alias, found.version)
    _link(client, model.model_id, name, found.version)
    return str(found.version)


def _link(client: "MlflowClient", model_id: str, name: str, version: str) -> None:
    """Note the version at the logged model, where MLflow's pages look for it."""
    tags = client.get_logged_model(model_id).tags
    known = json.loads(tags.get(_VERSIONS_TAG, "[]"))
    entry = {"name": name, "version": str(version)}
    if entry not in [{**item, "version": str(item["version"])} for item in known]:
        client.set_logged_model_tags(model_id, {_VERSIONS_TAG: json.dumps([*known, entry])})
