"""How distances and a search scale with Ray workers: measured on this machine, then in virtual time up to 1,000.

    python tests/benchmarks/benchmark_scaling.py [--workers 1 2 4] [--virtual 1 4 16 64 256 1000] [--seconds 600]

Measured: the paper's 75 bins by degnet, and a search of small trials, on so many Ray workers of one thread,
interleaved, `--repeats` times; where there are fewer processors than workers, each has a share of one. Distances are
timed from the first groups of bins to the last, a search from its first trial's start to its last one's end, so that
Ray's own start is in neither.

Virtual: the project's searcher, state file, records and watcher drive trials that only take virtual time, drawn with
the spread that the real ones had; what the driver does is done and timed, and Ray Tune's own part is the driver's
processor time in an experiment that does nothing. Not in it: that a cluster starts workers and moves files over a
network. MLflow is timed by itself, as a search does not wait for it before its end.
"""

import argparse
import io
import itertools
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import skimage.data
import torch
import yaml
from mlflow import MlflowClient
from ray.tune import Checkpoint, report
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE
from degcraft.features import make_extractor
from degcraft.images import Patches, read_image, write_image
from tests.benchmarks.virtual_search import Load, Run, VirtualSearch
from tune.cluster import connected
from tune.config import TrialConfig
from tune.data import Pair, read_data
from tune.experiment import Experiment
from tune.measuring import Workers, sharded_measurement
from tune.search import run_search
from tune.searcher import ListedSearch
from tune.spec import SearchSpec
from tune.spec_file import load_spec

