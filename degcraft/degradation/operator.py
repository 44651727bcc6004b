"""What one degradation operator is: the numbers that drive it, and how it acts on a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degcraft.degradation.parameter import Parameter

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Values = Mapping[str, "Tensor"]
"""Parameter name → (B,); a parameter that is absent is at its identity in all images."""
Taps = tuple["Tensor", "Tensor"]
"""A separable kernel's factors, along the rows and down the columns, each (B, 2r+1)."""


@dataclass(frozen=True)
class Operator:
    """One factor of x = JPEG_q[(y ⊗ k_σ)↓s + ε] (eq. 2), driven by one or several numbers per image.

    Exactly one of `kernel`, `reduce` and `apply` is given. Kernels act on the clean image, one operator at most reduces
    it, and the others act on the low-resolution images in the order of the registry.
    """

    parameters: tuple[Parameter, ...]
    """The first drives it: without that one nothing is done. The others say how."""
    kernel: Callable[[Values], Taps | Tensor] | None = None
    """Values (B,) → the taps of a separable kernel, or whole kernels (B, 2r+1, 2r+1): float32, symmetric about their
    middle, summing to 1."""
    reduce: Callable[[Values, int], Tensor] | None = None
    """Values (B,), scale s → taps (B, n), n odd or even as s is, each row summing to 1: output i sees the input from
    s·i + (s - n)/2 on."""
    apply: Callable[[Tensor, Values, torch.Generator], Tensor] | None = None
    """Images (B,3,h,w), values (B,) on the images' device, the only source of randomness → images (B,3,h,w); may work
    in place."""
    compresses: bool = False
    """Whether it is the file that the images were kept in: a space has one of these at most."""

    def __post_init__(self) -> None:
        if [self.kernel, self.reduce, self.apply].count(None) != 2:
            raise ValueError(f"operator {self.name} needs one of kernel, reduce and apply")

    @property
    def name(self) -> str:
        """That of the parameter that drives it."""
        return self.parameters[0].name
