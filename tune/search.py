"""A whole search, end to end: read, measure, make the held-out pairs, train the shared start, search, sum up."""

from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
import yaml
from ray.tune import with_parameters
from rich.console import Console

from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.matching import Measurement, Reliability
from degcraft.matching.distribution_distance import compare_distributions
from tracking import Recorder, StateFile, Store, describe_environment, resolve_store
from tune.architectures import Architectures
from tune.budget import Budget
from tune.cluster import connected, fits, largest_node
from tune.compared import compared_with, rates
from tune.config import TRAINED, TrialConfig, network_key
from tune.data import SearchData, read_data, remote_only
from tune.experiment import Experiment
from tune.folder import SearchFolder
from tune.held_out import HeldOut
from tune.notes import view_of
from tune.preparation import Measurements, Starts, held_out_part, measured_precisions, references_of
from tune.progress import TrialsView
from tune.records import Records
from tune.registration import Registration, decide
from tune.search_space import crafted_trials
from tune.searcher import CraftSearch, SparingAsha
from tune.shared import shared_starts
from tune.sittings import begin, check_sitting
from tune.spec import SearchSpec
from tune.spec_file import file_hashes
from tune.state import SearchState
from tune.study import write_study
from tune.summary import Summary
from tune.trial import distribution, plan_of, run_trial, steps_of
from tune.watch import SearchWatcher


@dataclass(frozen=True)
class SearchResult:
    """A search that came to its end, or was interrupted."""

    summary: Summary
    store: Store
    best: Path | None
    """Folder of the best model, if there is one."""
    registration: Registration | None
    """What became of the best model in the registry; None if the search did not come to its end."""
    registered: str | None
    """`models:/name@alias` of the best model, once MLflow has it."""
    interrupted: bool
    unsent: int
    """Records that MLflow has not got yet; a resume sends them."""
    waiting: str | None
    """Why it has not got them, in one line."""
    problems: list[str]
    """Records that MLflow refused, and why; a resume sends them once more."""
    page: str | None
    """Address of the runs behind that of MLflow, the best first, once it has them."""


def run_search(spec: SearchSpec, *, resume: bool, address: str | None, console: Console) -> SearchResult:
    """Run a search, or go on with it.

    Args:
        spec: What to do, with absolute paths.
        resume: Go on with the search in `spec.output` instead of starting one.
        address: Ray cluster; None for this machine.
        console: Where to say what goes on.

    Raises:
        DegcraftError: The output folder holds another search, or none to go on with; or input that cannot be used.
    """
    folder = SearchFolder(spec.output)
    check_sitting(spec, folder, resume=resume)
    with nullcontext() if resume else folder.nothing_left():
        architectures = Architectures(spec)
        rows = compared_with(spec, architectures)
        for row in rows:
            if row.kind in TRAINED:
                plan_of(row, spec)
        store = resolve_store(spec.tracking.uri, folder.path)
        if not resume:
            begin(spec, folder)
        with closing(StateFile(folder.state)) as file, connected(address) as where:
            console.print(where, highlight=False)
            console.print(f"MLflow: {store.description}", highlight=False, soft_wrap=True)
            return _Search(spec, architectures, rows, folder, SearchState(file), store, console).run()


