"""Training small networks of any kind: batches made ahead, a checkpoint, going on after a stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from degcraft.errors import DegcraftError
from degcraft.training.loop import Loop
from degcraft.training.objective import Batch, Batches, Task
from degcraft.training.precision import Precision
from degcraft.training.signals import stopped_by_signals

ARITHMETIC = Precision(torch.float32, True, "small networks on many small patches")
_SECONDS_BETWEEN_CHECKPOINTS = 60.0


def run_task(
    task: Task[Batch],
    make_batch: Callable[[int], Batch],
    *,
    workers: int = 0,
    checkpoint: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> bool:
    """Trains to the end, or on from the checkpoint if there is one.

    Args:
        task: its network is left at its last step, or at its averaged weights if it averages.
        make_batch: The batch of a step (0, 1, …), from nothing but its number.
        workers: Processes that make batches ahead; 0 makes them here, as it must be where they are made on a GPU.
        checkpoint: Written every minute and when a signal stops the loop. It outlasts the end: whoever has written the
            result removes it.
        settings: What must be the same to go on: a checkpoint with other ones is refused.
        progress: Told (steps done, the step's losses by name).

    Returns:
        Whether it came to the end: False after Ctrl-C or SIGTERM, which end the step in progress.

    Raises:
        DegcraftError: the checkpoint is not one of this training.
        TrainingDiverged: the loss is no longer finite.
    """
    loop = Loop(task, MadeBatches(make_batch, task.steps, workers), precision=ARITHMETIC, conditions=settings)
    if checkpoint is not None and checkpoint.exists():
        try:
            loop.resume(checkpoint)
        except DegcraftError as error:
            raise DegcraftError(f"{error}; with the file removed the training starts anew") from error
    first, saved = loop.step, time.monotonic()

    def on_step(step: int, _loss: float) -> None:
        nonlocal saved
        if progress is not None:
            progress(step, loop.figures)
        if checkpoint is not None and time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
            loop.save(checkpoint)
            saved = time.monotonic()

    with stopped_by_signals(loop):
        loop.run(on_step=on_step)
    finished = loop.step >= task.steps
    if finished and task.ema is not None:
        task.network.load_state_dict(loop.ema_network().state_dict())
    if checkpoint is not None and not finished and loop.step > first:
        loop.save(checkpoint)
    return finished


class MadeBatches(Batches[Batch]):
    """Batches that follow from the number of their step, made here or ahead in other processes."""

    def __init__(self, make_batch: Callable[[int], Batch], steps: int, workers: int = 0) -> None:
        """
        Args:
            make_batch: the batch of a step.
            steps: in all: none are made beyond.
            workers: processes that make batches; 0 makes them here.
        """
        self._make_batch = make_batch
        self._steps = steps
        self._workers = workers
        self._next = 0
        self._coming: Iterator[Batch] | None = None

    def take(self, step: int) -> Batch:
        """See `Batches.take`."""
        if not self._workers:
            return self._make_batch(step)
        if self._coming is None or step != self._next:
            self._coming = iter(self._loader(step))
        self._next = step + 1
        return next(self._coming)

    def _loader(self, first: int) -> DataLoader[Any]:
        return DataLoader(
            _BySteps(self._make_batch, self._steps),
            batch_size=None,
            sampler=range(first, self._steps),
            num_workers=self._workers,
            worker_init_fn=_leave_signals_to_the_parent,
            # The loader draws a seed for its workers; from a generator of its own, since nothing here uses that seed.
            generator=torch.Generator(),
        )


def _leave_signals_to_the_parent(_worker: int) -> None:
    """Ctrl-C reaches all processes of a terminal; the step in progress may still need its batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _BySteps(Dataset[Any]):
    """`make_batch` as the loader wants it."""

    def __init__(self, make_batch: Callable[[int], Any], steps: int) -> None:
        self._make_batch = make_batch
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Any:
        return self._make_batch(step)
