"""The model card of an encoder: what it was trained on, how, and how well it finds degradations it never saw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from degcraft import __version__
from degcraft.comparison import Choice, compare_extractors, median_rows, score_rows
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS
from degcraft.features import FeatureExtractor
from degcraft.features.training.recipes import SCALE, SIDE
from degcraft.images.atomic import written_whole
from degcraft.matching.measuring import Progress

ALPHA = 25.0
"""Sharpness of the weights in the card's table: the paper's."""


def held_out_table(
    extractor: FeatureExtractor,
    fit: Sequence[Path],
    held_out: Sequence[Path],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    count: int = 100,
    side: int = SIDE,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[dict[str, float]]:
    """How the extractor finds the test settings when images that were held out play the references.

    Args:
        extractor: What was trained.
        fit: Photographs it was trained on; they play the HR images.
        held_out: Photographs it has not seen; they play the references, degraded by each setting.
        seeds: Of crops and degradations; the table holds medians.
        count: Crops on either side.
        side: Of the references in pixels.
        device: Where to degrade and extract.
        progress: Told (bins done, bins in all).

    Returns:
        Per setting: `setting`, `on_true_bins`, `total_variation`.

    Raises:
        DegcraftError: photographs too small or too few for the crops.
    """
    runs = compare_extractors(
        PAPER_SPACE, fit, held_out, TEST_SETTINGS, {Choice(extractor.name, extractor.layer): extractor},
        size=side, scale=SCALE, count=count, seeds=seeds, device=device, progress=progress,
    )  # fmt: skip
    measurements = [one for run in runs for one in run.measurements]
    rows = median_rows(score_rows(PAPER_SPACE, TEST_SETTINGS, measurements, [ALPHA]))
    return [
        {"setting": row.setting, "on_true_bins": row.score.on_true_bins, "total_variation": row.score.total_variation}
        for row in rows
    ]


def write_card(
    path: Path,
    *,
    settings: Mapping[str, Any],
    command: str,
    data: str,
    seconds: float,
    device: str,
    losses: Mapping[str, float],
    table: Sequence[Mapping[str, float]],
) -> None:
    """Writes the card as Markdown.

    Args:
        path: The file.
        settings: Of the recipe.
        command: What reproduces the weights.
        data: What they were trained on, in words.
        seconds: The training took, all its parts together.
        device: It ran on.
        losses: Means over the last steps by name.
        table: From `held_out_table`; empty where nothing was held out.
    """
    name = settings["encoder"]
    lines = [
        f"# {name}",
        "",
        f"Weights of degcraft's `{name}` features, trained by degcraft {__version__} itself.",
        "",
        "| | |",
        "|---|---|",
        f"| command | `{command}` |",
        f"| data | {data} |",
        f"| time | {seconds / 60:.0f} minutes on {device}, torch {torch.__version__}, numpy {np.__version__} |",
        *(f"| {key.replace('_', ' ')} | {value} |" for key, value in settings.items() if key != "encoder"),
        f"| loss at the end | {', '.join(f'{key} {value:.3f}' for key, value in losses.items())} |",
        "",
    ]
    if table:
        lines += [
            "Held-out photographs, degraded by each test setting, as references; photographs of the training as HR; "
            f"eq. 3 and 4 of arXiv 2305.18107 with alpha {ALPHA:g}, medians over seeds:",
            "",
            "| setting | weight on true bins | total variation to the truth |",
            "|---|---|---|",
            *(f"| {row['setting']:.0f} | {row['on_true_bins']:.2f} | {row['total_variation']:.2f} |" for row in table),
            "",
        ]
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")
