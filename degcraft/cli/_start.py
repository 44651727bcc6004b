"""What `degcraft train` trains, and from which weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from degcraft.cli._network import load_model, parse_network
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from torch import nn

    from degcraft.networks import LoadedNetwork

NETWORK, SCALE = "srresnet", 4
"""What is trained where neither the command nor a start says it."""


@dataclass(frozen=True)
class Begun:
    """A network that is ready to be trained."""

    network: "nn.Module"
    """With the start's weights, or with drawn ones."""
    name: str
    scale: int
    hyperparameters: dict[str, Any]
    start: str
    """What it begins with, in words."""


def begin(start: str, network: str | None, scale: int | None, seed: int) -> Begun:
    """The network that the options name.

    Args:
        start: `none`, `auto`, or a MODEL.
        network: NAME or NAME:KEY=VALUE,…; None: the start's own, or `srresnet` without one.
        scale: None: the start's own, or 4 without one.
        seed: of weights that are drawn.

    Raises:
        DegcraftError: an unknown network or hyperparameter, or a start that cannot be read or is another network's.
    """
    from degcraft.networks import build_network, network_spec, resolve_start

    if network is None and start != "none":
        origin = f"start:x{scale or SCALE}" if start == "auto" else start
        held = load_model(origin, "cpu")
        if scale not in (None, held.scale):
            raise DegcraftError(f"{origin}: must enlarge by the {scale} of --scale, but enlarges by {held.scale}")
        return _continued(held, origin, seed)
    name, hyperparameters = parse_network(NETWORK if network is None else network)
    scale = scale or SCALE
    checked = network_spec(name).checked(scale, hyperparameters)
    if start.startswith(("models:/", "runs:/")):
        held = load_model(start, "cpu")
        if (held.name, held.scale, held.hyperparameters) != (name, scale, checked):
            raise DegcraftError(
                f"{start}: must hold {name} x{scale} with {checked} to start from, "
                f"but holds {held.name} x{held.scale} with {held.hyperparameters}"
            )
        return _continued(held, start, seed)
    found = resolve_start(start, name, scale, hyperparameters)
    built = build_network(name, scale=scale, seed=seed, **hyperparameters)
    if found is not None:
        built.load_state_dict(found.model.state_dict())
    words = "none" if found is None else start
    return Begun(built, network_spec(name).name, scale, checked, words)


def _continued(held: "LoadedNetwork", origin: str, seed: int) -> Begun:
    """Built anew and filled, so that it is in the form that is trained."""
    from degcraft.networks import build_network

    built = build_network(held.name, scale=held.scale, seed=seed, **held.hyperparameters)
    built.load_state_dict(held.model.state_dict())
    return Begun(built, held.name, held.scale, held.hyperparameters, origin)
