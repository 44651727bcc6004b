"""Training encoders: every step its batch, it goes on where it stopped, and says what is wrong."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.training import Objective, Precision, Task, TrainingDiverged, run_task
from tests.damage import DAMAGES


class Seen(Objective[Tensor]):
    """Remembers what it was given, and pulls the network's one weight towards it."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def measure(self, network: nn.Module, batch: Tensor, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        self.seen.append(float(batch))
        (weight,) = network.parameters()
        distance = (weight - batch).abs().sum()
        return distance, {"distance": distance.detach()}

    def state_dict(self) -> dict[str, list[float]]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, list[float]]) -> None:  # type: ignore[override]
        self.seen = list(state["seen"])


def training(steps: int) -> tuple[Task[Tensor], Seen]:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    objective = Seen()
    return Task(network, objective, torch.optim.SGD(network.parameters()), steps, lambda step: 0.1), objective


def squares(step: int) -> Tensor:
    return torch.tensor(float(step * step))


def endless_from_two(step: int) -> Tensor:
    return torch.tensor(float("inf") if step == 2 else 0.0)


def stopped_at(at: int) -> Callable[[int, dict[str, float]], None]:
    """A progress that presses Ctrl-C after a step."""

    def progress(step: int, _losses: dict[str, float]) -> None:
        if step == at:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


@pytest.mark.parametrize("workers", [0, 1])
def test_every_step_gets_its_own_batch_wherever_batches_are_made(workers: int) -> None:
    task, objective = training(5)
    told: list[tuple[int, dict[str, float]]] = []
    assert run_task(task, squares, workers=workers, progress=lambda *step: told.append(step))
    assert objective.seen == [0, 1, 4, 9, 16]
    assert [step for step, _ in told] == [1, 2, 3, 4, 5]
    assert told[1][1] == {"distance": 1.0}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_stopped_by_ctrl_c_goes_on_from_its_checkpoint(tmp_path: Path, workers: int) -> None:
    checkpoint = tmp_path / "a.checkpoint.pt"
    stopped, seen = training(5)
    handler = signal.getsignal(signal.SIGINT)
    assert not run_task(
        stopped, squares, workers=workers, checkpoint=checkpoint, settings={"seed": 0}, progress=stopped_at(3)
    )
    assert signal.getsignal(signal.SIGINT) is handler
    assert seen.seen == [0, 1, 4]
    resumed, seen = training(5)
    assert run_task(resumed, squares, workers=workers, checkpoint=checkpoint, settings={"seed": 0})
    assert seen.seen == [0, 1, 4, 9, 16]
    assert checkpoint.exists(), "the result is not written yet"
    whole, _ = training(5)
    run_task(whole, squares)
    assert torch.equal(*(next(task.network.parameters()) for task in (whole, resumed)))


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "a.checkpoint.pt"
    run_task(training(5)[0], squares, checkpoint=checkpoint, settings={"seed": 0}, progress=stopped_at(3))
    with pytest.raises(DegcraftError, match=r"a\.checkpoint\.pt: .*seed was 0, but is 1 now; with the file removed"):
        run_task(training(5)[0], squares, checkpoint=checkpoint, settings={"seed": 1})
    assert checkpoint.exists()


@pytest.mark.parametrize("damage", DAMAGES.values())
def test_damaged_checkpoint_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    checkpoint = tmp_path / "a.pt"
    run_task(training(5)[0], squares, checkpoint=checkpoint, progress=stopped_at(3))
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(DegcraftError, match=r"a\.pt: not a readable checkpoint .* the training starts anew"):
        run_task(training(5)[0], squares, checkpoint=checkpoint)


def test_diverging_training_ends_with_the_step() -> None:
    with pytest.raises(TrainingDiverged, match="diverged at step 3: the distance loss must be finite, but is inf"):
        run_task(training(5)[0], endless_from_two)
