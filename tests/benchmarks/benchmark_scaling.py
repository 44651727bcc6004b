"""How distances and a search scale with Ray workers: measured on this machine, then in virtual time up to 1,000.

    python tests/benchmarks/benchmark_scaling.py [--workers 1 2 4] [--virtual 1 4 16 64 256 1000]

Measured: the paper's 75 bins by degnet, and a search of small trials, on so many Ray workers of one thread, in turn,
`--repeats` times; where there are fewer processors than workers, each has a share of one. Distances are timed from the
first groups of bins to the last, a search from its first trial's start to its last one's end, so that Ray's own start
is in neither.

Virtual: the same `run_search`, whose trials only take virtual time, ten minutes with the spread that real ones had.
What its driver, one thread, does for them is done and timed, and a worker whose report waits for it stands still. Ray
Tune's own part is the driver's processor time in an experiment that does nothing. Not in it: that a cluster starts
workers and moves files, early stopping, and MLflow, which no search waits for before its end: that is timed by itself.
"""

import argparse
import heapq
import io
import itertools
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, patch

from mlflow import MlflowClient
from ray.tune import Checkpoint, report
from ray.tune.search import Searcher
from rich.console import Console

from degcraft.degradation import PAPER_SPACE
from degcraft.features import make_extractor
from degcraft.images import write_image
from degcraft.results import Table
from tests.benchmarks.benchmark_shared_measurement import noise_images
from tune.checkpoints import SCORES
from tune.cluster import connected
from tune.config import TRAINED, TrialConfig
from tune.experiment import Experiment, Watcher
from tune.measuring import Workers, sharded_measurement
from tune.search import SearchResult, run_search
from tune.searcher import ListedSearch
from tune.spec import SearchSpec
from tune.trial import report_steps

PROCESSORS = os.cpu_count() or 1
STEPS, REPORTS, TRIALS = 300, 5, 6
"""Of a real trial; how many of them are crafted, beside bicubic and uniform."""
SECONDS = 600.0
"""Of a virtual trial."""
NOTHING = 100
"""Trials of the experiment that does nothing."""
AWAY = "http://127.0.0.1:9"
"""An MLflow that nobody runs: what it is to be told is kept."""
console = Console(highlight=False, width=150)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--virtual", type=int, nargs="+", default=[1, 4, 16, 64, 256, 1000])
    parser.add_argument("--repeats", type=int, default=3, help="of what is measured")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for image, number in zip(noise_images(256, 0, 12).pixels, itertools.count()):
            write_image(folder / "clean" / f"{number:02d}.png", image)
        trained = measure(folder, args.workers, args.repeats)
        spread, ray_s = statistics.stdev(trained) / statistics.mean(trained), ray_seconds(folder / "nothing")
        console.print(
            f"a real trial takes {statistics.mean(trained):.1f} s, with a spread of {100 * spread:.0f} %; of the "
            f"driver's processor, Ray Tune takes {1e3 * ray_s * (REPORTS + 2):.0f} ms a trial of {REPORTS} reports"
        )
        simulate(folder, args.virtual, spread, ray_s)


# ---------------------------------------------------------------- measured