PHOTOGRAPHS = (
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
REPORTS = 5
NOTHING = 100
"""Trials of the experiment that does nothing."""
console = Console(highlight=False, width=150)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--virtual", type=int, nargs="+", default=[1, 4, 16, 64, 256, 1000])
    parser.add_argument("--seconds", type=float, nargs="+", default=[600.0], help="of a virtual trial")
    parser.add_argument("--waves", type=int, default=2, help="virtual trials of each worker")
    parser.add_argument("--images", type=int, default=32, help="HR crops that each bin degrades")
    parser.add_argument("--trials", type=int, default=9, help="crafted trials of a real search; two rows come on top")
    parser.add_argument("--steps", type=int, default=400, help="of a real trial")
    parser.add_argument("--repeats", type=int, default=3, help="of what is measured")
    parser.add_argument("--virtual-repeats", type=int, default=1, help="of what is virtual: 1,000 workers take minutes")
    parser.add_argument("--hr", type=Path, help="folder of clean photographs; scikit-image's if left out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hr = args.hr or photographs(folder / "photographs")
        seconds = measure(folder, hr, args)
        spread = statistics.stdev(seconds) / statistics.mean(seconds)
        last = folder / f"search-{args.repeats - 1}-{args.workers[-1]}"
        ray_s = ray_seconds(folder / "nothing")
        console.print(
            f"a real trial takes {statistics.mean(seconds):.1f} s, with a spread of {100 * spread:.0f} %; of the "
            f"driver's processor, Ray Tune takes {1e3 * ray_s * (REPORTS + 2):.0f} ms a trial of {REPORTS} reports"
        )
        spec = load_spec(last / "search.yaml")
        virtual(folder, spec, read_data(spec)[0].pairs or (), last / "out" / "best", spread, ray_s, args)


def photographs(folder: Path) -> Path:
    """Crops of scikit-image's."""
    base = Path(skimage.data.__file__).parent
    for name, place in itertools.product(PHOTOGRAPHS, (0, 1)):
        image = read_image(base / name).rgb[:, 20 + 10 * place :, 20 + 150 * place :]
        write_image(folder / f"{Path(name).stem}-{place}.png", image[:, :256, :256])
    return folder


def measure(folder: Path, hr: Path, args: argparse.Namespace) -> list[float]:
    """Print the table; returns the seconds of every trial that trained."""
    crops = noise(args.images, 192, 0)
    references = noise(args.images, 48, 1)
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    trained: list[float] = []
    loads = []
    for repeat in range(args.repeats):
        for workers in args.workers:
            loads.append(os.getloadavg()[0])
            cpus = min(1.0, (os.cpu_count() or 1) / workers)
            with connected(None):
                found["75 bins by degnet", workers].append(
                    distances(crops, references, Workers(cpus, 0, workers), folder / f"{repeat}-{workers}")
                )
            took, seconds = search(folder / f"search-{repeat}-{workers}", hr, workers, cpus, args)
            found[f"{args.trials + 2} trials", workers].append(took)
            trained += seconds
    table = Table(
        title=f"{os.cpu_count()} processors, load {min(loads):.1f} to {max(loads):.1f}, medians of {args.repeats}"
    )
    for column in ("what", "workers", "seconds", "range", "speed-up", "efficiency"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for (what, workers), times in sorted(found.items()):
        ratio = statistics.median(found[what, args.workers[0]]) / statistics.median(times) * args.workers[0]
        there = min(workers, os.cpu_count() or 1)
        row = (
            f"{statistics.median(times):.1f}",
            f"{min(times):.1f} to {max(times):.1f}",
            f"{ratio:.2f}",
            f"{ratio / there:.2f}",
        )
        table.add_row(what, str(workers), *row)
    console.print(table)
    console.print("efficiency: the speed-up by the number of workers, or of processors where those are fewer")
    return trained


def noise(count: int, side: int, seed: int) -> Patches:
    """Images of smoothed noise: the content does not matter here."""
    coarse = torch.rand(count, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
    return Patches((smooth.clamp(0, 1) * 255).byte(), tuple(str(index) for index in range(count)))


def distances(crops: Patches, references: Patches, workers: Workers, cache: Path) -> float:
    """Seconds for all bins at the pace from the first groups, one of every worker, to the last."""
    marks: list[tuple[float, int]] = []
    sharded_measurement(
        PAPER_SPACE, crops, references, make_extractor("degnet"), scale=4, seed=0, workers=workers, cache=cache,
        progress=lambda done, total: marks.append((time.perf_counter(), done)),
    )  # fmt: skip
    assert workers.count is not None
    (began, first), (ended, last) = marks[workers.count - 1], marks[-1]
    return (ended - began) / (last - first) * last


def search(root: Path, hr: Path, workers: int, cpus: float, args: argparse.Namespace) -> tuple[float, list[float]]:
    """Seconds from the first start to the last end, and of every trained trial."""
    root.mkdir()
    content = {
        "name": "scaling", "references": str(hr), "hr": str(hr), "output": "out", "scale": 2,
        "synthetic": {"box": {"blur_sigma": [1.0, 2.0]}}, "patches": {"count": 24, "size": 48},
        "space": [{"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 4}],
        "held_out": {"size": 64, "count": 4},
        "network": {"name": "compact", "channels": 16, "convs": 4, "start": "none"},
        "training": {"steps": args.steps, "batch": 8, "reports": REPORTS, "precision": "float32"},
        "search": {"concurrent": workers}, "resources": {"cpus": cpus}, "budget": {"trials": args.trials - 1},
    }  # fmt: skip
    (root / "search.yaml").write_text(yaml.safe_dump(content))
    result = run_search(
        load_spec(root / "search.yaml"), resume=False, address=None, console=Console(file=io.StringIO())
    )
    runs = MlflowClient(result.store.tracking_uri).search_runs(["1"], "tags.kind LIKE '%'")
    assert result.unsent == 0
    span = max(run.info.end_time for run in runs) - min(run.info.start_time for run in runs)
    return span / 1e3, [trial.seconds for trial in result.summary.trials if trial.step]


def ray_seconds(folder: Path) -> float:
    """Of the driver's processor, for each start, report and end in an experiment that does nothing."""

    def nothing(config: dict[str, Any]) -> None:
        for step in range(REPORTS):
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / "file").write_text("")
                report({"step": step, "score": 0.0}, checkpoint=Checkpoint.from_directory(name))

    class Nobody:
        def started(self, trial: Any) -> None: ...
        def reported(self, trial: Any, result: dict[str, Any]) -> None: ...
        def ended(self, trial: Any, failure: str | None) -> None: ...
        def tick(self, trials: list[Any]) -> None: ...
        def enough(self) -> bool:
            return False

    with connected(None):
        listed = {f"t{number:03d}": TrialConfig("bicubic") for number in range(NOTHING)}
        began = time.process_time()
        Experiment("nothing", str(folder), 1, 0, 0, 1).run(
            nothing, Nobody(), searcher=ListedSearch(listed), trials=NOTHING, concurrent=None
        )
        return (time.process_time() - began) / NOTHING / (REPORTS + 2)


def virtual(
    folder: Path,
    spec: SearchSpec,
    pairs: Sequence[Pair],
    files: Path,
    spread: float,
    ray_s: float,
    args: argparse.Namespace,
) -> None:
    """Drive searches in virtual time, and print how much of their workers' time they use."""

    def run(
        kind: Literal["ground truth", "proxy"], workers: int, trials: int, seconds: float, seed: int, **store: str
    ) -> Run:
        budget = spec.model_copy(update={"budget": spec.budget.model_copy(update={"trials": trials})})
        with tempfile.TemporaryDirectory(dir=folder) as name:
            search = VirtualSearch(budget, Path(name), tuple(pairs), files, kind, **store)
            return search.run(Load(workers, seconds, spread, ray_s, seed))

    table = Table(
        title=f"virtual searches, {args.waves} trials of {REPORTS} reports a worker, medians of {args.virtual_repeats}"
    )
    for column in ("score", "workers", "trials", "s a trial", "efficiency", "driver, ms a trial", "most of it"):
        table.add_column(column, justify="left" if column in ("score", "most of it") else "right")
    kinds: tuple[Literal["ground truth", "proxy"], ...] = ("ground truth", "proxy")
    for kind, workers, seconds in itertools.product(kinds, args.virtual, args.seconds):
        runs = [
            run(kind, workers, max(args.waves * workers, 16), seconds, seed) for seed in range(args.virtual_repeats)
        ]
        found = sorted(one.efficiency for one in runs)
        spent = sum((one.spent for one in runs), start=type(runs[0].spent)())
        trials = sum(one.trials for one in runs)
        most = ", ".join(f"{part} {1e3 * took / trials:.0f}" for part, took in spent.most_common(3))
        table.add_row(
            kind, str(workers), str(runs[0].trials), f"{seconds:g}",
            f"{statistics.median(found):.3f} ({found[0]:.3f} to {found[-1]:.3f})",
            f"{1e3 * spent.total() / trials:.0f}", most,
        )  # fmt: skip
    console.print(table)
    console.print("efficiency: against the same workers and a driver that takes no time")
    began = time.perf_counter()
    store = folder / "mlflow.db"
    done = run("ground truth", 4, 30, 60.0, 0, store=f"sqlite:///{store}")
    took = (time.perf_counter() - began) / done.trials
    console.print(
        f"MLflow on SQLite takes up to {took:.2f} s a trial, the first start among it: {3600 / took:.0f} trials an hour"
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
