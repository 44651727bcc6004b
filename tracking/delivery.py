"""What each recorded operation does to the MLflow store. Doing one again changes nothing."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracking.failures import Undeliverable, is_missing
from tracking.models import log_network, model_of_run
from tracking.notes import best_first, describe_experiment, describe_version, inputs, write_note
from tracking.outbox import Operation, Outbox
from tracking.registry import register
from tracking.runs import PARENT, SEARCH_TAG, TRIAL_TAG, SearchRuns
from tracking.values import tag_text

_VALUES_PER_CALL = 1000


class Delivery:
    """Hands the operations of an outbox to the runs of a search; `workspace` is a folder for what is on its way."""

    def __init__(self, runs: SearchRuns, outbox: Outbox, workspace: Path) -> None:
        self._runs, self._outbox = runs, outbox
        self._workspace = workspace
        self._unpacked: int | None = None
        shutil.rmtree(workspace, ignore_errors=True)

    def __call__(self, operations: list[Operation]) -> None:
        """Deliver one operation, or several `metrics` in a row.

        Raises what MlflowClient raises; Undeliverable for an operation about a run that was never opened.
        """
        if self._unpacked not in (None, operations[0].number):
            # Set aside: its packed model is of no more use.
            self._clear()
        try:
            self._deliver(operations)
        except Exception as error:
            if not is_missing(error):
                raise
            # A run was deleted, or the server came back with another database: look once more.
            self._runs.forget()
            self._deliver(operations)
        finally:
            # A packed model is kept for the next attempt.
            shutil.rmtree(self._workspace / "file", ignore_errors=True)
            with suppress(OSError):
                self._workspace.rmdir()

    def _deliver(self, operations: list[Operation]) -> None:
        if is_metrics(operations[0]):
            self._metrics(operations)
            return
        for operation in operations:
            getattr(self, f"_do_{operation.content['kind']}")(operation.content, operation)

    def _metrics(self, operations: list[Operation]) -> None:
        from mlflow.entities import Metric

        by_key: dict[str, list[Metric]] = {}
        for operation in operations:
            content = operation.content
            by_key.setdefault(content["key"], []).extend(
                Metric(name, value, content["time"], content["step"]) for name, value in content["values"].items()
            )
        for key, metrics in by_key.items():
            run_id = self._runs.id(key)
            for start in range(0, len(metrics), _VALUES_PER_CALL):
                self._runs.client.log_batch(run_id, metrics=metrics[start : start + _VALUES_PER_CALL])

    def _do_open(self, content: Mapping[str, Any], operation: Operation) -> None:
        # What came after an opening that was refused may be its end, which would not be told again.
        run = content["key"], content["name"], content["params"], content["tags"]
        self._runs.open(*run, content["time"], goes_on=not operation.again)

    def _do_tag(self, content: Mapping[str, Any], _: Operation) -> None:
        self._runs.tag(content["key"], content["name"], content["value"])

    def _do_made_with(self, content: Mapping[str, Any], _: Operation) -> None:
        run_id = self._runs.id(content["key"])
        self._runs.client.log_inputs(run_id, inputs(content["datasets"]))
        self._runs.client.log_dict(run_id, content["environment"], "environment.json")

    def _do_name(self, content: Mapping[str, Any], _: Operation) -> None:
        self._runs.client.update_run(self._runs.id(content["key"]), name=content["name"])

    def _do_note(self, content: Mapping[str, Any], _: Operation) -> None:
        write_note(self._runs, content["key"], content["text"])

    def _do_overview(self, content: Mapping[str, Any], _: Operation) -> None:
        view = best_first(content["name"], content["columns"], ascending=content["ascending"], time=content["time"])
        for name, value in view.items():
            self._runs.client.set_experiment_tag(self._runs.experiment_id, name, value)
        describe_experiment(self._runs, content["name"])

    def _do_artifact(self, content: Mapping[str, Any], operation: Operation) -> None:
        run_id = self._runs.id(content["key"])
        self._runs.client.log_artifact(run_id, str(self._file(operation)), content["artifact_path"])

    def _do_model(self, content: Mapping[str, Any], operation: Operation) -> None:
        log_network(
            self._runs.client,
            experiment_id=self._runs.experiment_id,
            run_id=self._runs.id(content["key"]),
            network_file=self._file(operation),
            scale=content["scale"],
            crafted=content["crafted"],
            tags={SEARCH_TAG: self._runs.search_id, TRIAL_TAG: content["key"]},
            workspace=self._workspace / "packed",
        )
        self._clear()

    def _do_register(self, content: Mapping[str, Any], _: Operation) -> None:
        run_id = self._runs.id(content["key"])
        model = model_of_run(self._runs.client, self._runs.experiment_id, run_id)
        if model is None:
            raise Undeliverable(f"the run of {content['key']!r} has no model to register as {content['name']!r}")
        tags = {name: tag_text(value) for name, value in content["tags"].items()}
        own = {SEARCH_TAG: self._runs.search_id, TRIAL_TAG: content["key"]}
        version = register(self._runs.client, model, content["name"], content["alias"], tags | own)
        describe_version(self._runs.client, run_id, content["name"], version, content.get("about", ""))
        registered = f"models:/{content['name']}/{version}"
        for key in (PARENT, content["key"]):
            self._runs.client.set_tag(self._runs.id(key), "degcraft.registered_model", registered)

    def _do_finish(self, content: Mapping[str, Any], _: Operation) -> None:
        self._runs.client.set_terminated(self._runs.id(content["key"]), content["status"], content["time"])

    def _file(self, operation: Operation) -> Path:
        self._unpacked = operation.number
        return self._outbox.write_file(operation, self._workspace / "file")

    def _clear(self) -> None:
        shutil.rmtree(self._workspace, ignore_errors=True)
        self._unpacked = None


def is_metrics(operation: Operation) -> bool:
    """Whether the operation may be delivered together with its like before it."""
    return operation.content["kind"] == "metrics"


_BY_NAME = {"tag": ("name",), "register": ("name", "alias"), "artifact": ("artifact_path",)}
"""What tells operations of a kind and a run apart, where a run may have several."""


def place_of(operation: Operation) -> tuple[object, ...] | None:
    """What the operation sets, and a later one of the same place sets anew; None for a point of a curve."""
    if is_metrics(operation):
        return None
    content = operation.content
    kind = content["kind"]
    key = None if kind == "register" else content["key"]
    return kind, key, operation.name, *(content[name] for name in _BY_NAME.get(kind, ()))
