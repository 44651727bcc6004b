"""What MLflow's pages show first: Markdown with links to runs and pictures, and a table that begins with the best."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tracking.failures import Undeliverable
from tracking.models import model_of_run
from tracking.values import cut

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from tracking.runs import SearchRuns

NOTE, VERDICT = "mlflow.note.content", "verdict"
"""Tags: the description that a page shows, and one sentence of a search for the experiment's."""
LONGEST_NOTE = 5000
"""Characters of a registered version's description; runs take more."""
SIGNED = "*Written by degcraft, and again when there is news; whoever deletes this line keeps the text.*"

_PLACE = re.compile(r"\{(run|id|artifact|view):([^{}]*)\}")


def write_note(runs: "SearchRuns", key: str, text: str) -> None:
    """Describe a run, and its model where it has one, unless a person did.

    In `text`, `{run:KEY}` becomes the address of a run's page, or that of the table of all where it was not opened
    yet, `{id:KEY}` its id, `{artifact:KEY/PATH}` the address of a file and `{view:NAME}` that of the table as
    `best_first` of that name shows it.
    """
    text, client, run_id = signed(_placed(text, runs)), runs.client, runs.id(key)
    if _is_ours(client.get_run(run_id).data.tags.get(NOTE)):
        client.set_tag(run_id, NOTE, text)
    model = model_of_run(client, runs.experiment_id, run_id)
    if model is not None and _is_ours(model.tags.get(NOTE)):
        client.set_logged_model_tags(model.model_id, {NOTE: text})


def describe_experiment(runs: "SearchRuns", view: str) -> None:
    """Let an experiment say what came of its searches, the newest first, unless a person described it."""
    experiment = runs.client.get_experiment(runs.experiment_id)
    if not _is_ours(experiment.tags.get(NOTE)):
        return
    told = [_told(runs, run) for run in runs.parents() if VERDICT in run.data.tags]
    told.insert(1, _placed(f"[All runs, the best first]({{view:{view}}})", runs))
    runs.client.set_experiment_tag(runs.experiment_id, NOTE, signed("\n\n".join(told)))


def describe_version(client: "MlflowClient", run_id: str, name: str, version: str, about: str) -> None:
    """Describe a registered version as its run is, and the registered model by `about`, unless a person did."""
    note = client.get_run(run_id).data.tags.get(NOTE)
    if note and _is_ours(client.get_model_version(name, version).description):
        client.update_model_version(name, version, cut(note, LONGEST_NOTE, " …"))
    if about and _is_ours(client.get_registered_model(name).description):
        client.update_registered_model(name, signed(about))


def best_first(name: str, columns: Sequence[str], *, ascending: bool, time: int) -> dict[str, str]:
    """An experiment's tag that is a saved view of its table: sorted by the first of the columns.

    Args:
        name: Of the view, and in the address that opens it.
        columns: As MLflow names them, such as "metrics.`score`".
        ascending: Whether the best is the lowest.
        time: Milliseconds.
    """
    state = {"orderByKey": columns[0], "orderByAsc": ascending, "selectedColumns": list(columns)}
    view = {"name": name, "createdAt": time, "updatedAt": time, "state": json.dumps(state)}
    return {f"mlflow.sharedViewState.{name}": json.dumps(view)}


def signed(text: str) -> str:
    """A note that may be replaced by a later one, as long as MLflow takes."""
    return cut(text, LONGEST_NOTE - len(SIGNED) - 2, " …") + "\n\n" + SIGNED


def _is_ours(text: str | None) -> bool:
    return not (text or "").strip() or str(text).rstrip().endswith(SIGNED)


def _told(runs: "SearchRuns", run: "Run") -> str:
    # Lists of experiments show the beginning as it is written.
    return f"{run.data.tags[VERDICT]} ([{run.info.run_name}]({runs.page_of(run.info.run_id)}))"


def _placed(text: str, runs: "SearchRuns") -> str:
    def place(found: "re.Match[str]") -> str:
        kind, (key, _, path) = found[1], found[2].partition("/")
        if kind == "view":
            return runs.page_of(view=key)
        if kind == "artifact":
            return f"get-artifact?path={quote(path, safe='')}&run_id={runs.id(key)}"
        if kind == "id":
            return runs.id(key)
        try:
            return runs.page_of(runs.id(key))
        except Undeliverable:
            # A trial that was chosen has a row before it has a run, and for ever if nothing goes on with the search.
            return runs.page_of()

    return _PLACE.sub(place, text)


def inputs(datasets: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Data sets as MLflow's inputs of a run.

    Args:
        datasets: Each with `name`, `source` (a folder or URI), `digest`, `context` (what it was for) and `profile`.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    found = []
    for each in datasets:
        # As MLflow's own sources write themselves; to find them, it would import them all and warn of several.
        kind, source = urlsplit(each["source"]).scheme or "local", json.dumps({"uri": each["source"]})
        dataset = Dataset(each["name"], each["digest"], kind, source, profile=json.dumps(each["profile"]))
        found.append(DatasetInput(dataset, [InputTag("mlflow.data.context", each["context"])]))
    return found
