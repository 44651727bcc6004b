"""Fitting what a search knows into what MLflow takes: names, lengths, types."""

import dataclasses
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

LONGEST_NAME = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
"""MLflow's own limits, in characters (mlflow.utils.validation)."""


def plain(value: Any) -> Any:
    """The value in JSON's types: mappings, lists, text, numbers, booleans, None; else as its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy and torch, scalars and arrays alike
        return plain(value.tolist())
    return str(value)


def flatten(params: Mapping[str, Any]) -> dict[str, str]:
    """Nested parameters as MLflow's flat ones: `{"training": {"steps": 5}}` → `{"training.steps": "5"}`.

    Lists become JSON text. Names lose what MLflow forbids in them and stay distinct; values beyond its
    limit end with a word that says so.
    """
    flat: dict[str, str] = {}
    for path, value in _leaves(params, ()):
        name = clean_name(".".join(path))
        distinct, count = name, 1
        while distinct in flat:
            count += 1
            distinct = f"{name[: LONGEST_NAME - 8]}_{count}"
        flat[distinct] = cut(_text(value), LONGEST_PARAM, " … (cut; whole in params.json)")
    return flat


def clean_name(name: str) -> str:
    """The name with all that MLflow forbids in names replaced by `_`, at most 250 characters."""
    clean = re.sub(r"[^\w\-. :/]", "_", name)[:LONGEST_NAME] or "_"
    if posixpath.normpath(clean) != clean or clean == "." or clean.startswith(("/", "..")):
        clean = clean.replace("/", "_").replace("..", "__")
        clean = "_" if clean == "." else clean
    return clean


def cut(text: str, longest: int, ending: str) -> str:
    """The text, or its beginning and the ending when it is longer than `longest` characters."""
    return text if len(text) <= longest else text[: longest - len(ending)] + ending


def tag_text(value: Any) -> str:
    """A tag's value as text, whole."""
    return _text(plain(value))


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Metric values as floats; raises ValueError or TypeError for what is no number."""
    return {clean_name(str(name)): float(value) for name, value in values.items()}


def _leaves(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*path, str(key)))
        else:
            yield (*path, str(key)), item


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'  # an empty value is refused over HTTP
    return json.dumps(value, ensure_ascii=False)
