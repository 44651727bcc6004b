"""How work goes on, on the screen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

AVERAGED = 100
"""Steps that a shown loss is the running mean of."""


@contextmanager
def counting(
    console: "Console", title: str, total: int | None = None, unit: str = ""
) -> Iterator[Callable[[float, float], None]]:
    """A bar in a terminal, a line after every tenth in a log if there is a unit; yields a function of (done, total)."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)

        def tell(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)
            if unit and not console.is_terminal and (done * 10) // total > ((done - 1) * 10) // total:
                console.print(f"{title}: {done} of {total} {unit}")

        yield tell


def training_bar(console: "Console") -> "Progress":
    """A bar for the steps of a training; its task has a field `loss`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class TrainingProgress:
    """A bar in a terminal, a line now and then in a log.

    Args:
        console: Where to show it.
        steps: In all.
        losses: Filled with running means of the losses by name.
    """

    def __init__(self, console: "Console", steps: int, losses: dict[str, float]) -> None:
        self._console = console
        self._steps = steps
        self._losses = losses
        self._bar = training_bar(console)
        self._task = self._bar.add_task("training", total=self._steps, loss="")

    def __enter__(self) -> Callable[[int, dict[str, float]], None]:
        self._bar.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _tell(self, step: int, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            self._losses[name] = value + (self._losses.get(name, value) - value) * (1 - 1 / AVERAGED)
        text = ", ".join(f"{name} {value:.3f}" for name, value in self._losses.items())
        self._bar.update(self._task, completed=step, loss=text)
        if not self._console.is_terminal and (step % (10 * AVERAGED) == 0 or step == self._steps):
            self._console.print(f"step {step} of {self._steps}: {text}", highlight=False, soft_wrap=True)
