"""The paper's Table 2 and figures, measured again: its settings and rows on your images and your networks."""

from degcraft.reproduction.figures import FIGURES, draw_figure
from degcraft.reproduction.networks import Network
from degcraft.reproduction.rows import DEFAULT_ROWS, Row, rows_of
from degcraft.reproduction.share import Share, share_of_gap
from degcraft.reproduction.study import Study
from degcraft.reproduction.table2 import Table2, Table2Part, run_part
from degcraft.reproduction.truth import Truth

__all__ = [
    "DEFAULT_ROWS",
    "FIGURES",
    "Network",
    "Row",
    "Share",
    "Study",
    "Table2",
    "Table2Part",
    "Truth",
    "draw_figure",
    "rows_of",
    "run_part",
    "share_of_gap",
]
