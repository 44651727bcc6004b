"""What can be chosen by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from degcraft.errors import DegcraftError
from degcraft.knobs import Knob


class Named(Protocol):
    @property
    def name(self) -> str: ...


Chosen = TypeVar("Chosen", bound=Named)


@dataclass(frozen=True)
class Entry:
    """What is chosen by name, with knobs."""

    name: str
    """The name it is chosen by."""
    description: str
    """One line for a person who chooses."""
    build: Callable[..., Any]
    """Called with all knobs as keywords; raises DegcraftError for values that do not go together."""
    knobs: Mapping[str, Knob] = field(default_factory=dict)


class Registry(dict[str, Chosen], Generic[Chosen]):
    """Entries by name, in their order.

    Args:
        field: What is chosen, for errors: `weighting`.
        entries: All of them.
        besides: What may be given in place of a name, for errors.
    """

    def __init__(self, field: str, entries: Iterable[Chosen], *, besides: str = "") -> None:
        super().__init__((entry.name, entry) for entry in entries)
        self._field, self._besides = field, besides

    def find(self, name: Any) -> Chosen:
        """The entry of that name.

        Raises:
            DegcraftError: Unknown name; lists the known ones.
        """
        if not isinstance(name, str) or name not in self:
            raise DegcraftError(f"{self._field} must be one of {', '.join(self)}{self._besides}, but got {name!r}")
        return self[name]
