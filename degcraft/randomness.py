"""Generators whose draws something named decides, and nothing that was drawn before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def generator_of(text: str) -> torch.Generator:
    """A CPU generator that is the same whenever and wherever a text is given: a seed, what is drawn, and its number."""
    digest = hashlib.sha256(text.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little"))


@contextmanager
def own_generator(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Whatever is drawn inside follows the seed; PyTorch's global generators are as before afterwards."""
    on_cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.random.default_generator.manual_seed(seed)
        if on_cuda and device is not None:
            index = torch.cuda.current_device() if device.index is None else device.index
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
