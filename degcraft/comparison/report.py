"""The figures of a comparison as rows: one per extractor, setting, alpha and seed, and their medians."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from degcraft.comparison.choices import Choice
from degcraft.comparison.compare import Measurement
from degcraft.comparison.score import WeightScore, score_weights
from degcraft.degradation import Box, DegradationSpace
from degcraft.matching import craft_weights


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    choice: Choice
    setting: int
    alpha: float
    seed: int | None
    """None for a median over seeds."""
    score: WeightScore
    """In a median each figure is the median of its own; `top_hits` may then lie between whole numbers."""
    seconds: float
    """Features and distances of all bins, without the degrading."""

    def to_dict(self) -> dict[str, str | float | None]:
        """Flat and plain, for CSV and JSON."""
        return {
            "extractor": self.choice.name,
            "layer": self.choice.layer,
            "setting": self.setting,
            "alpha": self.alpha,
            "seed": self.seed,
            **asdict(self.score),
            "seconds": self.seconds,
        }


def score_rows(
    space: DegradationSpace,
    settings: Mapping[int, Box],
    measurements: Iterable[Measurement],
    alphas: Sequence[float],
) -> list[Row]:
    """A row per measurement and alpha, in order.

    Raises:
        DegcraftError: a box that does not meet the space, or a negative alpha.
    """
    truths = {number: space.overlap(box) for number, box in settings.items()}
    return [
        Row(
            one.choice,
            one.setting,
            alpha,
            one.seed,
            score_weights(space, craft_weights(one.distances, alpha), truths[one.setting]),
            one.seconds,
        )
        for one in measurements
        for alpha in alphas
    ]


def median_rows(rows: Iterable[Row]) -> list[Row]:
    """The medians over seeds, sorted by setting and alpha; extractors keep their order."""
    groups: dict[tuple[Choice, int, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.choice, row.setting, row.alpha), []).append(row)
    medians = []
    for (choice, setting, alpha), members in groups.items():
        figures = {
            field.name: float(np.median([getattr(member.score, field.name) for member in members]))
            for field in fields(WeightScore)
        }
        seconds = float(np.median([member.seconds for member in members]))
        medians.append(Row(choice, setting, alpha, None, WeightScore(**figures), seconds))  # type: ignore[arg-type]
    return sorted(medians, key=lambda row: (row.setting, row.alpha))
