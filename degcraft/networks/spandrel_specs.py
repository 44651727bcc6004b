"""Registry entries made from spandrel's classes: one way for all of its architectures."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from spandrel import MAIN_REGISTRY, ImageModelDescriptor
from torch import nn

from degcraft.errors import DegcraftError, in_short
from degcraft.knobs import (
    Knob,
    listing,
    number,
    plain,
    switch,
    whole_number,
    word,
)
from degcraft.networks.span import keep_branches_fused
from degcraft.networks.spandrel_entries import ENTRIES, Entry
from degcraft.networks.spandrel_names import PARAMETERS
from degcraft.networks.spandrel_network import SpandrelNetwork
from degcraft.networks.spec import NetworkSpec, StateDict
from degcraft.randomness import own_generator

# What spandrel's classes call the numbers of colour channels.
_CHANNELS = dict.fromkeys(
    (
        *("in_nc", "out_nc", "num_in_ch", "num_out_ch", "in_chans", "dd_in", "in_channels", "out_channels"),
        *("inp_channels", "in_ch", "out_ch", "img_channel", "n_colors"),
    ),
    3,
)


# Whole numbers by default, but read off shapes as fractions.
_FRACTIONS = ("ffn_expansion_factor", "ffn_scale")


def recognised(state: StateDict) -> Any:
    """The architecture of spandrel that a state dict is of, by its keys; None if of none."""
    for support in MAIN_REGISTRY.architectures("detection"):
        if support.architecture.detect(dict(state)):
            return support.architecture
    return None


def describe(architecture: Any, state: StateDict) -> ImageModelDescriptor[Any]:
    """spandrel's description of a state dict; raises DegcraftError if spandrel cannot make it."""
    # Building the network draws starting weights, which are then overwritten.
    with own_generator(0), _no_warnings():
        try:
            descriptor = architecture.load(dict(state))
        except Exception as error:  # it reads shapes where it hopes to find them, and fails in every way there is
            raise DegcraftError(f"spandrel could not build {architecture.name} ({in_short(error)})") from error
    assert isinstance(descriptor, ImageModelDescriptor)
    return descriptor


def spandrel_spec(name: str) -> NetworkSpec:
    """The entry of the registry for one of `ENTRIES`."""
    entry = ENTRIES[name]
    hyperparameters = _hyperparameters(entry)
    return NetworkSpec(
        name=name,
        description=entry.description,
        hyperparameters=hyperparameters,
        scales=entry.scales,
        build=partial(_build, name, entry),
        recover=partial(_recover, entry),
        convert=partial(_convert, entry),
        publish=partial(_publish, entry),
        parameters=PARAMETERS[name],
        no_graph=entry.no_graph,
    )


def _signature(entry: Entry) -> Mapping[str, inspect.Parameter]:
    network = entry.network if isinstance(entry.network, type) else next(iter(entry.network.values()))
    parameters = dict(inspect.signature(network.__init__).parameters)
    del parameters["self"]
    return parameters


def _hyperparameters(entry: Entry) -> dict[str, Knob]:
    found = {}
    for keyword, parameter in _signature(entry).items():
        if keyword in _CHANNELS or keyword in entry.fixed or keyword == entry.scale_keyword:
            continue
        default = entry.defaults.get(keyword, parameter.default)
        if callable(default):  # a class of layers: nothing that a file could say
            continue
        annotation = "float" if keyword in _FRACTIONS else str(parameter.annotation)
        found[entry.names.get(keyword, keyword)] = _rule(default, annotation)
    for keyword, default in entry.defaults.items():
        found.setdefault(entry.names.get(keyword, keyword), _rule(default, ""))
    return found


def _rule(default: Any, annotation: str) -> Knob:
    """What a hyperparameter must be, by its default and the class's annotation."""
    if isinstance(default, bool):
        return switch(default)
    if isinstance(default, float):
        return number(default)
    if isinstance(default, int) and "float" in annotation:
        return replace(number(default), default=default, read=_whole_if_it_is)
    if isinstance(default, int):
        return whole_number(default, least=min(default, 1))
    if isinstance(default, str):
        return word(default)
    if isinstance(default, (list, tuple)) and default and {type(element) for element in default} <= {int, float, str}:
        return listing(default, _rule(min(default), annotation))
    return plain(default)


def _whole_if_it_is(value: Any) -> float:
    """A finite number, an int where it is a whole one: some classes take it for a size then."""
    found = number(0).read(value)
    return int(found) if found.is_integer() else found


