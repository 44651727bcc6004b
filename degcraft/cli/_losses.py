"""Losses as they are typed."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._listing import add_listing
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from degcraft.training.losses import LossSpec

FORM = "NAME=WEIGHT,… with knobs behind colons, such as l1=1,gan=0.05:discriminator=unet"


def add_list(parser: argparse.ArgumentParser) -> None:
    """`--list-losses`."""

    def losses() -> "Mapping[str, LossSpec]":
        from degcraft.training import LOSSES

        return LOSSES

    add_listing(parser, "--list-losses", "losses", losses)


def parse_losses(text: str, lpips_weights: Path | None) -> dict[str, Any]:
    """Losses as a training plan takes them; whether they exist is the registry's to say.

    Args:
        text: NAME=WEIGHT,… each perhaps followed by :KNOB=VALUE.
        lpips_weights: file of the backbone's weights.

    Raises:
        DegcraftError: Not of that form, or weights without the loss.
    """
    losses: dict[str, Any] = {}
    for part in text.split(","):
        first, *knobs = part.split(":")
        name, weight = _pair(first, text)
        own = dict(_pair(knob, text) for knob in knobs)
        if name in losses or "weight" in own or len(own) < len(knobs):
            raise DegcraftError(f"--losses: must give each loss and each of its knobs once, but got {text!r}")
        losses[name] = {"weight": weight, **own} if own else weight
    if lpips_weights is not None:
        if "lpips" not in losses:
            raise DegcraftError(f"--lpips-weights: belongs to the loss lpips, but --losses is {text!r}")
        from degcraft.training.losses import with_weights

        losses = with_weights(losses, "lpips", str(lpips_weights))
    return losses


def _pair(text: str, whole: str) -> tuple[str, float | str]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip() or not value.strip():
        raise DegcraftError(f"--losses: must be {FORM}, but got {whole!r}")
    try:
        return key.strip(), float(value)
    except ValueError:
        return key.strip(), value.strip()
