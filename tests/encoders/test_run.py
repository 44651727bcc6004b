"""The loop that trains encoders: it goes on where it stopped, and says what is wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch

from degcraft.encoders import train_encoder
from degcraft.errors import DegcraftError


class Sum:
    """A training that remembers what it was given."""

    def __init__(self, steps: int, *, fails_at: int | None = None) -> None:
        self.steps = steps
        self.step_number = 0
        self.seen: list[float] = []
        self._fails_at = fails_at

    def step(self, batch: torch.Tensor) -> dict[str, float]:
        if self.step_number == self._fails_at:
            raise KeyboardInterrupt
        self.seen.append(float(batch))
        self.step_number += 1
        return {"loss": float(batch)}

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step_number, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step_number, self.seen = state["step"], list(state["seen"])


def squares(step: int) -> torch.Tensor:
    return torch.tensor(float(step * step))


def endless_from_two(step: int) -> torch.Tensor:
    return torch.tensor(float("inf") if step == 2 else 0.0)


@pytest.mark.parametrize("workers", [0, 1])
def test_every_step_gets_its_own_batch_wherever_batches_are_made(workers: int) -> None:
    training = Sum(5)
    told: list[int] = []
    train_encoder(training, squares, workers=workers, progress=lambda step, losses: told.append(step))
    assert training.seen == [0, 1, 4, 9, 16]
    assert told == [1, 2, 3, 4, 5]


def test_interrupted_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "a.checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        train_encoder(Sum(5, fails_at=3), squares, checkpoint=checkpoint, settings={"seed": 0})
    resumed = Sum(5)
    train_encoder(resumed, squares, checkpoint=checkpoint, settings={"seed": 0})
    assert resumed.seen == [0, 1, 4, 9, 16]
    assert not checkpoint.exists()


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "a.checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        train_encoder(Sum(5, fails_at=3), squares, checkpoint=checkpoint, settings={"seed": 0})
    with pytest.raises(DegcraftError, match="was written with seed 0, not 1"):
        train_encoder(Sum(5), squares, checkpoint=checkpoint, settings={"seed": 1})
    assert checkpoint.exists()


@pytest.mark.parametrize("content", [b"rubbish", b""])
def test_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(DegcraftError, match=r"a\.pt: is not a checkpoint"):
        train_encoder(Sum(1), squares, checkpoint=tmp_path / "a.pt")


def test_diverging_training_ends_with_the_step() -> None:
    with pytest.raises(DegcraftError, match="diverged at step 3"):
        train_encoder(Sum(5), endless_from_two)
