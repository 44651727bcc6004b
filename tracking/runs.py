"""Finding or making the runs of one search: one for the search, one per trial, whatever restarts."""

import getpass
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from degcraft.errors import DegcraftError
from tracking.database import prepare_sqlite
from tracking.failures import Undeliverable, already_there
from tracking.store import Store
from tracking.values import LONGEST_TAG, clean_name, cut, flatten, tag_text

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PARENT = "search"
"""The key of the parent run; no trial may be called so."""
SEARCH_TAG = "degcraft.search_id"
TRIAL_TAG = "degcraft.trial"
PARENT_TAG = "mlflow.parentRunId"
CHANGED_TAG = "degcraft.changed_params"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of an experiment that MLflow is to open as training of models, not as GenAI."""

_PARAMS_PER_CALL = 100


class SearchRuns:
    """The runs of the search `search_id` in an experiment of the store, found by their tags.

    Ids are looked up once and kept. All methods talk to the store and raise what MlflowClient raises.
    """

    def __init__(self, store: Store, experiment: str, search_id: str) -> None:
        self.store = store
        self.experiment = experiment
        self.search_id = search_id
        self._client: MlflowClient | None = None
        self._experiment_id: str | None = None
        self._ids: dict[str, str] = {}

    @property
    def client(self) -> "MlflowClient":
        """The client, made on first use: a fresh SQLite store takes seconds to set up."""
        if self._client is None:
            from mlflow import MlflowClient

            if self.store.sqlite_file is not None:
                prepare_sqlite(self.store.sqlite_file, self.store.artifact_root)
            self._client = MlflowClient(tracking_uri=self.store.tracking_uri)
        return self._client

    def probe(self) -> None:
        """Ask the store something harmless; raises when it does not answer."""
        self.client.search_experiments(max_results=1)

    @property
    def experiment_id(self) -> str:
        """The experiment's id; made if missing, taken out of MLflow's trash if it lies there."""
        if self._experiment_id is None:
            found = self.client.get_experiment_by_name(self.experiment)
            if found is None:
                root = self.store.artifact_root
                location = None if root is None else (root / clean_name(self.experiment).replace("/", "_")).as_uri()
                try:
                    return self._keep_experiment(self.client.create_experiment(self.experiment, location, KIND))
                except Exception as error:
                    if not already_there(error):
                        raise
                    found = self.client.get_experiment_by_name(self.experiment)
            if found is None:
                raise DegcraftError(f"experiment: {self.experiment!r} can neither be found nor made in MLflow")
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(found.experiment_id)
            for name in KIND.keys() - found.tags.keys():
                self.client.set_experiment_tag(found.experiment_id, name, KIND[name])
            self._keep_experiment(found.experiment_id)
        assert self._experiment_id is not None
        return self._experiment_id

    def _keep_experiment(self, experiment_id: str) -> str:
        self._experiment_id = experiment_id
        return experiment_id

    def known_id(self, key: str) -> str | None:
        """The run's id if it has been looked up already; asks nobody."""
        return self._ids.get(key)

    def page_of(self, run_id: str | None = None, view: str | None = None) -> str:
        """The address of a run's page, or of a view of the table of all, behind MLflow's own; asks nobody once a run is
        known.

        MLflow 3.17 goes by the address, and what was chosen last in the browser, and not by the experiment's kind.
        """
        words = {"workflowType": "machine_learning"} | ({"viewStateShareKey": view} if view else {})
        return f"#/experiments/{self.experiment_id}/runs{f'/{run_id}' if run_id else ''}?{urlencode(words)}"

    def parents(self) -> list["Run"]:
        """The runs of all searches of the experiment, the newest first."""
        found = self._search(f"tags.`{TRIAL_TAG}` = '{PARENT}'")
        return sorted(found, key=lambda run: -run.info.start_time)

    def id(self, key: str) -> str:
        """The id of a run that was opened; raises Undeliverable if there is none."""
        if key not in self._ids:
            run = self._find(key)
            if run is None:
                raise Undeliverable(f"no run of search {self.search_id} was opened for {key!r}")
            self._ids[key] = run.info.run_id
        return self._ids[key]

    def forget(self) -> None:
        """Look everything up anew: someone has changed the store under us."""
        self._ids.clear()
        self._experiment_id = None

    def open(
        self,
        key: str,
        name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        started: int,
        *,
        goes_on: bool = True,
    ) -> None:
        """Find the run and, if it `goes_on`, set it RUNNING, or make it; then add the params and tags that it lacks.

        MLflow never changes a param. Those that differ from an earlier opening are named in the tag
        `degcraft.changed_params` and written whole to `params.resumed-<time>.json`.
        """
        run = self._find(key)
        short_tags = self._tags(key, tags)
        if run is None:
            run = self.client.create_run(self.experiment_id, start_time=started, tags=short_tags, run_name=name)
        else:
            if goes_on and run.info.status != "RUNNING":
                self.client.update_run(run.info.run_id, status="RUNNING")
            self._log(run.info.run_id, tags=short_tags)
        self._ids[key] = run.info.run_id
        self._long_tags(run.info.run_id, tags)
        if params:
            self._params(run, params, started)

    def tag(self, key: str, name: str, value: Any) -> None:
        """Set one tag; what is too long for MLflow is kept whole as a text artifact."""
        run_id = self.id(key)
        self.client.set_tag(run_id, clean_name(name), self._short(value))
        self._long_tags(run_id, {name: value})

    # ---------------------------------------------------------------- details

    def _find(self, key: str) -> "Run | None":
        found = list(
            self._search(f"tags.`{SEARCH_TAG}` = {_quoted(self.search_id)} and tags.`{TRIAL_TAG}` = {_quoted(key)}")
        )
        return min(found, key=lambda run: (run.info.start_time, run.info.run_id), default=None)

    def _search(self, condition: str) -> Iterator["Run"]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment_id], condition, max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _tags(self, key: str, tags: Mapping[str, Any]) -> dict[str, str]:
        own = {SEARCH_TAG: self.search_id, TRIAL_TAG: key, "mlflow.source.name": "degcraft"}
        with suppress(KeyError, OSError):  # a container may have no name for its user
            own["mlflow.user"] = getpass.getuser()
        if key != PARENT:
            own[PARENT_TAG] = self.id(PARENT)
        return {clean_name(name): self._short(value) for name, value in tags.items()} | own

    @staticmethod
    def _short(value: Any) -> str:
        return cut(tag_text(value), LONGEST_TAG, " … (cut; whole in tags/)")

    def _long_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        for name, value in tags.items():
            text = tag_text(value)
            if len(text) > LONGEST_TAG:
                self.client.log_text(run_id, text, f"tags/{clean_name(name).replace('/', '_')}.txt")

    def _params(self, run: "Run", params: Mapping[str, Any], time: int) -> None:
        run_id, there = run.info.run_id, run.data.params
        wanted = flatten(params)
        changed = sorted(name for name, value in wanted.items() if there.get(name, value) != value)
        self._log(run_id, params={name: value for name, value in wanted.items() if name not in there})
        if changed:
            named = cut(", ".join(changed), LONGEST_TAG, " …")
            self.client.set_tag(run_id, CHANGED_TAG, named)
        self.client.log_dict(run_id, dict(params), f"params.resumed-{time}.json" if changed else "params.json")

    def _log(self, run_id: str, params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None) -> None:
        from mlflow.entities import Param, RunTag

        everything = [Param(*item) for item in (params or {}).items()] + [
            RunTag(*item) for item in (tags or {}).items()
        ]
        for start in range(0, len(everything), _PARAMS_PER_CALL):
            part = everything[start : start + _PARAMS_PER_CALL]
            self.client.log_batch(
                run_id,
                params=[item for item in part if isinstance(item, Param)],
                tags=[item for item in part if isinstance(item, RunTag)],
            )


def _quoted(value: str) -> str:
    """The value as a string of MLflow's filter language, which knows no escapes."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    raise Undeliverable(f"an id must not hold both kinds of quotation marks, got {value}")
