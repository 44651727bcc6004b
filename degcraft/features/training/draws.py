"""Randomness that depends on the seed, its purpose and the step, and on nothing that came before."""

import hashlib

import torch


def draw_generator(seed: int, purpose: str, step: int) -> torch.Generator:
    """A CPU generator for one purpose at one step: the same whenever and wherever it is asked for."""
    digest = hashlib.sha256(f"degcraft {purpose} {seed} {step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little"))
