"""Building what a file asks for, at a cost that the file itself bounds: its words are not to be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from degcraft.errors import DegcraftError

# Above what any network has; a file that says more says it to harm.
_LARGEST_NUMBER = 65_536
_LONGEST_LIST = 1_024
# Twice and more what the registry's networks need, small and large: beside the file's own tensors there are starting
# weights, masks and tables that a network makes for itself (GRL's most of all), and spandrel's loader, which builds it
# a second time. Numbers in one tensor, numbers in all that is ever made, and operations.
_TENSOR_NUMBERS, _TENSOR_TIMES = 1 << 23, 4
_ALL_NUMBERS, _ALL_TIMES = 1 << 30, 32
_OPERATIONS, _OPERATIONS_TIMES = 4_000, 40


def check_hyperparameters(hyperparameters: Mapping[str, Any]) -> None:
    """Refuse hyperparameters that no network has, read from a file.

    Raises:
        DegcraftError: a number beyond ±65,536, or a list of more than 1,024 elements, however deep.
    """
    for name, value in hyperparameters.items():
        _check(name, value)


def _check(name: str, value: Any) -> None:
    if isinstance(value, (list, tuple)):
        if len(value) > _LONGEST_LIST:
            raise DegcraftError(f"{name} must have at most {_LONGEST_LIST} elements, but has {len(value)}")
        for element in value:
            _check(name, element)
    elif isinstance(value, (int, float)) and not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
        raise DegcraftError(f"{name} must be at most {_LARGEST_NUMBER}, but is {value!r:.100}")


class BoundedBy(TorchDispatchMode):
    """Within this context no tensor is made that a network of these weights cannot need, nor too many of them.

    What would be too large is refused before it has memory. So a network is built at most a few times larger than the
    file that it is built for, whatever the file says of it; then its shapes can be compared.

    Args:
        state: what a file holds; what its tensors take in memory counts, and not the shapes that they claim.

    Raises:
        DegcraftError: within the context, as soon as something goes beyond.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        held = [min(one.numel(), one.untyped_storage().nbytes() // one.element_size()) for one in state.values()]
        self._largest = _TENSOR_NUMBERS + _TENSOR_TIMES * max(held, default=0)
        self._numbers = _ALL_NUMBERS + _ALL_TIMES * sum(held)
        self._operations = _OPERATIONS + _OPERATIONS_TIMES * len(held)

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        numbers = _asked_for(args)
        self._numbers -= numbers
        self._operations -= 1
        if numbers > self._largest or self._numbers < 0 or self._operations < 0:
            raise DegcraftError("it would be a network far larger than the file that holds it")
        return operation(*args, **(kwargs or {}))


def _asked_for(args: Sequence[Any]) -> int:
    """How many numbers an operation makes room for: those of a size, of a range, or of the tensor that it is given."""
    first = args[0] if args else None
    if isinstance(first, Tensor):
        return first.numel()
    if isinstance(first, (list, tuple)) and all(isinstance(side, int) for side in first):
        return math.prod(first)
    return int(max((abs(one) for one in args if isinstance(one, (int, float))), default=0))
