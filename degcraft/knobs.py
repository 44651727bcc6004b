"""The knobs of registry entries: what each is when nobody says, and what it may be."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from degcraft.errors import DegcraftError, shown


@dataclass(frozen=True)
class Knob:
    """One of an entry's own numbers, words or switches."""

    default: Any
    """Its value when none is given; a plain JSON value."""

    description: str
    """One line for a person who chooses; may be empty."""

    rule: str
    """What it must be, to follow "must be"."""

    read: Callable[[Any], Any]
    """Gives the value in its canonical form; raises ValueError or TypeError for one that breaks the rule."""

    place: bool = False
    """Whether it only says where something lies on this machine, so that a run may go on with another value."""

    usual: tuple[float, float] | None = None
    """Where a search looks, on a logarithmic scale, unless it is told; None: it takes the default."""


def checked_knobs(
    knobs: Mapping[str, Knob], given: Mapping[str, Any], *, owner: str, noun: str = "knob"
) -> dict[str, Any]:
    """What was given in its canonical form, completed by the defaults.

    Args:
        knobs: Of the entry, by name.
        given: By name.
        owner: The entry, for errors: `network edsr`.
        noun: What the entry calls its knobs.

    Raises:
        DegcraftError: a name that the entry lacks, or a value that breaks its rule.
    """
    read = {}
    for name, value in given.items():
        if name not in knobs:
            raise DegcraftError(f"{owner}: no {noun} {name!r}; it has {', '.join(knobs) or 'none'}")
        try:
            read[name] = knobs[name].read(value)
        except (TypeError, ValueError):
            raise DegcraftError(f"{owner}: {name} must be {knobs[name].rule}, but got {shown(value)}") from None
    return {**{name: knob.default for name, knob in knobs.items()}, **read}


def parse_named(text: str, example: str) -> tuple[str, dict[str, Any]]:
    """NAME or NAME:KEY=VALUE,… as a name and its knobs; whether they exist is the registry's to say.

    A value is read as JSON (8, 0.5, true, [6,6]) and is a text where it is none.

    Raises:
        DegcraftError: Not of that form.
    """
    name, colon, rest = (piece.strip() for piece in text.partition(":"))
    if not name or (colon and not rest):
        raise DegcraftError(f"must be NAME or NAME:KEY=VALUE,…, but got {text!r}")
    knobs: dict[str, Any] = {}
    for part in re.split(r",(?![^\[]*\])", rest) if rest else []:
        key, separator, value = (piece.strip() for piece in part.partition("="))
        if not (key and separator and value):
            raise DegcraftError(f"must be NAME or NAME:KEY=VALUE,… such as {example}, but got {text!r}")
        if key in knobs:
            raise DegcraftError(f"must give {key} once, but got {text!r}")
        knobs[key] = parse_value(value)
    return name, knobs


def parse_value(text: str) -> Any:
    """What JSON makes of a text; where that is none, the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def whole_number(default: int, description: str = "", *, least: int = 1, most: float = math.inf) -> Knob:
    """An int; never a bool."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError
        return value

    bounds = f"from {least} to {most}" if most < math.inf else f"of at least {least}"
    return Knob(default, description, f"a whole number {bounds}", read)


def number(
    default: float,
    description: str = "",
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    usual: tuple[float, float] | None = None,
) -> Knob:
    """A finite float (or int) from low to high, and above `above`."""
    bounded = [
        *[f"above {above:g}"] * (above > -math.inf),
        *[f"at least {low:g}"] * (low > -math.inf),
        *[f"at most {high:g}"] * (high < math.inf),
    ]

    def read(value: Any) -> float:
        if not is_number(value) or not low <= value <= high or not value > above:
            raise ValueError
        return float(value)

    rule = " ".join(["a number", *[" and ".join(bounded)] * any(bounded)])
    return Knob(float(default), description, rule, read, usual=usual)


def switch(default: bool, description: str = "") -> Knob:
    """True or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Knob(default, description, "true or false", read)


def word(default: str, description: str = "", *, options: Sequence[str] = ()) -> Knob:
    """A text, one of `options` if there are any."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or (options and value not in options):
            raise ValueError
        return value

    return Knob(default, description, f"one of {', '.join(options)}" if options else "a text", read)


def interval(low: float, high: float, description: str = "", *, least: float = 0.0, most: float = math.inf) -> Knob:
    """[low, high], a list of two numbers from least to most."""

    def read(value: Any) -> list[float]:
        if not isinstance(value, list | tuple):
            raise TypeError
        first, last = value
        if not (is_number(first) and is_number(last) and least <= first <= last <= most):
            raise ValueError
        return [float(first), float(last)]

    bounds = f"{least:g} <= low <= high" + (f" <= {most:g}" if most < math.inf else "")
    return Knob([float(low), float(high)], description, f"[low, high] with {bounds}", read)


def probability(default: float, description: str = "") -> Knob:
    """A number from 0 to 1."""
    return number(default, description, low=0, high=1)


def shares(default: Sequence[float], description: str = "") -> Knob:
    """As many numbers as the default has, at least 0 and not all 0: how often each case is taken."""

    def read(value: Any) -> list[float]:
        if len(value) != len(default) or not all(is_number(one) and one >= 0 for one in value) or not sum(value):
            raise ValueError
        return [float(one) for one in value]

    return Knob(list(default), description, f"{len(default)} numbers of at least 0, not all 0", read)


def listing(default: Sequence[Any], of: Knob, description: str = "") -> Knob:
    """A list, each of whose elements follows the rule of `of`."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise TypeError
        return [of.read(element) for element in value]

    return Knob(list(default), description, f"a list, each element {of.rule}", read)


def plain(default: Any, description: str = "") -> Knob:
    """Anything that JSON can say: for what has no type that could be checked."""

    def read(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [read(element) for element in value]
        raise TypeError

    return Knob(read(default), description, "a number, a text, true, false, null or a list of them", read)


def file(description: str = "", *, optional: bool = True) -> Knob:
    """The path of a file; nothing where none is given, which an entry may refuse when it is built."""

    def read(value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise TypeError
        return value

    return Knob(None, description, "a file, or none" if optional else "a file", read, place=True)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and not true or false."""
    # A whole number may be beyond every float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
