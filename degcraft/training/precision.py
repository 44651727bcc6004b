"""The arithmetic of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError

_DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Precision:
    """The arithmetic of the forward and backward pass; weights and optimizer are float32 always."""

    dtype: torch.dtype
    """torch.float32, or torch.bfloat16 for autocast to it."""

    channels_last: bool
    """Whether images and weights lie in memory with the channels innermost."""

    reason: str
    """Why it was chosen, with what was measured, for the log."""

    def arranged(self, images: Tensor) -> Tensor:
        """Images (B,c,h,w) in the memory layout of the choice."""
        return images.to(memory_format=self._memory_format)

    def arrange(self, network: nn.Module) -> None:
        """Put a network's weights into the memory layout of the choice, in place."""
        network.to(memory_format=self._memory_format)  # type: ignore[call-overload]

    @property
    def _memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context of a forward pass."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    @property
    def name(self) -> str:
        """float32 or bf16."""
        return "bf16" if self.dtype == torch.bfloat16 else "float32"

    def __str__(self) -> str:
        return f"{self.name}, {'channels last' if self.channels_last else 'contiguous'} ({self.reason})"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for checkpoints and for handing one choice to many runs."""
        return {"dtype": self.name, "channels_last": self.channels_last, "reason": self.reason}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Precision:
        """What `to_dict` wrote; raises DegcraftError for anything else."""
        try:
            return cls(_DTYPES[content["dtype"]], bool(content["channels_last"]), str(content["reason"]))
        except (KeyError, TypeError) as error:
            raise DegcraftError(
                f"precision must have dtype ({' or '.join(_DTYPES)}), channels_last and reason, but is {content!r}"
            ) from error


PLAIN = Precision(torch.float32, False, "nothing else is asked for")
"""float32 as PyTorch lays it out."""
