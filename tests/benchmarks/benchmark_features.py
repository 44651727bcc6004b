"""How much of the weight falls on the true bins, when the references' content is not the HR images'.

    python tests/benchmarks/benchmark_features.py --hr HR --kodak KODAK --clic CLIC [--extractors degnet,squeezenet:*]

HR crops 288² of one folder, references 72² made from another by each of the four test settings; eq. 3 over the 75
bins, eq. 4 at alpha 25. Every figure is the median of the seeds with the least and the most behind it; those with an
aim say so when they miss it, and then the exit status is 1. `--references DIR` measures a folder without aims, such
as a part of the HR images that is kept for developing. `--weights NAME=FILE` tries weights that are not installed.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.comparison import Choice, Row, compare_extractors, make_choices, parse_choices, score_rows
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS
from degcraft.features import FeatureExtractor
from degcraft.images import scan_folder

COUNT, SIDE, SCALE, ALPHA = 100, 72, 4, 25.0
KODAK, CLIC = "kodak24", "clic2025"
LEAST_ON_TRUE_BINS = {KODAK: (0.50, 0.90, 0.90, 0.90), CLIC: (0.40, 0.80, 0.90, 0.85)}
MOST_TOTAL_VARIATION = dict.fromkeys((KODAK, CLIC), (0.5, 0.3, 0.25, 0.3))
MOST_SECONDS = 15.0
FIGURES = ("on_true_bins", "total_variation", "top_hits", "effective_bins")

Cells = tuple[list[str], bool]
"""The texts of one line, and whether no aim is missed."""


def cells_of(rows: Sequence[Row], figure: str, folder: str) -> Cells:
    """One figure of one extractor, a text per setting."""
    texts, met = [], True
    for place, number in enumerate(TEST_SETTINGS):
        values = [float(getattr(row.score, figure)) for row in rows if row.setting == number]
        median = float(np.median(values))
        text = f"{median:.2f} ({min(values):.2f}–{max(values):.2f})"
        if figure == "on_true_bins" and folder in LEAST_ON_TRUE_BINS:
            aim = LEAST_ON_TRUE_BINS[folder][place]
            missed, sign = median < aim, "≥"
        elif figure == "total_variation" and folder in MOST_TOTAL_VARIATION:
            aim = MOST_TOTAL_VARIATION[folder][place]
            missed, sign = median > aim, "≤"
        else:
            aim, missed, sign = 0.0, False, ""
        met &= not missed
        texts.append(f"[red]{text} not {sign} {aim:g}[/red]" if missed else text)
    return texts, met


def show(console: Console, folder: str, rows: Sequence[Row], seeds: int) -> bool:
    """Prints the table of one folder of references; returns whether every aim is met."""
    table = Table(title=f"{folder}: median of {seeds} seeds (least–most), n = {COUNT}, alpha {ALPHA:g}")
    for column in ("extractor", "figure", *(f"setting {number}" for number in TEST_SETTINGS)):
        table.add_column(column)
    met = True
    for choice in dict.fromkeys(row.choice for row in rows):
        for figure in FIGURES:
            mine = [row for row in rows if row.choice == choice]
            texts, good = cells_of(mine, figure, folder)
            met &= good
            table.add_row(str(choice) if figure == FIGURES[0] else "", figure.replace("_", " "), *texts)
        table.add_section()
    console.print(table)
    return met


def measure(
    hr: Path, references: Path, extractors: dict[Choice, FeatureExtractor], seeds: int, device: str
) -> tuple[list[Row], dict[Choice, float], float]:
    """All rows, and the median seconds per seed: of each extractor (for one setting), and of degrading."""
    hr_files, clean_files = (scan_folder(folder, min_side=SIDE * SCALE).files for folder in (hr, references))
    runs = compare_extractors(
        PAPER_SPACE, hr_files, clean_files, TEST_SETTINGS, extractors,
        size=SIDE, count=COUNT, scale=SCALE, seeds=range(seeds), device=device,
    )  # fmt: skip
    measurements = [one for run in runs for one in run.measurements]
    rows = score_rows(PAPER_SPACE, TEST_SETTINGS, measurements, [ALPHA])
    seconds = {choice: float(np.median([row.seconds for row in rows if row.choice == choice])) for choice in extractors}
    return rows, seconds, float(np.median([run.degrading_seconds for run in runs]))


def main() -> None:
    """Measures and prints the tables; exits with 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path, help="clean images that the bins degrade (cid22)")
    parser.add_argument("--kodak", type=Path, help=f"{KODAK}, with its aims")
    parser.add_argument("--clic", type=Path, help=f"{CLIC}, with its aims")
    parser.add_argument("--references", type=Path, action="append", default=[], help="another folder, without aims")
    parser.add_argument("--extractors", default="degnet", help="names, name:layer or name:* (degnet)")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    folders = [(KODAK, args.kodak), (CLIC, args.clic), *((str(folder), folder) for folder in args.references)]
    folders = [(name, folder) for name, folder in folders if folder is not None]
    if not folders:
        parser.error("give --kodak, --clic or --references")

    console = Console(width=170 if not Console().is_terminal else None)
    weights = {name: Path(file) for name, _, file in (text.partition("=") for text in args.weights)}
    extractors, missing = make_choices(parse_choices(args.extractors), weights_files=weights, device=args.device)
    for choice, reason in missing.items():
        console.print(f"left out: {choice}: {reason}", highlight=False, soft_wrap=True)
    met = True
    for name, folder in folders:
        started = time.perf_counter()
        rows, seconds, degrading = measure(args.hr, folder, extractors, args.seeds, args.device)
        met &= show(console, name, rows, args.seeds)
        console.print(
            f"{PAPER_SPACE.n_bins} bins × {COUNT} images on {args.device}, {torch.get_num_threads()} threads: "
            f"degrading {degrading:.1f} s; features and distances "
            + ", ".join(f"{choice} {value:.1f} s" for choice, value in seconds.items())
            + f" (aim {MOST_SECONDS:g} s); all in all {time.perf_counter() - started:.0f} s",
            highlight=False,
            soft_wrap=True,
        )
        met &= max(seconds.values()) <= MOST_SECONDS
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
