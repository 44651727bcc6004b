"""How work goes on, on the screen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from degcraft.pace import LogPace

if TYPE_CHECKING:
    from rich.console import Console

AVERAGED = 100
"""Steps that a shown loss is the running mean of."""


@contextmanager
def counting(
    console: "Console", title: str, total: int | None = None, unit: str = ""
) -> Iterator[Callable[[float, float], None]]:
    """A bar in a terminal, a line now and then in a log; yields a function of (done, total)."""
    from rich.progress import Progress

    pace = LogPace()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)

        def tell(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and (left := pace.left(done, total)) is not None:
                counted = f"{title}: {int(done)} of {total}{f' {unit}' if unit else ''}{left}"
                console.print(counted, highlight=False, soft_wrap=True)

        yield tell


@contextmanager
def training_shown(console: "Console", steps: int, begun: int = 0) -> Iterator[Callable[[int, str], None]]:
    """`counting` for the steps of a training; yields a function of a step and what is said of its losses."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    pace = LogPace()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=steps, completed=begun, loss="")

        def tell(step: int, loss: str) -> None:
            bar.update(task, completed=step, loss=loss)
            if console.is_terminal:
                return
            left = pace.left(step, steps)
            if left is not None or step == steps:
                console.print(f"step {step} of {steps}{left or ''}: {loss}", highlight=False, soft_wrap=True)

        yield tell


class TrainingProgress:
    """`training_shown` of running means.

    Args:
        console: Where to show it.
        steps: In all.
        losses: Filled with running means of the losses by name.
    """

    def __init__(self, console: "Console", steps: int, losses: dict[str, float]) -> None:
        self._losses = losses
        self._shown = training_shown(console, steps)

    def __enter__(self) -> Callable[[int, dict[str, float]], None]:
        self._show = self._shown.__enter__()
        return self._tell

    def __exit__(self, *error: Any) -> None:
        self._shown.__exit__(*error)

    def _tell(self, step: int, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            self._losses[name] = value + (self._losses.get(name, value) - value) * (1 - 1 / AVERAGED)
        self._show(step, ", ".join(f"{name} {value:.3f}" for name, value in self._losses.items()))
