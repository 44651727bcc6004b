"""A field of the specification that may be fixed or searched: one value, a list of choices, or a range."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class Strict(BaseModel):
    """A section of the specification: frozen, no unknown fields, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Range(Strict):
    """An interval that Optuna draws from."""

    low: float = Field(description="smallest value, inclusive")
    high: float = Field(description="largest value, inclusive")
    log: bool = Field(default=False, description="draw uniformly in the logarithm")

    @model_validator(mode="after")
    def _check_order(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"low must be below high, but got low {self.low:g} and high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 when log is true, but got {self.low:g}")
        return self


def form(value: Any) -> str:
    """`choice`, `range` or `fixed`, by what was written."""
    # Telling the forms apart before validating makes an error speak of the form that was meant, and of no other.
    if isinstance(value, list):
        return "choice"
    return "range" if isinstance(value, dict | Range) else "fixed"


Number = Annotated[
    Annotated[float, Tag("fixed")]
    | Annotated[list[float], Field(min_length=1), Tag("choice")]
    | Annotated[Range, Tag("range")],
    Discriminator(form),
]
Name = Annotated[
    Annotated[str, Tag("fixed")] | Annotated[list[str], Field(min_length=1), Tag("choice")],
    Discriminator(form),
]

FORMS = ("fixed", "choice", "range")
"""Tags that pydantic puts into an error's location; a person reading the error has no use for them."""


def choices(value: Any) -> list[Any]:
    """Return the finite values of a searchable field.

    Raises:
        TypeError: `value` is a `Range`, which has no finite list of values.
    """
    if isinstance(value, Range):
        raise TypeError("a range has no finite list of values")
    return list(value) if isinstance(value, list) else [value]


def numbers(value: float | Sequence[float] | Range) -> list[float]:
    """Return every number that a numeric searchable field names: its values, or a range's two ends."""
    if isinstance(value, Range):
        return [value.low, value.high]
    return list(value) if isinstance(value, Sequence) else [value]
