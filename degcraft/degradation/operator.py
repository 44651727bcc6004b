"""What one degradation operator is: an axis with its unit and legal range, and how it acts on a batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Chroma = Literal["4:2:0", "4:4:4"]


@dataclass(frozen=True)
class Conditions:
    """What an operator may need besides the images and its own parameter."""

    generator: torch.Generator
    """The only source of randomness."""
    chroma: Chroma
    """Chroma subsampling of the JPEG files: "4:2:0" or "4:4:4"."""


@dataclass(frozen=True)
class Operator:
    """One factor of x = JPEG_q[(y ⊗ k_σ)↓s + ε] (eq. 2), driven by one number per image.

    Exactly one of `kernel` and `apply` is given. Operators with a kernel act on the clean image and are
    merged with the downsampling into one matrix; the others act on the low-resolution images in the order
    of the registry.
    """

    axis: str
    """Name of the parameter, as axes, boxes and JSON files spell it."""
    unit: str
    """What the number means, for tables and figures."""
    low: float
    """Smallest legal value."""
    high: float
    """Largest legal value."""
    identity: float
    """The value at which the operator leaves an image exactly as it is (it may lie outside [low, high])."""
    step: float = 1.0
    """A small but visible difference, on the scale of `scaled`."""
    bin_width: float = 1.0
    """Of a bin of the paper's space: what counts as far as what on other axes."""
    scaled: Callable[[float], float] = float
    """A value on a scale where equal steps look about equally large; finite for the identity, too."""
    kernel: Callable[[Tensor], Tensor] | None = None
    """Values (B,) → taps (B, 2r+1), float32, symmetric, each row summing to 1."""
    apply: Callable[[Tensor, Tensor, Conditions], Tensor] | None = None
    """Images (B,3,h,w), values (B,) on the images' device, conditions → images (B,3,h,w); may work in
    place."""

    def __post_init__(self) -> None:
        if (self.kernel is None) == (self.apply is None):
            raise ValueError(f"operator {self.axis} needs either a kernel or an apply function")
