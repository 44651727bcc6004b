"""The networks by name. A new one is its file with a `SPEC`, and one line here."""

from __future__ import annotations

import difflib
import pkgutil
from collections import UserDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.later import Later
from degcraft.networks.spandrel_names import PARAMETERS
from degcraft.networks.spec import NetworkSpec


class Networks(UserDict[str, NetworkSpec]):
    """Entries that are made when they are first asked for; their names are there at once."""

    data: dict[str, Any]

    def __init__(self, makers: Mapping[str, Callable[[], NetworkSpec]]) -> None:
        super().__init__()
        self.data.update(makers)

    def __getitem__(self, name: str) -> NetworkSpec:
        if not isinstance(self.data[name], NetworkSpec):
            self.data[name] = self.data[name]()
        return self.data[name]


NETWORKS = Networks(
    {name: partial(pkgutil.resolve_name, f"degcraft.networks.{name}:SPEC") for name in ("srresnet", "edsr", "rrdbnet")}
    | {name: partial(Later("degcraft.networks.spandrel_specs:spandrel_spec"), name) for name in PARAMETERS}
)
"""Every network, by its name in lower case."""

ALIASES = {"esrgan": "rrdbnet", "realesrgan": "rrdbnet", "srvggnetcompact": "compact", "msrresnet": "srresnet"}
"""Other names that the field has for some of them."""


def network_name(name: str) -> str:
    """The registry's name of a network, upper or lower case; raises DegcraftError for one it lacks."""
    known = name.lower() if isinstance(name, str) else ""
    known = ALIASES.get(known, known)
    if known not in NETWORKS:
        near = difflib.get_close_matches(known, [*NETWORKS, *ALIASES], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`degcraft networks` lists them"
        raise DegcraftError(f"there is no network {name!r}; {hint}")
    return known


def network_spec(name: str) -> NetworkSpec:
    """The registry's entry, see `network_name`."""
    return NETWORKS[network_name(name)]