def measure(folder: Path, workers: list[int], repeats: int) -> list[float]:
    """Print the table; returns the seconds of every trial that trained."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    trained, loads = [], []
    for repeat, count in itertools.product(range(repeats), workers):
        loads.append(os.getloadavg()[0])
        cpus, root = min(1.0, PROCESSORS / count), folder / f"real-{repeat}-{count}"
        found["75 bins by degnet", count].append(distances(Workers(cpus, 0, count), root / "cache"))
        result = searched(spec_of(folder, root / "out", concurrent=count, cpus=cpus))
        runs = MlflowClient(result.store.tracking_uri).search_runs(["1"], "tags.kind LIKE '%'")
        span = max(run.info.end_time for run in runs) - min(run.info.start_time for run in runs)
        found[f"a search of {len(runs)} trials", count].append(span / 1e3)
        trained += [trial.seconds for trial in result.summary.trials if trial.step]
    rows = []
    for (what, count), times in sorted(found.items()):
        ratio = statistics.median(found[what, workers[0]]) / statistics.median(times) * workers[0]
        spread = f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"
        rows.append((what, str(count), spread, f"{ratio:.2f}", f"{ratio / min(count, PROCESSORS):.2f}"))
    title = f"{PROCESSORS} processors, load {min(loads):.1f} to {max(loads):.1f}, medians of {repeats} (range)"
    caption = "efficiency: speed-up by the number of workers, or of processors where those are fewer"
    shown(Table(title, ("what", "workers", "seconds", "speed-up", "efficiency"), rows, caption=caption))
    return trained


def distances(workers: Workers, cache: Path) -> float:
    """Seconds for all bins at the pace from the first groups, one of every worker, to the last."""
    marks: list[tuple[float, int]] = []
    with connected(None):
        sharded_measurement(
            PAPER_SPACE, noise_images(192, 0, 32), noise_images(48, 1, 32), make_extractor("degnet"),
            scale=4, seed=0, workers=workers, cache=cache,
            progress=lambda done, total: marks.append((time.perf_counter(), done)),
        )  # fmt: skip
    assert workers.count is not None
    (began, first), (ended, last) = marks[workers.count - 1], marks[-1]
    return (ended - began) / (last - first) * last


def spec_of(
    folder: Path, output: Path, *, concurrent: int, cpus: float = 1.0, trials: int = TRIALS,
    held_out: str = "ground truth", uri: str | None = None,
) -> SearchSpec:  # fmt: skip
    """A small search."""
    synthetic = {"synthetic": {"box": {"blur_sigma": [1.0, 2.0]}}} if held_out == "ground truth" else {}
    content = {
        "name": "scaling", "references": str(folder / "clean"), "hr": str(folder / "clean"), "output": str(output),
        "scale": 2, **synthetic, "patches": {"count": 24, "size": 48}, "held_out": {"size": 64, "count": 8},
        "space": [{"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 4}],
        "network": {"name": "compact", "channels": 16, "convs": 4, "start": "none"},
        "training": {"steps": STEPS, "batch": 8, "reports": REPORTS, "precision": "float32"},
        "search": {"concurrent": concurrent, "early_stopping": False}, "resources": {"cpus": cpus},
        "budget": {"trials": trials}, "tracking": {"uri": uri},
    }  # fmt: skip
    return SearchSpec.model_validate(content)


def searched(spec: SearchSpec) -> SearchResult:
    """What came of it, all of it in MLflow."""
    result = run_search(spec, resume=False, address=None, console=Console(file=io.StringIO()))
    assert result.unsent == 0
    return result


def ray_seconds(folder: Path) -> float:
    """Of the driver's processor, for each start, report and end in an experiment that does nothing."""

    def nothing(config: dict[str, Any]) -> None:
        for step in range(REPORTS):
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / "file").write_text("")
                report({"step": step, "score": 0.0}, checkpoint=Checkpoint.from_directory(name))

    nobody = Mock(spec=Watcher, enough=lambda: False)
    listed = ListedSearch({f"t{number:03d}": TrialConfig("bicubic") for number in range(NOTHING)})
    with connected(None):
        began = time.process_time()
        experiment = Experiment("nothing", str(folder), 1, 0, 0, 1)
        experiment.run(nothing, nobody, searcher=listed, trials=NOTHING, concurrent=None)
        return (time.process_time() - began) / NOTHING / (REPORTS + 2)


# ---------------------------------------------------------------- virtual


def simulate(folder: Path, workers: list[int], spread: float, ray_s: float) -> None:
    """Drive searches in virtual time, and print how much of their workers' time they use."""
    rows = []
    for held_out in ("ground truth", "proxy"):
        # Proxies ask more of the driver, as trials that they do not tell apart are ties.
        real = spec_of(folder, folder / held_out, concurrent=1, trials=1, held_out=held_out)
        searched(real)
        files = Path(real.output) / "best"
        for count in workers:
            output, trials = folder / "virtual", max(2 * count, 16)
            spec = spec_of(folder, output, concurrent=count, trials=trials, held_out=held_out, uri=AWAY)
            run = Simulation(spec, files, spread, ray_s)
            # What comes behind the last trial waits for MLflow.
            with suppress(KeyboardInterrupt):
                run.search(then=Mock(side_effect=KeyboardInterrupt))
            most = ", ".join(f"{part} {1e3 * took / run.trials:.0f}" for part, took in run.spent.most_common(3))
            driver = f"{1e3 * run.spent.total() / run.trials:.0f}"
            rows.append((held_out, str(count), str(run.trials), f"{run.ideal / run.now:.4f}", driver, most))
            shutil.rmtree(output)
    columns = ("score", "workers", "trials", "efficiency", "driver, ms a trial", "most of it")
    caption = "efficiency: against the same workers and a driver that takes no time"
    shown(Table(f"virtual searches, load {os.getloadavg()[0]:.1f}", columns, rows, caption=caption))
    spec = spec_of(folder, output, concurrent=4, trials=30, held_out=held_out)
    run, began = Simulation(spec, files, spread, ray_s), time.perf_counter()
    run.search()
    took = (time.perf_counter() - began) / run.trials
    console.print(f"MLflow on SQLite takes at most {took:.2f} s a trial: {3600 / took:.0f} trials an hour")


