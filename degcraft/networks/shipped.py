"""The starts that come with the package: networks that restore already, each with a model card beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from degcraft.errors import DegcraftError

START = "start:"
"""What the name of a start begins with where a file could stand."""

_FOLDER = Path(__file__).parent / "shipped"

STARTS: dict[str, Path] = {path.stem: path for path in sorted(_FOLDER.glob("*.safetensors"))}
"""The weights files of this installation by name, such as "x4"."""


def start_file(name: str | Path) -> Path:
    """The weights file of a start.

    Args:
        name: such as "start:x4".

    Raises:
        DegcraftError: this installation has none of that name.
    """
    known = STARTS.get(str(name).removeprefix(START))
    if known is None:
        there = ", ".join(f"{START}{key}" for key in STARTS) or "none"
        raise DegcraftError(f"{name}: there is no such start; this installation has {there}")
    return known


def weights_file(model: str | Path) -> Path:
    """The file of weights that a path or the name of a start means.

    Raises:
        DegcraftError: there is no such file or start.
    """
    path = start_file(model) if str(model).startswith(START) else Path(model).expanduser()
    if path.is_dir():
        # What a search calls the best network is a folder, and what it hands over a file in it.
        inside = path / "model.safetensors"
        raise DegcraftError(
            f"{model}: is a folder; {f'give {inside}' if inside.is_file() else 'give a file of weights'}"
        )
    if not path.is_file():
        raise DegcraftError(f"{model}: there is no such file")
    return path


def start_licence(name: str) -> str:
    """The licence of a start, as its file's metadata say it (`licence`), else its card; "not stated" without either.

    In a card it is a line such as `Licence: Apache-2.0` or `| licence | Apache-2.0 |`.
    """
    path = start_file(name)
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("degcraft", "{}"))
        licence = header.get("metadata", {}).get("licence")
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        raise DegcraftError(f"{path}: not a readable safetensors file ({error})") from error
    card = path.with_suffix(".md")
    if not licence and card.is_file():
        found = re.search(r"^\W*licen[cs]e\W+(\w[^|\n]*)", card.read_text(encoding="utf-8"), re.I | re.M)
        licence = found and found[1].strip(" .*")
    return licence or "not stated"