class _Search:
    """The steps of one sitting of a search, in order."""

    def __init__(
        self,
        spec: SearchSpec,
        architectures: Architectures,
        rows: list[TrialConfig],
        folder: SearchFolder,
        state: SearchState,
        store: Store,
        console: Console,
    ) -> None:
        self.spec, self.folder, self.state, self.store, self.console = spec, folder, state, store, console
        self.architectures, self.rows = architectures, rows
        self.crafted = crafted_trials(spec, architectures)
        self.budget = Budget(spec, state)
        folder.tidy()
        state.note("sitting", self.sitting + 1)

    def run(self) -> SearchResult:
        spec = self.spec
        fits(spec.resources.cpus, spec.resources.gpus)
        with self.console.status("reading images"):
            data, pool = self._read()
        self.state.check_content(data.hashes() | file_hashes(spec))
        for note in data.notes:
            self.console.print(note, highlight=False, soft_wrap=True)
        if self.crafted < spec.budget.trials:
            said = f"crafted trials: {self.crafted}, as no more differ; budget.trials is {spec.budget.trials}"
            self.console.print(said, highlight=False, soft_wrap=True)
        references = references_of(spec, data, ray.get(pool))
        measurements = Measurements(spec, self.folder, self.console)
        measured = measurements.of_trials(data)
        reliability = measurements.reliability(data, measured)
        for name, found in reliability.items():
            for sentence in found.sentences():
                self.console.print(f"{name}: {sentence}", highlight=False, soft_wrap=True, markup=False)
        held_out = held_out_part(spec, data, ray.get(pool), measurements, self.folder)
        recorder = Recorder(self.store, spec.tracking.experiment, self.state.file.share(), self.state.notes["id"])
        records = Records(
            recorder, spec, held_out, self.folder, self.state, data.datasets(spec), describe_environment(), reliability
        )
        self.folder.begun = True
        try:
            return self._search(recorder, records, pool, references, held_out, measured, reliability)
        except BaseException:
            # A disk that is full has no room for this either, and the first error is the one to tell.
            with suppress(DegcraftError):
                records.interrupted()
            raise
        finally:
            recorder.close(timeout=5)

    def _search(
        self,
        recorder: Recorder,
        records: Records,
        pool: ray.ObjectRef,
        references: HrPool | None,
        held_out: HeldOut,
        measured: dict[str, Measurement],
        reliability: dict[str, Reliability],
    ) -> SearchResult:
        spec = self.spec
        networks = self.architectures.all()
        precisions = measured_precisions(spec, networks, self.state, self.console)
        records.open(yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
        bind = partial(
            with_parameters, run_trial, spec=spec, pool=pool, held_out=held_out, measured=measured,
            precisions=precisions, references=references,
        )  # fmt: skip

        starts = self._starts(records, partial(bind, experiment=self._experiment("shared", 1).location))
        watcher = None
        if starts is not None:
            watcher = self._trials(
                records, bind(starts=starts, experiment=self._experiment("trials", 1).location), held_out
            )
        reason = self.budget.spent()
        interrupted = reason is None and (watcher is None or len(self.state.ends) < self._count)
        if interrupted:
            reason = "interrupted"
        summary = Summary(
            name=spec.name,
            metric=spec.held_out.metric,
            held_out=held_out.kind,
            trials=tuple(watcher.outcomes() if watcher else ()),
            ended_by=reason
            or f"all {self.crafted} crafted trials done, and the {len(self.rows)} that they are compared with",
            seconds=self.budget.seconds,
            reliability=reliability,
        )
        crafted = summary.best_crafted
        if spec.synthetic is not None and crafted is not None and not spec.degradation_space().is_sampled:
            found = compare_distributions(distribution(crafted.config, spec, measured), spec.synthetic.bounds())
            summary = replace(summary, from_truth=found)
        registration = None
        if not interrupted:
            # What the registry says of the present champion is asked of the store that the records reach.
            with self.console.status("sending the records to MLflow"):
                recorder.flush(timeout=60)
            with self.console.status("comparing with the present champion"):
                registration = decide(spec, summary, held_out, self.store, self.state)
        records.close(summary, "KILLED" if interrupted else "FINISHED", registration)
        write_study(self.folder.study, CraftSearch(spec, self.architectures, self.rows, self.state).study, summary)
        with self.console.status("sending what is left to MLflow"):
            unsent = recorder.flush(timeout=10 if interrupted else 180)
        waiting, problems = recorder.waiting(), recorder.problems()
        registered = None
        if registration is not None and registration.alias is not None:
            refused = unsent or any(problem.startswith("register") for problem in problems)
            registered = None if refused else f"models:/{spec.tracking.register_as}@{registration.alias}"
        page = recorder.page(view_of(summary.metric)[0])
        best = self.folder.best if summary.best is not None else None
        return SearchResult(
            summary, self.store, best, registration, registered, interrupted, unsent, waiting, problems, page
        )

    @property
    def sitting(self) -> int:
        """How often the search was started before, and in this one too."""
        return int(self.state.notes.get("sitting", 0))

    @property
    def _count(self) -> int:
        """How many rows there will be."""
        return self.crafted + len(self.rows)

    def _read(self) -> tuple[SearchData, ray.ObjectRef]:
        """Read the images here, or near the data where only URIs are named; the pool goes into the object store."""
        if remote_only(self.spec):
            task: Any = ray.remote(read_data).options(num_returns=2)
            data, pool = task.remote(self.spec)
            return ray.get(data), pool
        found, images = read_data(self.spec)
        self.console.print(f"sent to the workers: {images.nbytes / 1e6:.0f} MB of training images", highlight=False)
        return found, ray.put(images)

    def _starts(self, records: Records, bind: Callable[..., Any]) -> Starts | None:
        """Weights to start from; None if the search was interrupted before they were there."""
        spec, networks = self.spec, self.architectures.all()
        starts = {network_key(network): self.architectures.start_of(network) for network in networks}
        found = {key: start.model.state_dict() for key, start in starts.items() if start is not None}
        if not (missing := self.architectures.to_train()):
            return found
        total = spec.training.start_steps * len(missing)
        title = f"{spec.name}: the shared start, on uniform degradations"
        view = TrialsView(self.console, title, spec.held_out.metric, total, partial(steps_of, spec=spec))
        # There is nothing to run beside the shared networks, so they share all of the processors.
        cpus = max(spec.resources.cpus, largest_node() // len(missing))
        trained = shared_starts(
            missing,
            rates(spec)[0],
            self._experiment("shared", cpus),
            bind(starts={}),
            records,
            self.budget,
            view,
            self.folder.shared,
        )
        return None if trained is None else found | dict(trained)

    def _trials(self, records: Records, trainable: Any, held_out: HeldOut) -> SearchWatcher:
        spec = self.spec
        total = spec.training.steps * self.crafted + sum(steps_of(row, spec) for row in self.rows)
        # Those that are over are not seen any more.
        total -= sum(steps_of(end.config, spec) for end in self.state.ends.values())
        view = TrialsView(self.console, spec.name, spec.held_out.metric, total, partial(steps_of, spec=spec))
        experiment = self._experiment("trials", spec.resources.cpus)
        watcher = SearchWatcher(
            spec, self.state, records, self.budget, view, self.folder, experiment.location, held_out.kind
        )
        left = self._count - len(self.state.ends)
        if left > 0 and self.budget.spent() is None:
            with view:
                experiment.run(
                    trainable,
                    watcher,
                    searcher=CraftSearch(spec, self.architectures, self.rows, self.state),
                    trials=left,
                    concurrent=spec.search.concurrent,
                    scheduler=SparingAsha(spec, self.state) if spec.search.early_stopping else None,
                )
        return watcher

    def _experiment(self, name: str, cpus: float) -> Experiment:
        spec = self.spec
        storage = f"{spec.storage.rstrip('/')}/{spec.name}" if spec.storage else str(self.folder.checkpoints)
        return Experiment(name, storage, cpus, spec.resources.gpus, spec.budget.retries, self.sitting)