class Simulation:
    """A search whose trials only take virtual time.

    Args:
        spec: Of the search.
        files: What a trial leaves, those of a real one.
        spread: Standard deviation of the logarithm of a trial's seconds.
        ray_s: Ray Tune's own seconds for a start, a report or an end.
    """

    def __init__(self, spec: SearchSpec, files: Path, spread: float, ray_s: float) -> None:
        self._spec, self._files, self._spread, self._ray_s = spec, files, spread, ray_s
        self._chosen = random.Random(0)
        self._scores = json.loads((files / SCORES).read_text())
        self.trials, self.now, self.ideal = 0, 0.0, 0.0
        """How many; virtual seconds that they took, and would with a driver that takes no time."""
        self.spent: Counter[str] = Counter()
        """Seconds of the driver, by what it did."""

    def search(self, then: Callable[[], None] = lambda: None) -> None:
        """Run it; `then` comes behind the last trial."""

        def run(trainable: Any, watcher: Watcher, *, searcher: Searcher, trials: int, **_: Any) -> None:
            self._drive(watcher, searcher, trials)
            then()

        with patch.object(Experiment, "run", staticmethod(run)):
            searched(self._spec)

    def _drive(self, watcher: Watcher, searcher: Searcher, count: int) -> None:
        self.trials, workers, trials = count, self._spec.search.concurrent or 1, list[Any]()
        reports: list[tuple[float, int]] = []
        free = [0.0] * workers
        while len(trials) < count or reports:
            # In a step, Ray Tune asks for one trial, and takes one report if there is one.
            if asks := len(trials) < count and len(reports) < workers:
                trials.append(trial := self._begun(searcher, len(trials)))
                self._timed("starts", watcher.started, trial)
                heapq.heappush(free, heapq.heappop(free) + trial.seconds * len(trial.steps))
                heapq.heappush(reports, (self.now + trial.seconds, len(trials) - 1))
            if reports and (not asks or reports[0][0] <= self.now):
                ready, number = heapq.heappop(reports)
                self.now, trial = max(self.now, ready), trials[number]
                trial.last_result = self._result(trial.steps.pop(0))
                self._timed("reports", watcher.reported, trial, trial.last_result)
                if trial.steps:
                    heapq.heappush(reports, (self.now + trial.seconds, number))
                else:
                    self._timed("Optuna", searcher.on_trial_complete, trial.trial_id, trial.last_result, ray_s=0.0)
                    trial.status = "TERMINATED"
                    self._timed("ends", watcher.ended, trial, None)
            self._timed("looking on", watcher.tick, trials, ray_s=0.0)
        self.ideal = max(free)

    def _begun(self, searcher: Searcher, number: int) -> Any:
        config = self._timed("Optuna", searcher.suggest, str(number), ray_s=0.0)
        (Path(self._spec.output) / "checkpoints" / "trials" / f"{config['key']}.1" / "checkpoint_000000").mkdir(
            parents=True
        )
        steps = report_steps(STEPS, REPORTS) if config["kind"] in TRAINED else [0]
        seconds = SECONDS * self._chosen.lognormvariate(-(self._spread**2) / 2, self._spread) / len(steps)
        trial = SimpleNamespace(
            trial_id=str(number), config=config, steps=steps, seconds=seconds, last_result={}, status="RUNNING",
            is_finished=lambda: trial.status != "RUNNING",
            checkpoint=SimpleNamespace(to_directory=lambda to: shutil.copytree(self._files, to, dirs_exist_ok=True)),
        )  # fmt: skip
        return trial

    def _result(self, step: int) -> dict[str, Any]:
        """A report like the real one, with other scores."""
        metric, mean = self._spec.held_out.metric, self._chosen.gauss(25, 0.3)
        images = [
            {**image, "scores": {**image["scores"], metric: mean + self._chosen.gauss(0, 0.1)}}
            for image in self._scores["images"]
        ]
        told = {"step": step, "score": mean, metric: mean, "images": images, "effective_bins": 5.0}
        return {**self._scores, **told, "loss": 0.05, "device": "cpu", "time_total_s": SECONDS}

    def _timed(self, part: str, what: Callable[..., Any], *told: Any, ray_s: float | None = None) -> Any:
        began = time.perf_counter()
        found = what(*told)
        own, rays = time.perf_counter() - began, self._ray_s if ray_s is None else ray_s
        self.spent += Counter({part: own, "Ray Tune": rays})
        self.now += own + rays
        return found


def shown(table: Table) -> None:
    """Print it."""
    console.print(table.terminal(words=("what", "score", "most of it"), marked=""))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
