"""The registry of degradation operators, in the order in which they act (eq. 2 and what real images carry besides).

A new operator is one file that makes an `Operator`, and one line here.
"""

from collections.abc import Collection
from typing import Any

from degcraft.degradation.blur import BLUR
from degcraft.degradation.defocus import DEFOCUS
from degcraft.degradation.jpeg import EARLIER_JPEG, JPEG
from degcraft.degradation.noise import NOISE
from degcraft.degradation.operator import Operator
from degcraft.degradation.parameter import Parameter
from degcraft.degradation.reduction import REDUCTION
from degcraft.degradation.sharpening import SHARPENING
from degcraft.degradation.video import H264, MPEG2
from degcraft.degradation.webp import WEBP
from degcraft.errors import DegcraftError

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        BLUR,
        DEFOCUS,
        REDUCTION,
        NOISE,
        SHARPENING,
        EARLIER_JPEG,
        WEBP,
        H264,
        MPEG2,
        JPEG,
    )
}


def known_parameters() -> dict[str, Parameter]:
    """Every operator's, by name, in the order of the operators."""
    return {parameter.name: parameter for operator in OPERATORS.values() for parameter in operator.parameters}


def find_parameter(name: Any) -> Parameter:
    """The parameter of that name.

    Raises:
        DegcraftError: no operator has one.
    """
    known = known_parameters()
    if not isinstance(name, str) or name not in known:
        raise DegcraftError(f"axis name must be one of {', '.join(known)}, but got {name!r}")
    return known[name]


def check_together(names: Collection[str]) -> None:
    """Refuses parameters that contradict one another.

    Raises:
        DegcraftError: two ways of compressing, or how something is done without how much of it.
    """
    files = [name for name, operator in OPERATORS.items() if operator.compresses and name in names]
    if len(files) > 1:
        raise DegcraftError(f"axes: images are kept in one kind of file, but got {' and '.join(files)}")
    for operator in OPERATORS.values():
        lonely = [one.name for one in operator.parameters[1:] if one.name in names]
        if lonely and operator.name not in names:
            raise DegcraftError(f"axes: {lonely[0]} says nothing without {operator.name}")
