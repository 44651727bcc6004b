"""A search whose trials train in virtual time, while all that its driver does is done and timed.

Searcher, state file, records and watcher are the project's own; a trial is a duration that was drawn, and its
checkpoint the files that a real one left. The driver is one thread, as Ray Tune's is: a worker whose report waits
stands still.
"""

import heapq
import io
import itertools
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

from rich.console import Console

from degcraft.metrics import ImageScore, NiqeModel
from tracking import Recorder, StateFile, resolve_store
from tune.architectures import Architectures
from tune.budget import Budget
from tune.compared import compared_with
from tune.config import TrialConfig
from tune.data import Pair
from tune.folder import SearchFolder
from tune.held_out import HeldOut
from tune.progress import TrialsView
from tune.records import Records
from tune.search_space import crafted_trials
from tune.searcher import CraftSearch
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.trial import report_steps, steps_of
from tune.watch import SearchWatcher

AWAY = "http://127.0.0.1:9"
"""A store that nobody runs: what it is to be told is kept, and MLflow is timed by itself."""


@dataclass(frozen=True)
class Load:
    """What a virtual search is asked to do.

    Attributes:
        workers: Trials at a time.
        seconds: Mean training of a trial.
        spread: Standard deviation of the logarithm of that.
        ray: Seconds of Ray Tune's own for a start, a report or an end.
        seed: Of what is drawn.
    """

    workers: int
    seconds: float
    spread: float
    ray: float
    seed: int


@dataclass
class Run:
    """What came of it, in seconds."""

    makespan: float
    ideal: float
    """The makespan of a driver that takes no time."""
    trials: int
    spent: Counter[str] = field(default_factory=Counter)
    """Of the driver, by what it did."""

    @property
    def efficiency(self) -> float:
        return self.ideal / self.makespan


