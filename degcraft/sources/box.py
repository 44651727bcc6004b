"""Any box of degradations, down to a single one."""

from typing import Any

from degcraft.degradation import BoxSource, Parameter, known_parameters
from degcraft.errors import DegcraftError
from degcraft.knobs import Knob, is_number
from degcraft.sources.base import SourceSpec


def _side(parameter: Parameter) -> Knob:
    """[low, high], or one value (a number, a choice's name, `none`), which is a side without width."""

    def read(value: Any) -> list[float] | None:
        if value is None:
            return None
        ends = value if isinstance(value, list) else [value, value]
        low, high = (end if is_number(end) else parameter.parse(end) for end in ends)
        return [float(low), float(high)]

    rule = f"{parameter.unit}: a value or [low, high]"
    return Knob(None, parameter.label, rule, read)


def _build(**sides: list[float] | None) -> BoxSource:
    box = {name: (ends[0], ends[1]) for name, ends in sides.items() if ends is not None}
    if not box:
        raise DegcraftError("needs at least one axis, such as blur_sigma=[0,2]")
    return BoxSource(box)


BOX = SourceSpec(
    "box",
    "uniform in any ranges, or fixed, such as box:blur_sigma=[1,2],noise_level=10",
    _build,
    knobs={name: _side(parameter) for name, parameter in known_parameters().items()},
)
