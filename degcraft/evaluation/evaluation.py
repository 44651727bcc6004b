"""How well rows restore images, in words, as a picture and in files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.evaluation.images import EvaluatedImage
from degcraft.evaluation.names import BICUBIC
from degcraft.evaluation.rows import Restore
from degcraft.images.atomic import written_whole
from degcraft.metrics import Difference, ScoreTable, find_metric
from degcraft.results import Result, Table

IMAGES_SHOWN = 4
"""In a picture."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Result):
    """Scores of every row on the same images, and what they say."""

    scores: ScoreTable
    metrics: tuple[str, ...]
    scale: int
    border: int
    """HR pixels that were cut from every side first."""
    notes: tuple[str, ...]
    """What was done to the ground truth, a line each."""
    images: tuple[EvaluatedImage, ...]
    rows: Mapping[str, Restore]
    """Bicubic enlargement, then what is compared with it."""

    def table(self) -> Table:
        """A line per row with its means; `failed` where its network failed, a dash where no image counts."""
        found, known = self.scores, [find_metric(name) for name in self.metrics]
        counted = len(found.images) - len(found.left_out)
        rows = []
        for row, means in found.means().items():
            cells = [f"{means[one.name]:.{one.decimals}f}" if one.name in means else "–" for one in known]
            rows.append([row, *(["failed"] * len(known) if row in found.failed else cells)])
        title = f"means over {counted} of {len(found.images)} images"
        return Table(title, ["row", *(one.title for one in known)], rows)

    def sentences(self) -> list[str]:
        """What was scored and what was left out, then what each row gains over bicubic and over the first one."""
        said = f"{self.border} pixels cut from each border" if self.border else "no border cut (border 0)"
        lines = [f"{len(self.images)} images, x{self.scale}, {said}", *self.notes, *self.scores.notes()]
        for row, other in self._compared():
            if row in self.scores.failed or other in self.scores.failed:
                continue
            for name in self.metrics:
                metric = find_metric(name)
                found = self.scores.difference(row, other, name)
                lines.append(f"{row}, {metric.label or name}: {found.sentence(other, metric.unit, metric.decimals)}")
        return lines

    def draw(self, path: str | Path) -> None:
        """Writes crops of a few images, twice as large, from the largest gain over bicubic evenly to the smallest.

        Raises:
            DegcraftError: No row is left to show, or the file cannot be written.
        """
        from degcraft.figures import RestoredImage, draw_restorations

        shown = [row for row in self.rows if row not in self.scores.failed]
        if shown[-1] == BICUBIC:
            raise DegcraftError(f"{path}: there is nothing to show beside bicubic, because every network failed")
        by_name = {image.name: image for image in self.images}
        pictures = []
        for name in spread_over(self.scores, shown[1], BICUBIC, self.metrics[0]):
            image = by_name[name]
            lr, hr = image.read(self.scale)
            truth, extra = image.truth(hr)
            restored = [self.rows[row](image, lr) for row in shown]
            pictures.append(RestoredImage(name, restored, truth, border=self.border + extra))
        draw_restorations(pictures, path, ["LR, bicubic", *shown[1:]], focus=1)

    def write_csv(self, path: Path) -> None:
        """A line per image and row; `counts` says whether it is in the means, `reason` why not."""
        failed, left_out = self.scores.failed, self.scores.left_out
        with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, fieldnames=["name", "row", *self.metrics, "counts", "reason"])
            lines.writeheader()
            for row, scores in self.scores.rows.items():
                for score in scores:
                    reason = failed.get(row) or left_out.get(score.image) or ""
                    counts = "no" if reason else "yes"
                    lines.writerow(
                        {"name": score.image, "row": row, **score.scores, "counts": counts, "reason": reason}
                    )

    def write_json(self, path: Path) -> None:
        """Means, differences with their intervals (null where there is none), and all scores image by image."""
        described = {}
        for name in self.metrics:
            metric = find_metric(name)
            described[name] = {"label": metric.label, "unit": metric.unit, "higher_is_better": metric.higher_is_better}
        differences = [
            {"row": row, "over": other, "metric": name, **_plain(self.scores.difference(row, other, name))}
            for row, other in self._compared()
            for name in self.metrics
        ]
        content = {
            "scale": self.scale,
            "border": self.border,
            "notes": list(self.notes),
            "metrics": described,
            "means": self.scores.means(),
            "differences": differences,
            "left_out": self.scores.left_out,
            "failed": self.scores.failed,
            "alignment": {one.name: asdict(one.alignment) for one in self.images if one.alignment is not None},
            "scores": self.scores.to_json(),
        }
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def _compared(self) -> list[tuple[str, str]]:
        rows = [row for row in self.rows if row != BICUBIC]
        return [(row, BICUBIC) for row in rows] + [(row, rows[0]) for row in rows[1:]]


def spread_over(table: ScoreTable, row: str, other: str, metric: str, count: int = IMAGES_SHOWN) -> list[str]:
    """Images spread evenly over the ranks of their gain, the largest first, so that a picture flatters nobody."""
    sign = 1 if find_metric(metric).higher_is_better else -1
    gains = {
        image: sign * (own - base)
        for image, own, base in zip(table.images, table.scores(row, metric), table.scores(other, metric), strict=True)
        if own is not None and base is not None
    }
    ranked = sorted(gains, key=lambda image: (-gains[image], image)) or list(table.images)
    count = min(count, len(ranked))
    return [ranked[int((index + 0.5) * len(ranked) / count)] for index in range(count)]


def _plain(difference: Difference) -> dict[str, Any]:
    values = asdict(difference) | {"tie": difference.is_tie}
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
