"""Figures of crafted distributions: a map where it can be one, and else the axes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, Blocks, CraftedDistribution, DegradationSpace
from degcraft.figures import draw_crafted

MANY = DegradationSpace(
    tuple(
        Axis.parse(text)
        for text in (
            "blur_sigma:0:5:10", "reduction:bicubic,area,lanczos", "noise_level:0:50:10", "noise_common:0:1:4",
            "jpeg_quality:30:100:7:none",
        )
    )
)  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: object, **kwargs: object) -> None:
        figures.append(figure)
        save(figure, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def test_blocks_of_a_small_space_are_a_weight_map(tmp_path: Path, drawn: list[Figure]) -> None:
    cells = np.array([[[0, 2], [0, 1], [1, 3]], [[2, 5], [0, 5], [0, 3]]])
    crafted = CraftedDistribution(PAPER_SPACE, np.array([0.4, 0.6]), blocks=Blocks(PAPER_SPACE, cells))
    draw_crafted(crafted, tmp_path / "map.png", title="blocks", truth=TEST_SETTINGS[1])
    texts = [
        text.get_text() for axes in drawn[0].findobj(match=lambda one: hasattr(one, "texts")) for text in axes.texts
    ]
    assert texts.count("10") == 4  # 40 % over four bins.
    assert "blocks" in drawn[0].get_suptitle()


def test_many_axes_have_a_panel_each_and_the_pairs_that_go_together(tmp_path: Path, drawn: list[Figure]) -> None:
    whole = [[0, count] for count in MANY.shape]
    one, other = [list(map(list, whole)) for _ in range(2)]
    one[0], one[2] = [0, 5], [5, 10]
    other[0], other[2] = [5, 10], [0, 5]
    crafted = CraftedDistribution(MANY, np.array([0.5, 0.5]), blocks=Blocks(MANY, np.array([one, other])))
    draw_crafted(crafted, tmp_path / "axes.png", title="many")
    assert (tmp_path / "axes.png").stat().st_size > 10_000
    titles = [axes.get_title(loc="left") for axes in drawn[0].get_axes()]
    assert titles[:5] == ["blur sigma", "reduction", "noise", "noise in common", "JPEG quality"]
    pairs = [(axes.get_xlabel(), axes.get_ylabel()) for axes in drawn[0].get_axes() if axes.collections]
    assert pairs == [("blur sigma", "noise")]
