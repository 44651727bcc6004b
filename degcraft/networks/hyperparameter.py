"""A network's hyperparameters: what each is when nobody says, and what it may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Hyperparameter:
    """One of a network's own numbers, words or switches."""

    default: Any
    """Its value when none is given; a plain JSON value."""

    description: str
    """One line for a person who chooses; may be empty."""

    rule: str
    """What it must be, to follow "must be"."""

    read: Callable[[Any], Any]
    """Gives the value in its canonical form; raises ValueError or TypeError for one that breaks the rule."""


def whole_number(default: int, description: str = "", *, least: int = 1) -> Hyperparameter:
    """An int; never a bool."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError
        return value

    return Hyperparameter(default, description, f"a whole number of at least {least}", read)


def number(default: float, description: str = "", *, low: float = -math.inf, high: float = math.inf) -> Hyperparameter:
    """A finite float (or int) from low to high."""
    bounded = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError
        if not math.isfinite(value):
            raise ValueError
        return float(value)

    return Hyperparameter(
        float(default), description, " ".join(["a number", *[" and ".join(bounded)] * any(bounded)]), read
    )


def switch(default: bool, description: str = "") -> Hyperparameter:
    """True or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Hyperparameter(default, description, "true or false", read)


def word(default: str, description: str = "", *, options: Sequence[str] = ()) -> Hyperparameter:
    """A text, one of `options` if there are any."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or (options and value not in options):
            raise ValueError
        return value

    return Hyperparameter(default, description, f"one of {', '.join(options)}" if options else "a text", read)


def listing(default: Sequence[Any], of: Hyperparameter, description: str = "") -> Hyperparameter:
    """A list, each of whose elements follows the rule of `of`."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise TypeError
        return [of.read(element) for element in value]

    return Hyperparameter(list(default), description, f"a list, each element {of.rule}", read)


def plain(default: Any, description: str = "") -> Hyperparameter:
    """Anything that JSON can say: for what has no type that could be checked."""

    def read(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [read(element) for element in value]
        raise TypeError

    return Hyperparameter(read(default), description, "a number, a text, true, false, null or a list of them", read)
