"""The registry of degradation operators, in the order in which they act (eq. 2).

A new operator is one file that makes an `Operator`, and one line here.
"""

from degcraft.degradation.blur import BLUR
from degcraft.degradation.jpeg import JPEG
from degcraft.degradation.noise import NOISE
from degcraft.degradation.operator import Operator
from degcraft.errors import DegcraftError

OPERATORS: dict[str, Operator] = {
    operator.axis: operator
    for operator in (
        BLUR,
        NOISE,
        JPEG,
    )
}


def find_operator(axis: str) -> Operator:
    """The operator that an axis drives.

    Raises:
        DegcraftError: there is no operator of that name.
    """
    if not isinstance(axis, str) or axis not in OPERATORS:
        raise DegcraftError(f"axis name must be one of {', '.join(OPERATORS)}, but got {axis!r}")
    return OPERATORS[axis]
