"""Looking at a figure instead of at its pixels."""

import pytest
from matplotlib.figure import Figure

from degcraft.figures import style


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, in order; they are written to their files all the same."""
    figures: list[Figure] = []
    save = style.save

    def keep(figure: Figure, path: str) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(style, "save", keep)
    return figures
