"""How large a search may be: by a name, or as large as this machine computes in so many minutes."""

import os
import time
from typing import Any

from degcraft.errors import DegcraftError

SIZES: dict[str, dict[str, Any]] = {
    "laptop": {"training.steps": 300, "training.batch": 8, "budget.trials": 3},
    "workstation": {"training.steps": 2000, "training.batch": 16, "budget.trials": 8},
    "gpu": {"training.steps": 10000, "training.batch": 16, "budget.trials": 16, "resources.gpus": 1.0},
}
"""Fields of a specification by the name of a size: ten minutes on two cores, hours on a workstation's, one GPU."""

LEAST_MINUTES, MOST_MINUTES = 5, 10_000
_TRAINING = 0.5
"""Share of a search that is training: the rest reads, measures and scores."""
_TIMED = 1.0
_FEWEST, _MOST = 50, 20_000


def size_fields(text: str, scale: int = 4) -> dict[str, Any]:
    """The fields of a size.

    Args:
        text: a name of `SIZES`, or minutes.
        scale: of the start whose training steps are timed on this machine, for minutes.

    Raises:
        DegcraftError: neither a name nor minutes from `LEAST_MINUTES` to `MOST_MINUTES`.
    """
    if text in SIZES:
        return SIZES[text]
    if not text.isdecimal() or not LEAST_MINUTES <= int(text) <= MOST_MINUTES:
        raise DegcraftError(
            f"--size: must be {', '.join(SIZES)} or minutes from {LEAST_MINUTES} to {MOST_MINUTES}, but got {text!r}"
        )
    import torch

    minutes = int(text)
    gpu = torch.cuda.is_available()
    batch = 16 if gpu else 8
    trials = 3 if minutes < 30 else 8 if minutes < 240 else 16
    at_once = 1 if gpu else max(1, min(os.cpu_count() or 1, trials))
    seconds = seconds_per_step("cuda" if gpu else "cpu", batch, scale)
    rounds = -(-(trials + 1) // at_once)  # uniform training is a row, too
    steps = int(60 * minutes * _TRAINING / (rounds * seconds)) // 50 * 50
    fields = {
        "training.steps": min(_MOST, max(_FEWEST, steps)), "training.batch": batch, "budget.trials": trials,
        "budget.minutes": minutes,
    }  # fmt: skip
    return fields | ({"resources.gpus": 1.0} if gpu else {})


def seconds_per_step(device: str, batch: int, scale: int) -> float:
    """What a training step of the shipped start takes on one thread, or on a GPU, now."""
    import torch

    from degcraft.networks import load_network

    network = load_network(f"start:x{scale}" if scale > 1 else "start:x2", device).model.train()
    lr = torch.rand(batch, 3, 32, 32, device=device, generator=torch.Generator(device).manual_seed(0))
    threads, steps = torch.get_num_threads(), 0
    torch.set_num_threads(1)
    try:
        network(lr).abs().mean().backward()
        started = time.perf_counter()
        while steps < 2 or time.perf_counter() - started < _TIMED:
            network(lr).abs().mean().backward()
            steps += 1
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - started) / steps
    finally:
        torch.set_num_threads(threads)
