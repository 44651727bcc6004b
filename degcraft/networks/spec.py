"""What the registry knows of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from degcraft.errors import DegcraftError
from degcraft.knobs import Knob, checked_knobs

if TYPE_CHECKING:
    from torch import Tensor, nn

StateDict = Mapping[str, "Tensor"]

LEAST_TILE = 8
"""Side of the smallest tile that a network is shown, in LR pixels."""


def _never(state: StateDict) -> None:
    return None


def _as_it_is(state: StateDict) -> StateDict:
    return state


def _under_its_names(state: StateDict, scale: int, hyperparameters: Mapping[str, Any]) -> StateDict:
    return state


@dataclass(frozen=True)
class NetworkSpec:
    """One entry of the registry of networks.

    The network that `build` gives takes (B,3,h,w) in [0,1], any h and w of at least 1, and gives
    (B,3,h·scale,w·scale), not clamped. It has an attribute `scale`; the keys of its state dict are those that
    other software knows its architecture by.
    """

    name: str
    """What a spec file, a command line and a weights file call the network; lower case."""

    description: str
    """One line for a person who chooses."""

    hyperparameters: Mapping[str, Knob]
    """Every one but the scale, by name."""

    scales: tuple[int, ...]
    """The factors it can enlarge by."""

    build: Callable[..., nn.Module]
    """Called with `scale`, `seed` and all hyperparameters as keywords; returns float32 on the CPU. It draws
    nothing from PyTorch's global generator."""

    recover: Callable[[StateDict], dict[str, Any] | None] = _never
    """Reads `scale` and hyperparameters off a state dict; None if it is another network's."""

    convert: Callable[[StateDict], StateDict] = _as_it_is
    """Turns a state dict that other software wrote under other names into this network's own."""

    publish: Callable[[StateDict, int, Mapping[str, Any]], StateDict] = _under_its_names
    """Gives this network's state dict, with its scale and hyperparameters, the names that other software reads."""

    parameters: int | None = None
    """How many trainable numbers it has with its defaults at its usual scale, where counting takes long: a test
    counts them."""

    no_graph: str = ""
    """Why no graph holds for images of every size, where that is known; spares the exporter minutes."""

    @property
    def usual_scale(self) -> int:
        """4 if it enlarges by 4, else the smallest."""
        return 4 if 4 in self.scales else self.scales[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """Every hyperparameter with its default."""
        return {name: entry.default for name, entry in self.hyperparameters.items()}

    def checked(self, scale: Any, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters in their canonical form, completed by the defaults.

        Raises:
            DegcraftError: for a scale the network lacks, an unknown name, or a value that breaks its rule.
        """
        if isinstance(scale, bool) or scale not in self.scales:
            allowed = ", ".join(map(str, self.scales))
            few = f"one of {allowed}" if len(self.scales) > 1 else allowed
            raise DegcraftError(f"network {self.name}: scale must be {few}, but got {scale!r}")
        return checked_knobs(self.hyperparameters, hyperparameters, owner=f"network {self.name}", noun="hyperparameter")


def count_blocks(state: StateDict, prefix: str) -> int:
    """How many numbered children stand under `prefix` (such as "body."): the highest number plus one."""
    numbers = [int(key.removeprefix(prefix).split(".")[0]) for key in state if key.startswith(prefix)]
    return max(numbers, default=-1) + 1
