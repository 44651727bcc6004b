"""What an entry of a registry does, named by where it stands: whoever only reads the entry loads none of it."""

import pkgutil
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Later:
    """A function or a class that is imported when it is called: `Later("degcraft.degradation.noise:add_noise")`."""

    address: str
    """MODULE:NAME."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return pkgutil.resolve_name(self.address)(*args, **kwargs)
