"""What the parts of the application tell each other."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Pixels = NDArray[Any]
"""(h, w, 3) of unsigned integers; white is the largest value of their type."""


def is_file(model: str) -> bool:
    """Whether a model is named by a file and not by an MLflow URI."""
    return not model.startswith(("models:/", "runs:/"))


def public_name(pinned: str) -> str:
    """A pinned model as clients may see it: of a file, its name and not where it lies."""
    return Path(pinned).name if is_file(pinned) else pinned


@dataclass(frozen=True)
class ModelInfo:
    """One model, as `/v1/model` describes it."""

    uri: str
    """Pinned: `models:/name/version`, `models:/m-…`, or the absolute path of a weights file."""
    name: str | None
    """The registered model's name, if it is one."""
    version: str | None
    run_id: str | None
    """The MLflow run that trained it."""
    network: str
    """A key of the registry of networks, or `spandrel:` and an architecture."""
    scale: int
    parameters: int
    """Trainable numbers."""
    device: str
    crafted: dict[str, Any] | None
    """The distribution that it was trained on: axes, weights, alpha, extractor, …; None if it was not kept."""


@dataclass(frozen=True)
class Restored:
    """One restored image."""

    pixels: Pixels
    """(H, W, 3), `scale` times the sides of what was sent, and of its type."""
    model: str
    """The pinned URI of the model that restored it."""
    scale: int
    seconds: float
    """In the network; for a batch, of the whole batch."""


class TooSlow(Exception):
    """An image that would take longer than it may.

    Args:
        seconds: about how long it would take in all.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Report:
    """How one replica of the model stands."""

    replica: str
    serving: ModelInfo
    prepared: str | None = None
    """The pinned URI of a model that is loaded and warm, waiting to be switched to."""
    problem: str | None = None
    """Why the model that it was to prepare cannot serve."""


@dataclass(frozen=True)
class Standing:
    """How the deployment stands."""

    source: str
    """The model as it was asked for, perhaps by an alias."""
    wanted: str
    """The pinned URI of what the source named last."""
    following: bool
    problem: str | None
    """Why the model that is wanted is not the one that serves."""
    reports: tuple[Report, ...] = field(default=())
    """Of every replica that answered last."""
