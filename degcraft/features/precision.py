"""Arithmetic that distances between near bins can rely on."""

import contextlib
from collections.abc import Callable

import torch


def full_precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Convolutions in whole float32: TF32's ten mantissa bits would show in distances between near bins."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    flags: Callable[..., contextlib.AbstractContextManager[None]] = torch.backends.cudnn.flags
    return flags(enabled=True, deterministic=True, allow_tf32=False)
