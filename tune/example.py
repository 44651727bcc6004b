"""The commented example of a specification; apart from `tune.spec_file`, which needs torch to check one."""

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def example_text(values: Mapping[str, Any] | None = None) -> str:
    """The commented example that `degcraft spec` prints.

    Args:
        values: others than it shows, by their field (`training.steps`), of those whose value stands on one line. The
            comments stay.
    """
    from ruamel.yaml import YAML

    text = (files("tune") / "example.yaml").read_text(encoding="utf-8")
    lines, content = text.splitlines(), YAML().load(text)
    for field, value in (values or {}).items():
        *sections, key = field.split(".")
        holder = content
        for section in sections:
            holder = holder[section]
        line, column = holder.lc.value(key)
        written = value if isinstance(value, str) and re.fullmatch(r"[\w./][\w./-]*", value) else json.dumps(value)
        before, comment = lines[line][:column], re.search(r" +#.*$", lines[line][column:])
        lines[line] = before + written
        if comment:
            at = column + comment.end() - len(comment[0].lstrip())
            lines[line] = f"{lines[line]:<{at - 1}} {comment[0].lstrip()}"
    return "\n".join(lines) + "\n"
