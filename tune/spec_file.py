"""The YAML file of a search: read, checked, its paths made absolute; and its JSON schema."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from degcraft.errors import DegcraftError
from degcraft.field_files import read_yaml
from degcraft.images import is_uri, is_video
from degcraft.training.losses import checked_losses
from tune.searchable import FORMS
from tune.spec import SearchSpec

FOLDERS = ("references", "hr", "held_out.pairs")
"""Fields that name a folder which must exist, unless they hold a URI; the references may be a video."""
FILES = ("network.start", "lpips_weights", "niqe_model", "pdm.compression")
"""Fields that name a file which must exist."""
WORDS = ("auto", "none")
"""What `network.start` may hold beside a file; `start:` and a name is one more."""
OUTPUTS = ("output", "storage")
"""Fields that name a place to write to."""

MAY_CHANGE = (
    "budget.",
    "resources.",
    "search.concurrent",
    "tracking.uri",
    *FOLDERS,
    *FILES,
    *OUTPUTS,
    "extractor_weights.",
)
"""Fields, or with a dot groups of them, that may differ from the first start when a search is resumed: they change when
it ends, how fast it goes and where things lie, not what it computes. What lies there is compared by its content."""

RULES = {
    "union_tag_invalid": "must be one value or a list of them",
    "model_type": "must hold fields, such as `name: value`",
}
"""Of pydantic's errors that speak of its own names, by their type, what is meant."""


def schema_text() -> str:
    """The JSON schema of a search, for editors."""
    return json.dumps(SearchSpec.model_json_schema(), indent=2) + "\n"


def load_spec(path: str | Path) -> SearchSpec:
    """Read and check a specification; every path in it comes back absolute.

    Args:
        path: A YAML file.

    Raises:
        DegcraftError: The file cannot be read, or a field is unknown, of the wrong type, out of range, or names a
            folder or file that is not there. The message names the file, the field, the rule and the value.
    """
    path = Path(path)
    content = read_yaml(path)
    return check_spec(content, folder=path.resolve().parent, origin=str(path))


def check_spec(content: dict[str, Any], *, folder: Path, origin: str) -> SearchSpec:
    """Check the content of a specification whose relative paths start at `folder`; see `load_spec`."""
    try:
        SearchSpec.model_validate(content)
    except ValidationError as error:
        raise DegcraftError(_sentence(origin, error)) from None
    spec = SearchSpec.model_validate(_absolute(content, folder, origin))
    # Some losses, and degradations whose knobs may not go together, load torch to be checked: so last of all.
    try:
        checked_losses(spec.training.losses, spec.training.lr_patch * spec.scale)
    except DegcraftError as error:
        raise DegcraftError(f"{origin}: training.{error}") from None
    for text in spec.compare:
        try:
            spec.comparator(text)
        except DegcraftError as error:
            raise DegcraftError(f"{origin}: compare: {error}") from None
    return spec


def changed_fields(first: SearchSpec, now: SearchSpec) -> list[str]:
    """Fields in which two specifications differ, save those that may change on resume."""
    before, after = _flat(first.model_dump()), _flat(now.model_dump())
    return sorted(
        key
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
        and not any(key == one or (one.endswith(".") and key.startswith(one)) for one in MAY_CHANGE)
    )


def file_hashes(spec: SearchSpec) -> dict[str, str]:
    """SHA-256 of every file with weights that a specification names, by field."""
    flat = _flat(spec.model_dump())
    named = {key: value for key, value in flat.items() if key in FILES or key.startswith("extractor_weights.")}
    found = {key: value for key, value in named.items() if isinstance(value, str) and Path(value).is_file()}
    return {key: hashlib.sha256(Path(value).read_bytes()).hexdigest() for key, value in found.items()}


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _absolute(content: dict[str, Any], folder: Path, origin: str) -> dict[str, Any]:
    """A copy of a valid content with absolute paths, each of which that must exist does."""
    content = json.loads(json.dumps(content))

    def place(holder: dict[str, Any], key: str, field: str) -> None:
        value = holder.get(key)
        if not isinstance(value, str) or is_uri(value):
            return
        if field == "network.start" and (value in WORDS or value.startswith("start:")):
            return
        full = (folder / Path(value).expanduser()).resolve()
        if field in FOLDERS and not full.is_dir() and not (field == "references" and is_video(full)):
            raise DegcraftError(f"{origin}: {field}: must be a folder that exists, but got {full}")
        if (field in FILES or field.startswith("extractor_weights.")) and not full.is_file():
            raise DegcraftError(f"{origin}: {field}: must be a file that exists, but got {full}")
        holder[key] = str(full)

    for field in (*FOLDERS, *FILES, *OUTPUTS):
        *parents, key = field.split(".")
        holder = content
        for parent in parents:
            holder = holder.get(parent) or {}
        place(holder, key, field)
    for name in content.get("extractor_weights") or {}:
        place(content["extractor_weights"], name, f"extractor_weights.{name}")
    return content


def _sentence(origin: str, error: ValidationError) -> str:
    """All that pydantic found, in one line."""
    found = []
    for item in error.errors():
        field = ".".join(str(part) for part in item["loc"] if part not in FORMS) or "the whole"
        rule = RULES.get(item["type"], item["msg"].removeprefix("Value error, "))
        rule = rule[:1].lower() + rule[1:]
        if item["type"] == "extra_forbidden":
            found.append(f"{field}: there is no such field")
        elif item["type"] in ("missing", "value_error"):
            # Our own rules already say what they got.
            said = "is required" if item["type"] == "missing" else rule.removeprefix(f"{field} ")
            found.append(f"{field}: {said}")
        else:
            found.append(f"{field}: {rule}, but got {item['input']!r}")
    more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
    return f"{origin}: " + "; ".join(found[:3]) + more
