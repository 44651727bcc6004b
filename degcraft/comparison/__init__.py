"""Feature extractors side by side, against references whose degradation is known."""

from degcraft.comparison.choices import Choice, make_choices, parse_choices
from degcraft.comparison.compare import Measurement, SeedRun, compare_extractors, compare_once
from degcraft.comparison.known import known_references
from degcraft.comparison.record import Comparison
from degcraft.comparison.report import Row, median_rows, score_rows
from degcraft.comparison.score import WeightScore, score_weights
from degcraft.comparison.spread import COUNTS, DRAWS, measure_spread

__all__ = [
    "COUNTS",
    "DRAWS",
    "Choice",
    "Comparison",
    "Measurement",
    "Row",
    "SeedRun",
    "WeightScore",
    "compare_extractors",
    "compare_once",
    "known_references",
    "make_choices",
    "measure_spread",
    "median_rows",
    "parse_choices",
    "score_rows",
    "score_weights",
]
