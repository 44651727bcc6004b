"""Checkpoint files: written whole or not at all, read without unpickling more than tensors and containers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from degcraft.errors import DegcraftError, in_short
from degcraft.images.atomic import written_whole

FORMAT = "degcraft-checkpoint/3"
"""A file of torch, and behind it the sha256 of that: torch reads the archive without looking at its checksums, and
these leave out its directory."""
_SEAL = hashlib.sha256().digest_size


def write_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write a loop's state; an older checkpoint at `path` is replaced only by a complete new one."""
    # By way of memory: on a full disk torch's own writer fails without saying why.
    torch.save({"format": FORMAT, **state}, content := io.BytesIO())
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue() + hashlib.sha256(content.getbuffer()).digest())


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What `write_checkpoint` wrote, on the CPU.

    Raises:
        DegcraftError: if the file is missing, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise DegcraftError(f"{path}: there is no such checkpoint")
    try:
        whole, seal = (held := path.read_bytes())[:-_SEAL], held[-_SEAL:]
        if hashlib.sha256(whole).digest() != seal:
            raise ValueError("its checksum does not fit what it holds")
        content = torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the unpickler fail in every way there is
        raise DegcraftError(f"{path}: not a readable checkpoint ({in_short(error)})") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise DegcraftError(f"{path}: format must be {FORMAT!r}, but is {found!r}")
    return content