def _keywords(entry: Entry, scale: int, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the class is called with."""
    theirs = {ours: keyword for keyword, ours in entry.names.items()}
    keywords = {theirs.get(name, name): value for name, value in hyperparameters.items()}
    accepted = _signature(entry)
    if entry.scale_keyword is not None:
        keywords[entry.scale_keyword] = scale * (keywords[entry.multiplied_by] if entry.multiplied_by else 1)
    keywords |= {keyword: count for keyword, count in _CHANNELS.items() if keyword in accepted} | dict(entry.fixed)
    return {keyword: value for keyword, value in entry.adapt(keywords).items() if keyword in accepted}


def _build(name: str, entry: Entry, *, scale: int, seed: int, **hyperparameters: Any) -> nn.Module:
    network_class = entry.network if isinstance(entry.network, type) else entry.network[scale]
    keywords = _keywords(entry, scale, hyperparameters)
    try:
        with own_generator(seed), _no_warnings():
            network = network_class(**keywords)
    except Exception as error:  # whatever a class raises for hyperparameters that do not go together
        raise DegcraftError(
            f"network {name}: cannot be built for {_told(entry, scale, hyperparameters)} ({in_short(error)})"
        ) from error
    try:
        # Which sizes it takes and how it is asked depend on its hyperparameters, and only spandrel's loader knows.
        described = describe(entry.architecture, entry.publish(network.state_dict(), keywords))
    except DegcraftError as error:
        raise DegcraftError(
            f"network {name}: no file could hold {_told(entry, scale, hyperparameters)} ({error})"
        ) from error
    if described.scale != scale:
        raise DegcraftError(
            f"network {name}: {_told(entry, scale, hyperparameters)} would enlarge by {described.scale}, not {scale}"
        )
    keep_branches_fused(network)
    return SpandrelNetwork(
        network.float(),
        scale=scale,
        sizes=entry.sizes(described.size_requirements, keywords),
        call=described._call_fn,
        one_by_one=entry.one_by_one,
    )


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What spandrel's code uses and torch will not have for ever is not for our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _told(entry: Entry, scale: int, hyperparameters: Mapping[str, Any]) -> str:
    usual = {name: hyperparameter.default for name, hyperparameter in _hyperparameters(entry).items()}
    own = [f"{name} {value}" for name, value in hyperparameters.items() if value != usual[name]]
    return f"x{scale} with {', '.join(own) or 'its defaults'}"


def _recover(entry: Entry, state: StateDict) -> dict[str, Any] | None:
    if not entry.architecture.detect(dict(state)) or recognised(state).id != entry.architecture.id:
        return None
    described = describe(entry.architecture, state)
    classes = (entry.network,) if isinstance(entry.network, type) else tuple(entry.network.values())
    if type(described.model) not in classes:
        return None
    kind, channels = described.architecture.name, (described.input_channels, described.output_channels)
    if channels != (3, 3) and not entry.fixed:
        raise DegcraftError(
            f"the network must take and give RGB, but {kind} takes {channels[0]} and gives {channels[1]} channels"
        )
    theirs = described.model.hyperparameters
    found = {}
    for keyword in _signature(entry):
        ours = entry.names.get(keyword, keyword)
        if ours in _hyperparameters(entry) and keyword in theirs:
            found[ours] = theirs[keyword]
    if entry.scale_keyword is not None and isinstance(theirs.get(entry.scale_keyword), (list, tuple)):
        tails = list(theirs[entry.scale_keyword])
        found["tails"] = [] if tails == [described.scale] else tails
    _check_nothing_is_lost(entry, described.scale, found, theirs)
    return {"scale": described.scale, **found}


def _check_nothing_is_lost(entry: Entry, scale: int, found: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """That what was recovered builds the very network that spandrel built."""
    again = _keywords(entry, scale, found)
    for keyword, value in again.items():
        if keyword in theirs and _as_lists(theirs[keyword]) != _as_lists(value):
            raise DegcraftError(
                f"{entry.architecture.name} with {keyword} {theirs[keyword]!r} is no network that degcraft can build"
            )


def _convert(entry: Entry, state: StateDict) -> StateDict:
    return describe(entry.architecture, state).model.state_dict()


def _publish(entry: Entry, state: StateDict, scale: int, hyperparameters: Mapping[str, Any]) -> StateDict:
    return entry.publish(dict(state), _keywords(entry, scale, hyperparameters))


def _as_lists(value: Any) -> Any:
    return [_as_lists(element) for element in value] if isinstance(value, (list, tuple)) else value
