"""Arrays in a file that knows when it was altered."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole


def save_arrays(path: str | Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write an .npz with a checksum over all of it, whole or not at all; missing parent folders are made.

    Args:
        path: ends in .npz.
        arrays: by name; `facts` is none of the names.
        facts: plain JSON; `checksum` is none of the names.

    Raises:
        DegcraftError: the folder cannot be written to.
    """
    told = json.dumps({**facts, "checksum": _checksum(arrays, facts)})
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, facts=np.asarray(told), **arrays)  # type: ignore[arg-type]


def load_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and facts that `save_arrays` wrote.

    Raises:
        DegcraftError: no such file, another file, or one that was altered since.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files if name != "facts"}
            facts = json.loads(str(kept["facts"]))
        if facts.pop("checksum") != _checksum(arrays, facts):
            raise DegcraftError(f"{path}: is damaged: its checksum does not fit what it holds")
        return arrays, facts
    except FileNotFoundError as error:
        raise DegcraftError(f"{path}: does not exist") from error
    except DegcraftError:
        raise
    except Exception as error:  # a damaged archive makes its readers raise nearly anything
        raise DegcraftError(f"{path}: must be an archive that degcraft wrote, but {error!r}") from error


def _checksum(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
