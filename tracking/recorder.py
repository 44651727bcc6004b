"""Recording a search: every call is kept on the disk at once and reaches MLflow when it can."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from degcraft.errors import in_short
from tracking.delivery import Delivery, is_metrics, place_of
from tracking.outbox import Operation, Outbox
from tracking.quiet import MlflowSettings
from tracking.runs import PARENT, SearchRuns
from tracking.sender import Sender
from tracking.state import StateFile
from tracking.store import Store
from tracking.values import clean_name, numbers, plain, tag_text

STATUSES = ("FINISHED", "FAILED", "KILLED")


class Recorder:
    """Writes one search into an MLflow store: a parent run, and one child run per trial.

    Its methods never wait for the store and never raise because of it. What they are told goes into the
    state file first, so that a store that is away, or a kill of this process, loses nothing: the next Recorder
    on the same file goes on where this one stopped, in the same order, and doubles nothing. It sends what the store
    refused once more, unless the store has been told something newer in its place.

    Parameters
    ----------
    store
        From `tracking.store.resolve_store`.
    experiment
        The experiment's name; made if missing.
    state
        The search's state file, closed with the recorder; models are packed in a folder beside it.
    search_id
        What makes the runs of this search one search, over restarts too.
    first_wait, longest_wait, patience
        Seconds; see `tracking.sender.Sender`.

    """

    def __init__(
        self,
        store: Store,
        experiment: str,
        state: StateFile,
        search_id: str,
        *,
        first_wait: float = 0.5,
        longest_wait: float = 15.0,
        patience: float = 120.0,
    ) -> None:
        self.store = store
        self.search_id = search_id
        self._lost: list[str] = []
        self._outbox = Outbox(state, place_of)
        self._settings = MlflowSettings()
        self._runs = SearchRuns(store, experiment, search_id)
        self._sender = Sender(
            self._outbox,
            Delivery(self._runs, self._outbox, state.path.parent / ".sending"),
            self._runs.probe,
            can_join=is_metrics,
            first_wait=first_wait,
            longest_wait=longest_wait,
            patience=patience,
        )

    # ---------------------------------------------------------------- what is recorded

    def open_parent(self, name: str, params: Mapping[str, Any], tags: Mapping[str, Any] | None = None) -> None:
        """The run of the search itself, under the key `PARENT`; opening it again continues it.

        `params` may be nested and hold anything: they become flat params, and `params.json` in whole.
        """
        self._open(PARENT, name, params, tags)

    def open_child(self, key: str, name: str, params: Mapping[str, Any], tags: Mapping[str, Any] | None = None) -> None:
        """The run of one trial, below the parent; opening it again continues it."""
        if key == PARENT:
            raise ValueError(f"a trial must not be called {PARENT!r}, that is the search itself")
        self._open(key, name, params, tags)

    def made_with(self, key: str, datasets: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> None:
        """The data sets of the run `key`, see `tracking.notes.inputs`, and versions and machine as a file."""
        self._append("made_with", key, None, datasets=plain(datasets), environment=plain(environment))

    def name(self, key: str, name: str) -> None:
        """Give the run `key` another name."""
        self._append("name", key, None, name=name)

    def note(self, key: str, text: str) -> None:
        """Describe the run `key` and its model in Markdown; see `tracking.notes.write_note`."""
        self._append("note", key, None, text=text)

    def overview(self, name: str, columns: Sequence[str], *, ascending: bool) -> None:
        """Describe the experiment by its searches, and save a view of its table: see `tracking.notes.best_first`."""
        self._append("overview", PARENT, None, name=name, columns=list(columns), ascending=ascending)

    def metrics(self, key: str, step: int, values: Mapping[str, float], timestamp_ms: int | None = None) -> None:
        """Values at a step of the run `key`, as points of their curves."""
        try:
            clean = numbers(values)
        except (TypeError, ValueError) as error:
            self._lost.append(f"metrics of {key} at step {step}: {in_short(error)}")
            return
        if clean:
            self._append("metrics", key, None, time=timestamp_ms, step=int(step), values=clean)

    def artifact(self, key: str, file: Path, artifact_path: str | None = None) -> None:
        """A copy of the file as it is now, under the folder `artifact_path` of the run's artifacts."""
        if artifact_path is not None and clean_name(artifact_path) != artifact_path:
            raise ValueError(f"artifact_path must be a plain relative folder, got {artifact_path!r}")
        self._append("artifact", key, Path(file), artifact_path=artifact_path)

    def model(self, key: str, network_file: Path, scale: int, crafted: Mapping[str, Any] | None = None) -> None:
        """The trained network (a file of `degcraft.networks.save_network`) as the run's MLflow model.

        `crafted`: the training distribution, as the JSON object of `crafted.json`, to be kept with it.
        """
        self._append("model", key, Path(network_file), scale=int(scale), crafted=plain(crafted))

    def tag(self, key: str, name: str, value: Any) -> None:
        """Set a tag of the run `key`."""
        self._append("tag", key, None, name=str(name), value=tag_text(value))

    def finish(self, key: str, status: str = "FINISHED") -> None:
        """End the run `key` as FINISHED, FAILED or KILLED."""
        if status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {status!r}")
        self._append("finish", key, None, status=status)

    def register_best(
        self, key: str, name: str, alias: str = "champion", tags: Mapping[str, Any] | None = None, about: str = ""
    ) -> None:
        """Register the model of the run `key` as a version of `name` that `alias` points at.

        `tags` (such as the score) go to the version, beside the ids of search and trial; `about` describes `name`, and
        the version is described as its run is.
        """
        self._append(
            "register",
            key,
            None,
            name=clean_name(name).replace("/", "_"),
            alias=alias,
            tags=plain(tags or {}),
            about=about,
        )

    # ---------------------------------------------------------------- how it is going

    def pending(self) -> int:
        """How many operations have not reached the store yet."""
        return self._outbox.pending()

    def waiting(self) -> str | None:
        """Why nothing is reaching the store just now, in one line; None while all goes well."""
        return self._sender.waiting

    def problems(self) -> list[str]:
        """One line for each operation that could not be recorded, and why.

        The operations themselves, with their files, stay in the state file, and the next recorder tries them again.
        """
        return [_told(operation, reason) for operation, reason in self._outbox.rejected()] + self._lost

    def page(self, view: str) -> str | None:
        """The address of the table of runs behind that of MLflow, as a view of `overview` shows it; None while the
        search has not reached the store.
        """
        return None if self.run_id() is None else self._runs.page_of(view=view)

    def run_id(self, key: str = PARENT) -> str | None:
        """The MLflow id of a run, once it has reached the store."""
        return self._runs.known_id(key)

    def flush(self, timeout: float | None = None) -> int:
        """Wait until everything has been sent, at most `timeout` seconds; returns how many are left."""
        return self._sender.flush(timeout)

    def close(self, timeout: float = 30.0) -> int:
        """Flush, stop and let go of the state file; returns how many operations are left for the next time."""
        ends = time.monotonic() + timeout
        left = self.flush(timeout)
        self._sender.stop(max(1.0, ends - time.monotonic()))
        self._settings.close()
        return left

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------- details

    def _open(self, key: str, name: str, params: Mapping[str, Any], tags: Mapping[str, Any] | None) -> None:
        texts = {label: tag_text(value) for label, value in (tags or {}).items()}
        self._append("open", key, None, name=name, params=plain(params), tags=texts)

    def _append(self, kind: str, key: str, file: Path | None, **content: Any) -> None:
        now = content.pop("time", None)
        # The time is taken here: a point sent twice is then the same point, and a late one has its true time.
        stamped = {
            "kind": kind,
            "key": key,
            "time": int(time.time() * 1000) if now is None else int(now),
            **content,
        }
        try:
            self._outbox.append(stamped, file)
        except (OSError, ValueError) as error:
            # The file is not there: no reason to end a search, but one to be told.
            self._lost.append(f"{kind} of {key}: {in_short(error)}")
        else:
            self._sender.notify()


def _told(operation: Operation, reason: str) -> str:
    content = operation.content
    what = f"{content['kind']} of {content['key']}" if content else f"record {operation.number}"
    if content.get("kind") == "metrics":
        what += f" at step {content['step']}"
    if operation.name is not None:
        what += f" ({operation.name})"
    return f"{what}: {reason}"
