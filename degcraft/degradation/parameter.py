"""What one number of a degradation is, and the words for it: everything that names an axis asks here."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from degcraft.errors import DegcraftError

CLEAN_PIXELS = "pixels of the clean image"


@dataclass(frozen=True)
class Parameter:
    """One number per image that an operator is driven by: an axis of a space may cut its range.

    A parameter with `choices` counts through them from 0; the first is its identity.
    """

    name: str
    """As axes, boxes and JSON files spell it."""
    label: str
    """What people call it."""
    unit: str
    """What the number means, for tables and figures."""
    low: float
    """Smallest legal value."""
    high: float
    """Largest legal value."""
    identity: float
    """The value at which an image is left exactly as it is, "none" (it may lie outside [low, high])."""
    choices: tuple[str, ...] = ()
    """Names of the values, where they are not numbers."""
    mark: str = ""
    """Behind a number: " px"."""
    digits: int = 0
    """Behind the point, of a number that people read."""
    step: float = 1.0
    """A small but visible difference, on the scale of `scaled`."""
    bin_width: float = 1.0
    """Of a bin of the paper's space: what counts as far as what on other axes."""
    grid: float = 1.0
    """Bounds of a suggested range are whole multiples of this."""
    usual: tuple[float, float] | None = None
    """What a suggested range reaches at most; the legal range if None."""
    absent: str = ""
    """What an image at the identity has: "no JPEG compression"."""
    hardly: float = 0.0
    """Smaller values are not told from none."""
    more: str = "more"
    """What an image of a higher value is: "noisier"."""
    less: str = "less"
    """What an image of a lower value is: "cleaner"."""
    scaled: Callable[[float], float] = float
    """A value on a scale where equal steps look about equally large; finite for the identity, too."""

    def pixel(self, scale: int) -> float:
        """What one of it is, as it is estimated of images that are to be four times as large, where they are to be
        `scale` times as large: less of a clean image's pixels; and 1 of everything that is not counted in them.
        """
        return scale / 4 if self.unit == CLEAN_PIXELS else 1.0

    @property
    def heading(self) -> str:
        """What people call it with its mark, over a column of bare numbers: "noise (/255)"."""
        return f"{self.label} ({self.mark.strip()})" if self.mark else self.label

    @property
    def mild_is_low(self) -> bool:
        """Whether lower values do less."""
        return self.identity <= self.low

    def is_legal(self, value: float) -> bool:
        """Whether an image can have this value; its identity it always can."""
        whole = not self.choices or value == int(value)
        return (self.low <= value <= self.high and whole) or value == self.identity

    def words(self, value: float, form: str | None = None) -> str:
        """A value for people, without its mark: `none`, `1.3`, `lanczos`; numbers in another form than `digits` say."""
        if self.choices and self.is_legal(value):
            return self.choices[int(value)]
        if value == self.identity and not self.low <= value <= self.high:
            return "none"
        return format(value, form or f".{self.digits}f")

    def parse(self, text: str) -> float:
        """A value out of a number, the name of a choice, or `none`.

        Raises:
            DegcraftError: none of these.
        """
        if text == "none":
            return self.identity
        if self.choices:
            if text not in self.choices:
                raise DegcraftError(f"{self.name} must be one of {', '.join(self.choices)}, but got {text!r}")
            return float(self.choices.index(text))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise DegcraftError(f"{self.name} must be a number, but got {text!r}")
        return value


def choice(name: str, label: str, choices: tuple[str, ...]) -> Parameter:
    """A parameter that is one of several names; the first is what is done without it."""
    return Parameter(name, label, "choice", 0.0, float(len(choices) - 1), 0.0, choices=choices)
