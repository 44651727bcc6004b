"""What a result shows of itself, in a terminal and in a notebook."""

import base64
import io
import tempfile
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.table import Table as Shown

_SHORT = 200
"""Letters of what a result is in a word."""
_LONGEST = 1600
"""Side of a picture in a notebook, which keeps it in its own file; `plot` and `draw` give all of it."""


class Table(NamedTuple):
    """Cells as text; the first column names what a row is of."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()
    """Rows that stand out."""
    caption: str = ""

    def html(self) -> str:
        """The table for a page."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.columns)
        lines = [
            f"<tr{' style=font-weight:bold' * (place in self.marked)}>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in row)
            + "</tr>"
            for place, row in enumerate(self.rows)
        ]
        return f"<table><caption>{escape(self.title)}</caption><tr>{head}</tr>{''.join(lines)}</table>" + (
            f"<p>{escape(self.caption)}</p>" if self.caption else ""
        )

    def terminal(self, words: Collection[str], marked: str) -> "Shown":
        """The table for a terminal.

        Args:
            words: columns that hold words; the others hold numbers, and stand at the right.
            marked: style of the rows that stand out.
        """
        from rich.table import Table as Shown
        from rich.text import Text

        shown = Shown(title=self.title, title_justify="left", caption=self.caption or None)
        for name in self.columns:
            is_first = name == self.columns[0]
            shown.add_column(
                name, justify="left" if name in words else "right", overflow="fold" if is_first else "ellipsis"
            )
        for place, row in enumerate(self.rows):
            shown.add_row(*map(Text, row), style=marked if place in self.marked else None)
        return shown

    def markdown(self) -> str:
        """The table for a note, without title and caption."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


class Result(ABC):
    """Sentences, perhaps a table, and a picture; a notebook shows all of them.

    A dataclass that is one leaves `repr` to it: `@dataclass(repr=False)`.
    """

    @abstractmethod
    def sentences(self) -> list[str]:
        """For people, a line each."""

    @abstractmethod
    def draw(self, path: str | Path) -> None:
        """Writes the picture as PNG, making its folder where it is missing.

        Raises:
            DegcraftError: the file cannot be written, or there is nothing to draw.
        """

    def table(self) -> Table | None:
        """The numbers behind it, if they make a table."""
        return None

    def __repr__(self) -> str:
        """What it is: of arrays by the thousand nobody reads the numbers."""
        first = textwrap.shorten(self.sentences()[0], _SHORT, placeholder=" …")
        return f"<{type(self).__name__}: {first}>"

    def __str__(self) -> str:
        """The sentences: of what is behind them `print` would show every array."""
        return "\n".join(self.sentences())

    def plot(self) -> "Image":
        """The picture that `draw` writes, to be looked at: a notebook shows it, and so does its `show()`."""
        from PIL import Image

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plot.png"
            self.draw(file)
            with Image.open(file) as picture:
                picture.load()
                return picture

    def _repr_html_(self) -> str:
        table, picture, file = self.table(), self.plot(), io.BytesIO()
        picture.thumbnail((_LONGEST, _LONGEST))
        picture.save(file, "PNG")
        content = base64.b64encode(file.getvalue()).decode()
        return (
            (table.html() if table else "")
            + "".join(f"<p>{escape(line)}</p>" for line in self.sentences())
            + f'<img style="max-width:100%" alt="{type(self).__name__}" src="data:image/png;base64,{content}">'
        )
