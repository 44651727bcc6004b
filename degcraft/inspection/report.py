"""An inspection as JSON and CSV."""

import csv
import json
import math
from pathlib import Path
from typing import Any

from degcraft.images import printable
from degcraft.images.atomic import written_whole
from degcraft.inspection.distribution import COVERAGE, AxisEstimate
from degcraft.inspection.pile import Apart, Pile
from degcraft.inspection.suggest import suggest_axes

FORMAT = "degcraft-inspection/1"


def report_of(pile: Pile) -> dict[str, Any]:
    """The whole of an inspection in JSON's types. A JPEG quality of null is no compression."""
    inspection, groups = pile.inspection, pile.groups
    return {
        "format": FORMAT,
        "coverage": COVERAGE,
        "pile": {
            "images": len(inspection.images),
            "axes": _axes(pile.axes),
            "besides": _axes(pile.besides),
            "blur_against_clean": None if pile.blur_against_clean is None else _estimate(pile.blur_against_clean),
            "main": [str(inspection.images[index].path) for index in pile.main],
            "sources": [_apart(pile, each) for each in pile.sources],
            "outliers": [_apart(pile, each) for each in pile.outliers],
            "repeats": [[str(inspection.images[index].path) for index in group] for group in pile.repeats],
            "suggested_axes": suggest_axes(pile),
        },
        "images": [
            {
                "path": str(image.path),
                "width": image.width,
                "height": image.height,
                "patches": image.patches,
                "group": groups[index],
                **_axes(image.axes),
                "uncompressed": _uncompressed(pile, index),
            }
            for index, image in enumerate(inspection.images)
        ],
        "skipped": [{"path": str(one.path), "reason": one.reason} for one in inspection.skipped],
        "provenance": dict(pile.provenance),
    }


def write_json(pile: Pile, path: Path) -> None:
    """Write `report_of` to a file, whole or not at all.

    Raises:
        DegcraftError: the file cannot be written.
    """
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(report_of(pile), indent=2, allow_nan=False) + "\n", "utf-8")


def write_csv(pile: Pile, path: Path) -> None:
    """Write a line per image; a JPEG quality of inf is no compression.

    Raises:
        DegcraftError: the file cannot be written.
    """
    images, groups = pile.inspection.images, pile.groups
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        ends = [f"{axis}{end}" for axis in pile.axes for end in ("", "_low", "_high")]
        writer.writerow(["path", "width", "height", *ends, "group"])
        for index, image in enumerate(images):
            values = [f"{x:.4g}" for one in image.axes.values() for x in (one.value, one.low, one.high)]
            writer.writerow([printable(str(image.path)), image.width, image.height, *values, groups[index]])


def _apart(pile: Pile, apart: Apart) -> dict[str, Any]:
    images = [str(pile.inspection.images[index].path) for index in apart.members]
    return {"images": images, "reason": apart.reason}


def _axes(axes: dict[str, AxisEstimate]) -> dict[str, Any]:
    return {axis: _estimate(one) for axis, one in axes.items()}


def _estimate(one: AxisEstimate) -> dict[str, Any]:
    return {"value": _finite(one.value), "low": _finite(one.low), "high": _finite(one.high)}


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _uncompressed(pile: Pile, index: int) -> float:
    """Probability that an image was never compressed by JPEG."""
    grid = pile.inspection.grids["jpeg_quality"]
    return round(float(pile.inspection.images[index].probabilities["jpeg_quality"][~(grid < math.inf)].sum()), 4)
