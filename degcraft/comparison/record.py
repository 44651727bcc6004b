"""A whole comparison, and the files it is kept in."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degcraft.comparison.choices import Choice
from degcraft.comparison.compare import Measurement, SeedRun
from degcraft.comparison.report import Row, median_rows, score_rows
from degcraft.degradation import Box, DegradationSpace
from degcraft.images.atomic import written_whole

FORMAT = "degcraft-comparison/1"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out."""

    space: DegradationSpace
    settings: Mapping[int, Box]
    runs: Sequence[SeedRun]
    """At least one."""
    missing: Mapping[Choice, str] = field(default_factory=dict)
    """Extractors that could not be had, and why."""
    spread: Mapping[Choice, NDArray[np.float64]] = field(default_factory=dict)
    """(counts, draws) distances from `measure_spread`; empty where it was not measured."""
    spread_counts: Sequence[int] = ()
    """The numbers of images in `spread`."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Sizes, versions, identities: plain JSON."""

    @property
    def measurements(self) -> list[Measurement]:
        """Of all runs."""
        return [one for run in self.runs for one in run.measurements]

    @property
    def degrading_seconds(self) -> float:
        """The median of the runs: spent on degrading all bins."""
        return float(np.median([run.degrading_seconds for run in self.runs]))

    def rows(self, alphas: Sequence[float]) -> list[Row]:
        """A row per run, extractor, setting and alpha."""
        return score_rows(self.space, self.settings, self.measurements, alphas)

    def to_dict(self, alphas: Sequence[float]) -> dict[str, Any]:
        """Everything as plain JSON."""
        rows = self.rows(alphas)
        return {
            "format": FORMAT,
            "axes": self.space.to_list(),
            "settings": {
                str(number): {name: list(bounds) for name, bounds in box.items()}
                for number, box in self.settings.items()
            },
            "missing": {str(choice): reason for choice, reason in self.missing.items()},
            "degrading_seconds": self.degrading_seconds,
            "medians": [row.to_dict() for row in median_rows(rows)],
            "rows": [row.to_dict() for row in rows],
            "distances": [
                {
                    "extractor": one.choice.name,
                    "layer": one.choice.layer,
                    "setting": one.setting,
                    "seed": one.seed,
                    "distances": one.distances.tolist(),
                }
                for one in self.measurements
            ],
            "spread": {
                "counts": list(self.spread_counts),
                "distances": {str(choice): values.tolist() for choice, values in self.spread.items()},
            },
            "crops": [{"hr": run.hr_hash, "references": run.clean_hash} for run in self.runs],
            "provenance": dict(self.provenance),
        }

    def save_json(self, path: str | Path, alphas: Sequence[float]) -> None:
        """Writes `to_dict`, whole or not at all.

        Raises:
            DegcraftError: the file cannot be written.
        """
        text = json.dumps(self.to_dict(alphas), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def save_csv(self, path: str | Path, alphas: Sequence[float]) -> None:
        """Writes `rows`, one line each under a line of names, whole or not at all.

        Raises:
            DegcraftError: the file cannot be written.
        """
        lines = [row.to_dict() for row in self.rows(alphas)]
        with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
