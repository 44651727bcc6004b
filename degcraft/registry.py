"""What can be chosen by name."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from degcraft.errors import DegcraftError


class Named(Protocol):
    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


class Registry(dict[str, Entry], Generic[Entry]):
    """Entries by name, in their order.

    Args:
        field: What is chosen, for errors: `weighting`.
        entries: All of them.
        besides: What may be given in place of a name, for errors.
    """

    def __init__(self, field: str, entries: Iterable[Entry], *, besides: str = "") -> None:
        super().__init__((entry.name, entry) for entry in entries)
        self._field, self._besides = field, besides

    def find(self, name: Any) -> Entry:
        """The entry of that name.

        Raises:
            DegcraftError: Unknown name; lists the known ones.
        """
        if not isinstance(name, str) or name not in self:
            raise DegcraftError(f"{self._field} must be one of {', '.join(self)}{self._besides}, but got {name!r}")
        return self[name]
