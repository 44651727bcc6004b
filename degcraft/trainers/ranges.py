"""What is said of one axis, and what can be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """One axis: uniform from low to high in a share of the images, and not applied to the others."""

    low: float
    high: float
    share: float = 1.0

    @property
    def ends(self) -> list[float]:
        """Low and high in hundredths, as blocks hold them."""
        return [round(self.low, 2), round(self.high, 2)]

    @property
    def middle(self) -> float:
        """Of low and high, in thousandths: where a trainer takes one value for all images."""
        return round((self.low + self.high) / 2, 3)


@dataclass(frozen=True)
class Sayable:
    """What a trainer can say of one axis."""

    low: float
    high: float
    some: bool = False
    """Whether it can leave the degradation out for a share of the images."""
