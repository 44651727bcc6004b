"""The adversarial loss: a discriminator that is trained along to tell restored images from clean ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.randomness import own_generator
from degcraft.training.divergence import Limit
from degcraft.training.losses.base import LossTerm
from degcraft.training.losses.discriminators import DISCRIMINATORS
from degcraft.training.precision import Precision

# A discriminator that guesses has 1.39 (bce) or 0.5 (lsgan).
LOST_DISCRIMINATOR = 20.0


def _bce(logits: Tensor, real: bool) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def _lsgan(logits: Tensor, real: bool) -> Tensor:
    return F.mse_loss(logits, torch.full_like(logits, float(real)))


KINDS: dict[str, Callable[[Tensor, bool], Tensor]] = {"bce": _bce, "lsgan": _lsgan}
"""What a discriminator's map of logits is scored by: the cross-entropy of Real-ESRGAN, or the squares of LSGAN."""


class AdversarialLoss(LossTerm):
    """How far a discriminator is from taking restored images for clean ones.

    In alternation, as in Real-ESRGAN (arXiv 2107.10833): the network's step sees the discriminator frozen, then
    the discriminator takes a step on the clean images and the same restored ones, detached, with an Adam of its
    own (0.9, 0.99, or of another momentum).
    """

    limits: Mapping[str, Limit] = {
        "discriminator": Limit(
            LOST_DISCRIMINATOR,
            "lower the weight or the rate of gan, or choose discriminator unet, whose spectral norm steadies it",
        )
    }

    def __init__(self, discriminator: str, kind: str, rate: float, seed: int, momentum: float = 0.9) -> None:
        """
        Args:
            discriminator: one of `DISCRIMINATORS`.
            kind: one of `KINDS`.
            rate: the discriminator's learning rate as a multiple of the network's.
            seed: of the discriminator's first weights.
            momentum: of its Adam.
        """
        self.rate, self._momentum = rate, momentum
        self._score = KINDS[kind]
        # The layers draw their first weights from the global generator, which is left as it was.
        with own_generator(seed):
            self.discriminator: nn.Module = DISCRIMINATORS[discriminator].build().train()
        self._optimizer = self._adam()

    def _adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.discriminator.parameters(), betas=(self._momentum, 0.99))

    def _judge(self, images: Tensor, precision: Precision) -> Tensor:
        with precision.autocast(images.device):
            logits = self.discriminator(precision.arranged(images))
        return logits.float()

    def measure(self, sr: Tensor, hr: Tensor, precision: Precision) -> Tensor:
        """See `LossTerm.measure`."""
        precision.arrange(self.discriminator)
        self.discriminator.requires_grad_(False)
        return self._score(self._judge(sr, precision), True)

    def learn(self, sr: Tensor, hr: Tensor, rate: float, precision: Precision) -> dict[str, Tensor]:
        """See `LossTerm.learn`; `discriminator` is the sum of its losses on clean and on restored images."""
        self.discriminator.requires_grad_(True)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate * rate
        self._optimizer.zero_grad(set_to_none=True)
        real = self._score(self._judge(hr, precision), True)
        fake = self._score(self._judge(sr, precision), False)
        loss = real + fake
        loss.backward()
        self._optimizer.step()
        return {"discriminator": loss.detach()}

    def to(self, device: torch.device) -> None:
        """See `LossTerm.to`."""
        self.discriminator.to(device)
        self._optimizer = self._adam()

    def state_dict(self) -> dict[str, Any]:
        """See `LossTerm.state_dict`: the discriminator and its optimizer."""
        return {"discriminator": self.discriminator.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `LossTerm.load_state_dict`."""
        self.discriminator.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])


def least_patch(knobs: Mapping[str, Any]) -> int:
    """See `LossSpec.least_patch`."""
    return DISCRIMINATORS[knobs["discriminator"]].least_patch
