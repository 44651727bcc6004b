"""Where torch computes."""

import re
from typing import TYPE_CHECKING

from degcraft.errors import DegcraftError, in_short

if TYPE_CHECKING:
    import torch


def pick_device(device: "str | torch.device" = "auto") -> str:
    """The name of a device, tried out; `auto` is a GPU where there is one.

    Raises:
        DegcraftError: this machine lacks it, or there is no such device, which is said without torch.
    """
    if not re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:\d{1,3})?", str(device)):
        raise DegcraftError(f"device: must be auto, cpu, cuda, cuda:1 …, mps or xpu, but got {str(device)!r}")
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = in_short(error, 100)
        raise DegcraftError(f"device: must be a device of this machine, but {device} is not ({reason})") from error
    return str(device)
