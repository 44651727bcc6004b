"""What the figures have in common: no global state, one palette, one way to save."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.images.atomic import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.ImageFont import FreeTypeFont

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers can tell apart too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#222222"
FAINT = "#8a8a8a"
DPI = 160

TEXT: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
}
"""Settings for matplotlib.rc_context while a figure is built."""


def without_frame(axes: "Axes") -> None:
    """Takes the upper and right lines of the frame away."""
    axes.spines[["top", "right"]].set_visible(False)


def typeface(name: str, size: int) -> "FreeTypeFont":
    """A typeface that matplotlib carries, for pictures that are drawn pixel by pixel, so that they look alike
    everywhere."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def wrapped(text: str, font: "FreeTypeFont", width: int) -> list[str]:
    """A text in lines of at most `width` pixels, broken between words; only a line of one word may be longer."""
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def save_atomically(path: str | Path, write: Callable[[str], object]) -> None:
    """Lets `write` fill a temporary file beside `path` and puts it in place, making the folder where it is missing.

    Raises:
        DegcraftError: the file cannot be written.
    """
    with written_whole(path) as temporary:
        write(str(temporary))


def save(figure: "Figure", path: str | Path) -> None:
    """Writes a figure as PNG, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    save_atomically(path, lambda file: figure.savefig(file, dpi=DPI, facecolor="white", format="png"))
