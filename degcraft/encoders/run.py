"""The loop that trains any of degcraft's encoders: batches made ahead, checkpoints, going on after a stop."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole

Batch = TypeVar("Batch", contravariant=True)
Made = TypeVar("Made")

FORMAT = "degcraft-encoder-training/1"
_SECONDS_BETWEEN_CHECKPOINTS = 60.0


class EncoderTraining(Protocol[Batch]):
    """What the loop needs to know of a training."""

    step_number: int
    """Steps done."""
    steps: int
    """Steps in all."""

    def step(self, batch: Batch) -> dict[str, float]:
        """Learns from one batch; returns what to show of it by name."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and strings that decide the steps to come."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes them back."""


def train_encoder(
    training: EncoderTraining[Made],
    make_batch: Callable[[int], Made],
    *,
    workers: int = 0,
    checkpoint: Path | None = None,
    settings: dict[str, Any] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> None:
    """Trains to the end, or on from the checkpoint if there is one.

    Args:
        training: Left at its last step.
        make_batch: The batch of a step (0, 1, …), from nothing but its number.
        workers: Processes that make batches ahead; 0 makes them here, as it must be where they are made on a GPU.
        checkpoint: Written every minute and when the loop is interrupted; removed at the end.
        settings: What must be the same to go on: a checkpoint with other ones is refused.
        progress: Told (steps done, what the step returned).

    Raises:
        DegcraftError: the checkpoint is not one of this training, or the loss is no longer finite.
    """
    if checkpoint is not None and checkpoint.exists():
        training.load_state_dict(_read(checkpoint, settings or {}))
    saved = time.monotonic()
    first = training.step_number
    # The loader draws a seed for its workers; from a generator of its own, since nothing here uses that seed.
    batches = DataLoader(
        _Batches(make_batch, training.steps),
        batch_size=None,
        sampler=range(first, training.steps),
        num_workers=workers,
        generator=torch.Generator(),
    )
    try:
        for batch in batches:
            losses = training.step(batch)
            if not all(abs(loss) < float("inf") for loss in losses.values()):
                raise DegcraftError(f"the training diverged at step {training.step_number}: {losses}")
            if progress is not None:
                progress(training.step_number, losses)
            if checkpoint is not None and time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                _write(checkpoint, training, settings or {})
                saved = time.monotonic()
    except KeyboardInterrupt:
        if checkpoint is not None and training.step_number > first:
            _write(checkpoint, training, settings or {})
        raise
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)


class _Batches(Dataset[Any]):
    """`make_batch` as the loader wants it."""

    def __init__(self, make_batch: Callable[[int], Any], steps: int) -> None:
        self._make_batch = make_batch
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Any:
        return self._make_batch(step)


def _write(path: Path, training: EncoderTraining[Any], settings: dict[str, Any]) -> None:
    with written_whole(path) as temporary:
        torch.save({"format": FORMAT, "settings": settings, "state": training.state_dict()}, temporary)


def _read(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise DegcraftError(f"{path}: is not a checkpoint that can be read ({type(error).__name__})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DegcraftError(f"{path}: is not a checkpoint of an encoder's training")
    for name, value in settings.items():
        if content["settings"].get(name) != value:
            raise DegcraftError(
                f"{path}: was written with {name} {content['settings'].get(name)!r}, not {value!r}; "
                "use the same settings, or remove it to start anew"
            )
    state: dict[str, Any] = content["state"]
    return state
