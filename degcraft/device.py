"""Where torch computes."""

import re
from typing import TYPE_CHECKING

from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    import torch


def check_device_name(name: str) -> str:
    """The name, if a device can be called so; torch is not loaded.

    Raises:
        DegcraftError: it is none of auto, cpu, cuda, mps and xpu, perhaps with a number.
    """
    if not re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:\d{1,3})?", name):
        raise DegcraftError(f"device: must be auto, cpu, cuda, cuda:1 …, mps or xpu, but got {name!r}")
    return name


def pick_device(device: "str | torch.device" = "auto") -> str:
    """The name of a device, tried out; `auto` is a GPU where there is one.

    Raises:
        DegcraftError: this machine lacks it, or there is no such device.
    """
    check_device_name(str(device))
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = str(error).splitlines()[0]
        raise DegcraftError(f"device: must be a device of this machine, but {device} is not ({reason})") from error
    return str(device)
