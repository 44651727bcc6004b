"""The weights that come with the package: safetensors files, each with a model card beside it."""

from pathlib import Path

from degcraft.errors import DegcraftError

FOLDER = Path(__file__).parent / "shipped"
"""Where they lie."""


def shipped_weights(name: str) -> Path:
    """Path of a weights file that comes with the package.

    Raises:
        DegcraftError: this installation lacks it.
    """
    path = FOLDER / name
    if not path.is_file():
        raise DegcraftError(f"{path}: comes with degcraft, but is missing from this installation")
    return path
