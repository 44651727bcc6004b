"""Networks as they are typed: a weights file or an MLflow model, and a name with hyperparameters."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.knobs import parse_named

if TYPE_CHECKING:
    from degcraft.networks import LoadedNetwork

MODEL_HELP = (
    "a .safetensors file, any checkpoint of a network that spandrel knows (.pth), a network that comes with degcraft "
    "(start:x4), or an MLflow model (models:/name@champion, runs:/ID/model)"
)

STORED = ("models:/", "runs:/")
"""What MODEL begins with where MLflow has it."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """`MODEL`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)


def check_model(model: str) -> None:
    """Raise DegcraftError for a file that is not there; a store is asked when the model is loaded."""
    from degcraft.networks.shipped import weights_file

    if not model.startswith(STORED):
        weights_file(model)


def load_model(model: str, device: str) -> "LoadedNetwork":
    """The network that MODEL names, on the device.

    Raises:
        DegcraftError: There is no such file, model or device, or it is no SR network.
    """
    if model.startswith(STORED):
        from tracking.models import load_sr_model

        return load_sr_model(model, pick_device(device))
    from degcraft.networks import load

    return load(model, device)


def add_tile(parser: argparse.ArgumentParser) -> None:
    """`--tile`."""
    parser.add_argument(
        "--tile",
        type=_tile,
        default=256,
        metavar="N",
        help="largest side in LR pixels that the network sees at once; less takes less memory (256)",
    )


@contextlib.contextmanager
def memory_for_tiles(source: Path, tile: int, device: str) -> Iterator[None]:
    """Turns a device's want of memory into a DegcraftError that names the way out."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DegcraftError(
            f"{source}: {device} has not the memory for tiles of {tile} pixels; give a smaller --tile"
        ) from error


def _tile(text: str) -> int:
    from degcraft.networks.spec import LEAST_TILE

    if not text.isdecimal() or int(text) < LEAST_TILE:
        raise argparse.ArgumentTypeError(f"must be a whole number of {LEAST_TILE} or more, but got {text!r}")
    return int(text)


def parse_network(text: str, option: str = "--network") -> tuple[str, dict[str, Any]]:
    """A network's name and hyperparameters, see `parse_named`; errors name the option.

    Raises:
        DegcraftError: Not of that form.
    """
    try:
        return parse_named(text, "compact:channels=48,convs=8")
    except DegcraftError as error:
        raise DegcraftError(f"{option}: {error}") from None
