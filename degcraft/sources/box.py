"""Any box of degradations, down to a single one."""

from degcraft.degradation import BoxSource
from degcraft.errors import DegcraftError


def build_box(**sides: list[float] | None) -> BoxSource:
    """The box of [low, high] by axis name; None where an axis is no side of it."""
    box = {name: (ends[0], ends[1]) for name, ends in sides.items() if ends is not None}
    if not box:
        raise DegcraftError("needs at least one axis, such as blur_sigma=[0,2]")
    return BoxSource(box)
