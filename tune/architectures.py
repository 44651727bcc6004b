"""The networks that a search tries, and what each of them starts from."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.networks import STARTS, LoadedNetwork, build_network, load_network, network_spec, resolve_start
from tune.searchable import choices
from tune.spec import SearchSpec

DEFAULT = "compact"
"""The network where neither the specification nor a start names one."""


class Architectures:
    """Every network of a search; making it checks them all.

    Args:
        spec: The search.

    Raises:
        DegcraftError: A network does not have a hyperparameter, or the start is no file, damaged, or another network.
    """

    def __init__(self, spec: SearchSpec) -> None:
        self._spec = spec
        start = self._given_start()
        # What the start holds, without its weights: a search's state is pickled with this object in it.
        self._held = (None, {}) if start is None else (start.name, dict(start.hyperparameters))
        named = [name for name in choices(spec.network.name) if name is not None]
        self.names = [network_spec(name).name for name in named] or [self._held[0] or DEFAULT]
        self._asked = dict(zip(self.names, named or [None], strict=True))
        for network in self.all():
            # Hyperparameters that do not go together show when the network is built.
            try:
                build_network(**network, scale=spec.scale)
            except DegcraftError as error:
                raise DegcraftError(f"network: {str(error).removeprefix('network ')}") from None
            self.start_of(network)

    def values_of(self, name: str) -> dict[str, list[Any]]:
        """The hyperparameters of a network that are given, with the values to try."""
        return self._spec.network.hyperparameters_of(self._asked[name])

    def network(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """`name` and all hyperparameters: those given, then those of the start, then the network's own defaults."""
        held, hyperparameters = self._held
        base = hyperparameters if held == name else {}
        try:
            return {"name": name, **network_spec(name).checked(self._spec.scale, {**base, **values})}
        except DegcraftError as error:
            raise DegcraftError(f"network: {str(error).removeprefix('network ')}") from None

    def all(self) -> list[dict[str, Any]]:
        """Every network; the first one is that of the specification's first choices."""
        return [
            self.network(name, dict(zip(self.values_of(name), values, strict=True)))
            for name in self.names
            for values in product(*self.values_of(name).values())
        ]

    def start_of(self, network: Mapping[str, Any]) -> LoadedNetwork | None:
        """What a network starts from; None where a shared start is to be trained first, or there is to be none."""
        hyperparameters = {key: value for key, value in network.items() if key != "name"}
        try:
            return resolve_start(self._spec.network.start, network["name"], self._spec.scale, hyperparameters)
        except DegcraftError as error:
            raise DegcraftError(f"network.start: {error}") from None

    def to_train(self) -> list[dict[str, Any]]:
        """The networks for which a shared start is to be trained."""
        if self._spec.network.start == "none":
            return []
        return [network for network in self.all() if self.start_of(network) is None]

    def _given_start(self) -> LoadedNetwork | None:
        """The start that the specification names, or the shipped one of its scale."""
        start = self._spec.network.start
        if start == "none":
            return None
        if start == "auto":
            shipped = f"x{self._spec.scale}"
            return load_network(f"start:{shipped}") if shipped in STARTS else None
        try:
            return load_network(start)
        except DegcraftError as error:
            raise DegcraftError(f"network.start: {error}") from None
