"""A page of HTML that needs no other file: text, commands and pictures."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from degcraft.images import printable
from degcraft.images.atomic import written_whole


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, in this order."""

    title: str
    sentences: Sequence[str] = ()
    commands: Sequence[str] = ()
    pictures: Sequence[Path] = field(default=())
    """PNG files, which go into the page."""


def write_page(path: Path, title: str, sections: Iterable[Section]) -> None:
    """Write a page.

    Raises:
        DegcraftError: it cannot be written.
    """
    body = "\n".join(line for section in sections for line in _lines(section))
    page = Template((files("degcraft.inspection") / "page.html").read_text(encoding="utf-8"))
    with written_whole(path) as temporary:
        temporary.write_text(page.substitute(title=_text(title), body=body), encoding="utf-8")


def _lines(section: Section) -> Iterable[str]:
    yield f"<h2>{_text(section.title)}</h2>"
    for sentence in section.sentences:
        yield f"<p>{_text(sentence)}</p>"
    if section.commands:
        yield f"<pre>{_text(chr(10).join(section.commands))}</pre>"
    for picture in section.pictures:
        data = base64.b64encode(picture.read_bytes()).decode()
        yield f'<p><img alt="{_text(section.title)}" src="data:image/png;base64,{data}"></p>'


def _text(text: str) -> str:
    return escape(printable(text))