class VirtualSearch:
    """One search.

    Args:
        spec: The search; its folders are never read.
        folder: An empty one, for its output.
        pairs: Held-out pairs, for the pictures.
        files: Of the last checkpoint of a real trial of `spec`.
        kind: What the score is of; proxies ask more of the driver, as trials that they do not tell apart are ties.
        store: An MLflow URI.
    """

    def __init__(
        self,
        spec: SearchSpec,
        folder: Path,
        pairs: tuple[Pair, ...],
        files: Path,
        kind: Literal["ground truth", "proxy"],
        store: str = AWAY,
    ) -> None:
        self._spec, self._folder, self._files, self._store = spec, SearchFolder(folder), files, store
        self._held_out = HeldOut(kind, pairs, (), spec.held_out.metric, 0, spec.scale, cast("NiqeModel", None), None)
        self.spent: Counter[str] = Counter()
        self.now = 0.0

    def run(self, load: Load) -> Run:
        """Drive it to its end."""
        with self._driver() as (searcher, watcher, count):
            durations = draw_durations(load, count, self._spec.training.reports)
            self._drive(searcher, watcher, load, durations)
        return Run(self.now, makespan(load.workers, durations), count, self.spent)

    @contextmanager
    def _driver(self) -> Iterator[tuple[CraftSearch, SearchWatcher, int]]:
        spec, folder = self._spec, self._folder
        architectures = Architectures(spec)
        rows = compared_with(spec, architectures)
        count = len(rows) + crafted_trials(spec, architectures)
        with closing(StateFile(folder.state)) as file:
            state = SearchState(file)
            state.start(spec)
            store = resolve_store(self._store, folder.path)
            recorder = Recorder(store, "virtual", file.share(), state.notes["id"], longest_wait=60.0)
            records = Records(recorder, spec, self._held_out, folder, state, [], {}, {})
            records.open("")
            view = TrialsView(Console(file=io.StringIO()), spec.name, "psnr", 0, lambda c: steps_of(c, spec))
            budget, checkpoints = Budget(spec, state), str(folder.checkpoints)
            watcher = SearchWatcher(spec, state, records, budget, view, folder, checkpoints, self._held_out.kind)
            try:
                yield CraftSearch(spec, architectures, rows, state), watcher, count
            finally:
                recorder.close(0 if self._store == AWAY else 600)

    def _drive(self, searcher: CraftSearch, watcher: SearchWatcher, load: Load, durations: list[list[float]]) -> None:
        steps = report_steps(self._spec.training.steps, self._spec.training.reports)
        numbers, trials = itertools.count(), []
        reports: list[tuple[float, int, Any]] = []
        chosen = random.Random(load.seed)
        left = len(durations)

        def begin() -> None:
            config = self._timed("Optuna", searcher.suggest, str(number := next(numbers)))
            assert isinstance(config, dict)
            trial = SimpleNamespace(
                config=config, last_result={}, trial_id=str(number), status="RUNNING", place=0,
                is_finished=lambda: trial.status != "RUNNING",
                checkpoint=SimpleNamespace(to_directory=self._copied),
            )  # fmt: skip
            trials.append(trial)
            (self._folder.checkpoints / f"{config['key']}.1" / "checkpoint_000000").mkdir(parents=True)
            self._timed("records of a start", watcher.started, trial)
            self._charge("Ray Tune", load.ray)
            heapq.heappush(reports, (self.now + durations[number][0], number, trial))

        while left or reports:
            # In a step, Ray Tune asks for one trial, and takes one report if there is one.
            if asked := bool(left) and len(reports) < load.workers:
                left -= 1
                begin()
            if reports and (not asked or reports[0][0] <= self.now):
                ready, number, trial = heapq.heappop(reports)
                self.now = max(self.now, ready)
                trial.last_result = self._result(trial.config, steps[trial.place], chosen, durations[number])
                self._timed("records of a report", watcher.reported, trial, trial.last_result)
                self._charge("Ray Tune", load.ray)
                trial.place += 1
                if trial.place < len(steps):
                    heapq.heappush(reports, (self.now + durations[number][trial.place], number, trial))
                else:
                    self._timed("Optuna", searcher.on_trial_complete, trial.trial_id, trial.last_result)
                    trial.status = "TERMINATED"
                    self._timed("records of an end", watcher.ended, trial, None)
                    self._charge("Ray Tune", load.ray)
            self._timed("looking on", watcher.tick, trials)

    def _copied(self, folder: str) -> str:
        return str(shutil.copytree(self._files, folder, dirs_exist_ok=True))

    def _result(self, config: dict[str, Any], step: int, chosen: random.Random, seconds: list[float]) -> dict[str, Any]:
        mean = chosen.gauss(25, 0.3)
        images = [
            ImageScore(pair.name, {"psnr": mean + chosen.gauss(0, 0.1), "ssim": 0.7}).to_json()
            for pair in self._held_out.pairs
        ]
        step = step if TrialConfig.of(config).network else 0
        return {
            "step": step, "score": mean, "psnr": mean, "ssim": 0.7, "loss": 0.05, "images": images,
            "effective_bins": 5.0, "device": "cpu", "precision": "float32", "time_total_s": sum(seconds),
        }  # fmt: skip

    def _timed(self, part: str, what: Callable[..., Any], *told: Any) -> Any:
        began = time.perf_counter()
        found = what(*told)
        self._charge(part, time.perf_counter() - began)
        return found

    def _charge(self, part: str, seconds: float) -> None:
        self.spent[part] += seconds
        self.now += seconds


def draw_durations(load: Load, trials: int, reports: int) -> list[list[float]]:
    """Seconds of every trial from report to report."""
    chosen = random.Random(load.seed)
    return [
        [load.seconds / reports * chosen.lognormvariate(-(load.spread**2) / 2, load.spread)] * reports
        for _ in range(trials)
    ]


def makespan(workers: int, durations: list[list[float]]) -> float:
    """Seconds that so many workers take whom nobody holds up."""
    free = [0.0] * workers
    for trial in durations:
        heapq.heappush(free, heapq.heappop(free) + sum(trial))
    return max(free)
