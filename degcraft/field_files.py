"""Files of fields, YAML 1.2 or TOML, read as their author meant them; loads nothing heavy."""

import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError

from degcraft.errors import DegcraftError, in_short

MOST = 200_000
"""Characters, of which a file of YAML takes seconds to read."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The fields of a file: 1e-4 is a number, `no` a text, 0x10 sixteen, and a field stands once.

    Raises:
        DegcraftError: the file cannot be read, or is no YAML of fields; it names the line, and the field given twice.
    """
    text = _text(path)
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise DegcraftError(f"{path}{_where(error)}: is not valid YAML ({in_short(_rule(error))})") from None
    except (ValueError, RecursionError) as error:  # 2026-99-99, and a file nested beyond all use
        raise DegcraftError(f"{path}: is not valid YAML ({in_short(error)})") from None
    if not isinstance(content, dict):
        raise DegcraftError(f"{path}: must hold fields such as `scale: 4`, but holds {type(content).__name__}")
    return content


def read_toml(path: Path) -> dict[str, Any]:
    """The fields of a file.

    Raises:
        DegcraftError: the file cannot be read, or is no TOML.
    """
    text = _text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DegcraftError(f"{path}: is not valid TOML ({in_short(error)})") from None


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST + 1)
    except OSError as error:
        raise DegcraftError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise DegcraftError(f"{path}: cannot be read ({error})") from None
    if len(text) > MOST:
        raise DegcraftError(f"{path}: must have at most {MOST:,} characters, but has more")
    return text


def _where(error: YAMLError) -> str:
    mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
    return f", line {mark.line + 1}" if mark else ""


def _rule(error: YAMLError) -> str:
    if isinstance(error, DuplicateKeyError) and error.problem:
        return f"{_quoted(error.problem)} is given twice"
    if isinstance(error, MarkedYAMLError) and error.problem:
        if "\\t" in error.problem:
            return "a tab stands where only spaces may; indent by spaces"
        return str(error.problem)
    return str(error)


def _quoted(problem: str) -> str:
    """The field that ruamel.yaml speaks of: found duplicate key "seed" with value …"""
    return problem.split('"')[1] if problem.count('"') > 1 else problem
