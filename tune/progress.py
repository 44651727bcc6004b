"""What a person sees while a search runs: one live table on a terminal, one line per event elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from ray.tune.experiment import Trial
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from degcraft.pace import LogPace
from tune.config import TrialConfig

FRAME = 7
"""Lines of the live view that are no trials: the bar, the line below it, the title, the header and the frame."""


class TrialsView:
    """The trials of one experiment: their state, the best so far, the time left. Where there is no room for all, those
    that are not over are shown, and the last of the others.

    Args:
        console: Where to write; on anything but a terminal each event is a line.
        title: What is going on.
        metric: Name of the score.
        total: Steps of all trials together, those to come too.
        steps_of: Steps of a trial; those that are only scored have none.
    """

    def __init__(
        self, console: Console, title: str, metric: str, total: int, steps_of: Callable[[TrialConfig], int]
    ) -> None:
        self._console, self._title, self._metric = console, title, metric
        self._total, self._steps_of = total, steps_of
        self._pace = Pace(total)
        self._trials: list[Trial] = []
        self._best = ""
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None

    def __enter__(self) -> "TrialsView":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, trials: list[Trial], best: str) -> None:
        """Redraw."""
        self._trials, self._best = trials, best
        results = [trial.last_result for trial in trials if trial.last_result.get("step")]
        trained = max((float(result["time_total_s"]) for result in results), default=0.0)
        self._pace.told(self._done(), trained, time.monotonic())
        if self._live:
            self._live.update(self._render())

    def say(self, text: str) -> None:
        """Something that a person should know: a line of its own everywhere."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def event(self, text: str) -> None:
        """Something happened: a line of its own where there is no live table."""
        if not self._live:
            left = self._pace.left(time.monotonic())
            self._console.print(f"{text}{f' ({left} left)' if left else ''}", highlight=False)

    def _done(self) -> int:
        # A trial that is over needs no more steps, however early it ended.
        return sum(
            self._steps_of(TrialConfig.of(trial.config))
            if trial.is_finished()
            else int(trial.last_result.get("step", 0))
            for trial in self._trials
        )

    def _render(self) -> Group:
        # What does not fit below the other lines would be drawn all the same, and cut off: a second for 2,000 trials.
        places = range(len(self._trials))
        fit = sorted(places, key=lambda place: (self._trials[place].is_finished(), -place))
        shown = sorted(fit[: max(self._console.height - FRAME, 1)])
        more = f" ({len(shown)} of {len(places)} trials)" if len(shown) < len(places) else ""
        table = Table(title=f"{self._title}{more}", title_justify="left", expand=False)
        for column in ("trial", "trained on", "weighting", "steps", "loss", self._metric, "state"):
            table.add_column(
                column, justify="left" if column in ("trial", "trained on", "weighting", "state") else "right"
            )
        for trial in (self._trials[place] for place in shown):
            config, result = TrialConfig.of(trial.config), trial.last_result
            step, steps = int(result.get("step", 0)), self._steps_of(config)
            table.add_row(
                trial.config["key"],
                config.label(),
                config.weighting_words(),
                f"{step}/{steps}" if steps else "",
                f"{result['loss']:.4f}" if "loss" in result else "",
                f"{result['score']:.3f}" if "score" in result else "",
                _STATES.get(trial.status, trial.status.lower()),
            )
        done, total = self._done(), self._total
        bar = ProgressBar(total=total, completed=done, width=40)
        left = self._pace.left(time.monotonic())
        line = Text(f"{100 * done // max(total, 1)}%  {f'{left} left  ' if left else ''}{self._best}")
        return Group(bar, line, table)


class Pace:
    """How long the steps that are left will take, by those that were done since the first trial began to train.

    Args:
        total: Steps of all trials together.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._first: int | None = None
        self._done = 0
        self._began = self._last = 0.0

    def told(self, done: int, trained: float, now: float) -> None:
        """Take note of the steps done by now, and of the seconds for which the longest trial has trained."""
        if self._first is None:
            self._first = self._done = done
        elif done != self._done:
            if self._done == self._first:
                # What came before, Ray's start and the workers' imports, comes once and not with every step.
                self._began = now - trained
            self._done, self._last = done, now

    def left(self, now: float) -> str:
        """As a clock shows it, running down between reports; empty until steps were done."""
        if self._first is None or self._done <= self._first:
            return ""
        rate = (self._last - self._began) / (self._done - self._first)
        return _clock(max(0.0, (self._total - self._done) * rate - (now - self._last)))


_STATES = {
    "RUNNING": "training",
    "TERMINATED": "over",
    "PENDING": "waiting",
    "ERROR": "failed",
    "PAUSED": "waiting",
}


@contextmanager
def counting(console: Console, title: str, unit: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that is counted, a line now and then in a log; yields a function of (done, total)."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn()
    )  # fmt: skip
    pace = LogPace()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and (left := pace.left(done, total)) is not None:
                console.print(f"{title}: {done} of {total} {unit}{left}", highlight=False, soft_wrap=True)

        yield tell


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
