"""A table of scores in words, on the terminal and in files."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from degcraft.metrics import Alignment, Difference, ScoreTable

IMAGES_SHOWN = 4
"""In a picture."""


def means_table(table: "ScoreTable", metrics: Sequence[str]) -> "Table":
    """A line per row with its means; `failed` where its network failed, a dash where no image counts."""
    from rich.markup import escape
    from rich.table import Table

    from degcraft.metrics import find_metric

    counted = len(table.images) - len(table.left_out)
    shown = Table(title=f"means over {counted} of {len(table.images)} images", title_justify="left")
    shown.add_column("row")
    for name in metrics:
        shown.add_column(find_metric(name).title, justify="right")
    for row, means in table.means().items():
        cells = [f"{means[name]:.{find_metric(name).decimals}f}" if name in means else "–" for name in metrics]
        shown.add_row(escape(row), *(["failed"] * len(metrics) if row in table.failed else cells))
    return shown


def sentences(table: "ScoreTable", metrics: Sequence[str], bicubic: str, networks: Sequence[str]) -> list[str]:
    """What each network gains over bicubic and over the first network, by each metric."""
    from degcraft.metrics import find_metric

    lines = []
    for row, other in _compared(bicubic, networks):
        if row in table.failed or other in table.failed:
            continue
        for name in metrics:
            metric = find_metric(name)
            found = table.difference(row, other, name)
            lines.append(f"{row}, {metric.label or name}: {found.sentence(other, metric.unit, metric.decimals)}")
    return lines


def spread_over(table: "ScoreTable", row: str, other: str, metric: str, count: int = IMAGES_SHOWN) -> list[str]:
    """Images spread evenly over the ranks of their gain, the largest first, so that a picture flatters nobody."""
    from degcraft.metrics import find_metric

    sign = 1 if find_metric(metric).higher_is_better else -1
    gains = {
        image: sign * (own - base)
        for image, own, base in zip(table.images, table.scores(row, metric), table.scores(other, metric), strict=True)
        if own is not None and base is not None
    }
    ranked = sorted(gains, key=lambda image: (-gains[image], image)) or list(table.images)
    count = min(count, len(ranked))
    return [ranked[int((index + 0.5) * len(ranked) / count)] for index in range(count)]


def write_csv(table: "ScoreTable", metrics: Sequence[str], path: Path) -> None:
    """A line per image and row; `counts` says whether it is in the means, `reason` why not."""
    from degcraft.images.atomic import written_whole

    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        lines = csv.DictWriter(file, fieldnames=["name", "row", *metrics, "counts", "reason"])
        lines.writeheader()
        for row, scores in table.rows.items():
            for score in scores:
                reason = table.failed.get(row) or table.left_out.get(score.image) or ""
                counts = "no" if reason else "yes"
                lines.writerow({"name": score.image, "row": row, **score.scores, "counts": counts, "reason": reason})


def write_json(
    table: "ScoreTable",
    metrics: Sequence[str],
    bicubic: str,
    networks: Sequence[str],
    alignments: Mapping[str, "Alignment"],
    facts: Mapping[str, Any],
    path: Path,
) -> None:
    """Means, differences with their intervals (null where there is none), and all scores image by image."""
    from degcraft.images.atomic import written_whole
    from degcraft.metrics import find_metric

    described = {}
    for name in metrics:
        metric = find_metric(name)
        described[name] = {"label": metric.label, "unit": metric.unit, "higher_is_better": metric.higher_is_better}
    differences = [
        {"row": row, "over": other, "metric": name, **_plain(table.difference(row, other, name))}
        for row, other in _compared(bicubic, networks)
        for name in metrics
    ]
    content = {
        **facts,
        "metrics": described,
        "means": table.means(),
        "differences": differences,
        "left_out": table.left_out,
        "failed": table.failed,
        "alignment": {image: asdict(own) for image, own in alignments.items()},
        "scores": table.to_json(),
    }
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _compared(bicubic: str, networks: Sequence[str]) -> list[tuple[str, str]]:
    return [(row, bicubic) for row in networks] + [(row, networks[0]) for row in networks[1:]]


def _plain(difference: "Difference") -> dict[str, Any]:
    values = asdict(difference) | {"tie": difference.is_tie}
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
