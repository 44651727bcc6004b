"""What the registry knows of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from degcraft.errors import DegcraftError

StateDict = Mapping[str, Tensor]


@dataclass(frozen=True)
class NetworkSpec:
    """One entry of the registry of networks."""

    name: str
    """What a spec file, a command line and a weights file call the network."""

    description: str
    """One line for a person who chooses."""

    defaults: Mapping[str, int]
    """Every hyperparameter but the scale, with its default; all are whole numbers of at least 1."""

    scales: tuple[int, ...]
    """The factors it can enlarge by."""

    build: Callable[..., nn.Module]
    """Called with `scale`, `seed` and the hyperparameters as keywords; returns float32 on the CPU."""

    recover: Callable[[StateDict], dict[str, int] | None]
    """Reads scale and hyperparameters off the shapes of a state dict; None if it is another network's."""

    def checked(self, scale: Any, hyperparameters: Mapping[str, Any]) -> dict[str, int]:
        """The hyperparameters, completed by the defaults.

        Raises:
            DegcraftError: for a scale the network lacks, an unknown name, or a value that is not a whole
                number of at least 1.
        """
        if isinstance(scale, bool) or scale not in self.scales:
            allowed = ", ".join(map(str, self.scales))
            raise DegcraftError(f"network {self.name}: scale must be one of {allowed}, but got {scale!r}")
        for key, value in hyperparameters.items():
            if key not in self.defaults:
                known = ", ".join(self.defaults)
                raise DegcraftError(f"network {self.name}: no hyperparameter {key!r}; it has {known}")
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DegcraftError(
                    f"network {self.name}: {key} must be a whole number of at least 1, but got {value!r}"
                )
        return {**self.defaults, **hyperparameters}


def count_blocks(state: StateDict, prefix: str) -> int:
    """How many numbered children stand under `prefix` (such as "body."): the highest number plus one."""
    numbers = [int(key.removeprefix(prefix).split(".")[0]) for key in state if key.startswith(prefix)]
    return max(numbers, default=-1) + 1
