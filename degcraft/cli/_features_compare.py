"""`degcraft features compare`: which extractor finds a degradation that is known?"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import (
    add_device,
    add_extractor_weights,
    add_space,
    parse_space,
    positive,
    weights_files,
)
from degcraft.cli._progress import counting
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.table import Table

    from degcraft.comparison import Comparison, Row
    from degcraft.degradation import Box

HELP = "measure which extractor finds a known degradation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Degrades clean crops of --references by settings that are known, and looks for them with every extractor as\n"
        "`degcraft weights` does: bins of the space applied to crops of --hr, distances (eq. 3 of arXiv 2305.18107),\n"
        "weights (eq. 4). The more weight falls on the true bins, the better the features see the degradation.\n"
        "Where both folders are the same, one half of its files serves as references, the other as HR."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft features compare --hr clean --references other-clean\n"
        "  degcraft features compare --hr clean --references other-clean --extractors degnet,squeezenet --seeds 5 \\\n"
        "      --alphas 25 -o comparison\n"
        "  degcraft features compare --hr clean --references clean --extractors 'squeezenet:*'   # every layer\n"
        "\n"
        "with -o: comparison.csv, comparison.json, weights-alpha-A.png (the paper's Figure 4) and spread.png (3c)"
    )
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images that the bins degrade (folder or URI)")
    parser.add_argument("--references", required=True, metavar="DIR", help="other clean images (folder or URI)")
    parser.add_argument("--settings", default="1,2,3,4", metavar="N,…", help="known degradations, 1 to 4 (all)")
    parser.add_argument(
        "--extractors", metavar="NAME,…", help="name, name:layer or name:* for every layer (all, at their defaults)"
    )
    add_extractor_weights(parser)
    parser.add_argument("--alphas", default="5,25", metavar="A,…", help="sharpness of the weights (5,25)")
    parser.add_argument("--count", type=positive, default=100, metavar="N", help="crops on either side (100)")
    parser.add_argument("--size", type=positive, default=72, metavar="PIXELS", help="side of a reference (72)")
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument(
        "--structured", type=float, default=0.5, metavar="SHARE", help="share of crops kept, by structure (0.5)"
    )
    parser.add_argument("--seeds", type=positive, default=1, metavar="N", help="repeat with N seeds, print medians (1)")
    parser.add_argument("--draws", type=positive, default=25, metavar="N", help="draws for the spread, with -o (25)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder for tables and figures")
    add_space(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    import torch
    from rich.console import Console

    from degcraft import __version__
    from degcraft.comparison import COUNTS, Comparison, compare_extractors, make_choices, measure_spread, parse_choices
    from degcraft.images import HrPool

    console = Console()
    started = time.perf_counter()
    # All that can be wrong is found before the images are read: a slip should not cost a minute.
    space = parse_space(args.axis)
    settings, alphas = _settings(args.settings), _alphas(args.alphas)
    for box in settings.values():
        space.overlap(box)
    if args.output is not None:
        if args.output.is_file():
            raise DegcraftError(f"{args.output}: must be a folder, but is a file")
        check_writable(args.output)
    device = pick_device(args.device)
    extractors, missing = make_choices(
        parse_choices(args.extractors), weights_files=weights_files(args.extractor_weights), device=device
    )
    for choice, reason in missing.items():
        console.print(f"left out {choice}: {reason}", highlight=False, soft_wrap=True)
    hr, clean = _files(console, args.hr, args.references, args.size * args.scale)

    with counting(console, f"measuring {space.n_bins} bins with {len(extractors)} extractors") as progress:
        runs = compare_extractors(
            space, hr, clean, settings, extractors,
            size=args.size, count=args.count, structured=args.structured, scale=args.scale, seeds=range(args.seeds),
            device=device, progress=progress,
        )  # fmt: skip
    spread = {}
    if args.output is not None:
        hr_pool, clean_pool = (HrPool.from_files(files, min_side=args.size * args.scale) for files in (hr, clean))
        with counting(console, "measuring the spread over draws") as progress:
            spread = measure_spread(
                space, hr_pool, clean_pool, next(iter(settings.values())), extractors,
                draws=args.draws, size=args.size, scale=args.scale, device=device, progress=progress,
            )  # fmt: skip
    comparison = Comparison(
        space=space,
        settings=settings,
        runs=runs,
        missing=missing,
        spread=spread,
        spread_counts=COUNTS if spread else (),
        provenance={
            "extractor_identities": {str(choice): extractor.identity for choice, extractor in extractors.items()},
            "spread_setting": next(iter(settings)) if spread else None,
            "count": args.count,
            "structured": args.structured,
            "size": args.size,
            "scale": args.scale,
            "device": device,
            "degcraft": __version__,
            "torch": torch.__version__,
        },
    )
    _print(console, comparison, alphas)
    console.print(
        f"degrading {space.n_bins} bins once for all extractors: {comparison.degrading_seconds:.1f} s per seed   "
        f"{time.perf_counter() - started:.1f} s in all on {device}",
        highlight=False,
        soft_wrap=True,
    )
    if args.output is not None:
        for path in _write(comparison, args.output, alphas):
            console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    return 0


def _settings(text: str) -> dict[int, "Box"]:
    from degcraft.degradation import TEST_SETTINGS

    chosen: dict[int, Box] = {}
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) not in TEST_SETTINGS:
            raise DegcraftError(f"--settings: must be numbers of 1 to {len(TEST_SETTINGS)}, but got {text!r}")
        chosen[int(part)] = TEST_SETTINGS[int(part)]
    return chosen


def _alphas(text: str) -> list[float]:
    try:
        alphas = [float(part) for part in text.split(",")]
    except ValueError:
        alphas = [math.nan]
    # Infinity has a meaning in eq. 4 but not in JSON.
    if not all(0 <= alpha < math.inf for alpha in alphas):
        raise DegcraftError(f"--alphas: must be numbers of at least 0, but got {text!r}")
    return list(dict.fromkeys(alphas))


def _files(
    console: "Console", hr_location: str, references_location: str, side: int
) -> tuple[Sequence[Path], Sequence[Path]]:
    """The HR files and those of the references, no image in both."""
    from degcraft.images import local_folder, scan_folder, split_files

    folders = []
    for field, location in (("hr", hr_location), ("references", references_location)):
        with console.status(f"reading {field}"):
            folders.append(scan_folder(local_folder(location, side="hr"), min_side=side))
        console.print(f"{field}: {folders[-1].summary()}", highlight=False, soft_wrap=True)
    hr, references = folders
    if hr.content_hash != references.content_hash:
        return hr.files, references.files
    fit, held_out = split_files(hr.files, 0.5, seed=0)
    console.print(
        f"both folders hold the same images: {len(fit)} of them serve as HR, the other {len(held_out)} as references",
        highlight=False,
        soft_wrap=True,
    )
    return fit, held_out


def _print(console: "Console", comparison: "Comparison", alphas: Sequence[float]) -> None:
    from degcraft.comparison import median_rows

    medians = median_rows(comparison.rows(alphas))
    for alpha in alphas:
        rows = [row for row in medians if row.alpha == alpha]
        console.print(_table(rows, alpha, len(comparison.runs)))
    # What the choice of an extractor is made by.
    last = [row for row in medians if row.alpha == alphas[-1]]
    means = {
        choice: sum(row.score.on_true_bins for row in last if row.choice == choice) / len(comparison.settings)
        for choice in dict.fromkeys(row.choice for row in last)
    }
    best = sorted(means.items(), key=lambda item: -item[1])
    console.print(
        f"weight on true bins at alpha {alphas[-1]:g}, mean of the settings: "
        + ", ".join(f"{choice} {mean:.2f}" for choice, mean in best),
        highlight=False,
        soft_wrap=True,
    )


def _table(rows: Sequence["Row"], alpha: float, seeds: int) -> "Table":
    from rich import box
    from rich.table import Table

    heading = f"alpha {alpha:g}" + (f", medians of {seeds} seeds" if seeds > 1 else "")
    table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("setting")
    table.add_column("extractor", no_wrap=True)
    for column in ("on true\nbins", "total\nvar.", "top\nhits", "eff.\nbins", "seconds"):
        table.add_column(column, justify="right")
    setting = rows[0].setting
    for row in rows:
        if row.setting != setting:
            table.add_section()
            setting = row.setting
        table.add_row(
            str(row.setting),
            str(row.choice),
            f"{row.score.on_true_bins:.2f}",
            f"{row.score.total_variation:.2f}",
            f"{row.score.top_hits:g} of {row.score.true_bins:g}",
            f"{row.score.effective_bins:.1f}",
            f"{row.seconds:.1f}",
        )
    return table


def _write(comparison: "Comparison", folder: Path, alphas: Sequence[float]) -> list[Path]:
    """The tables and figures; returns their names."""
    from degcraft.figures import draw_spread, draw_weight_maps
    from degcraft.matching import craft_weights

    written = [folder / "comparison.csv", folder / "comparison.json"]
    comparison.save_csv(written[0], alphas)
    comparison.save_json(written[1], alphas)
    truths = {f"setting {number}": comparison.space.overlap(box) for number, box in comparison.settings.items()}
    first = comparison.runs[0].measurements
    for alpha in alphas:
        weights: dict[str, dict[str, NDArray[np.float64]]] = {}
        for one in first:
            own = weights.setdefault(str(one.choice), {})
            own[f"setting {one.setting}"] = craft_weights(one.distances, alpha)
        written.append(folder / f"weights-alpha-{alpha:g}.png")
        draw_weight_maps(comparison.space, truths, weights, written[-1], title=f"weights at alpha {alpha:g}, seed 0")
    written.append(folder / "spread.png")
    spread = {str(choice): values for choice, values in comparison.spread.items()}
    draws = len(next(iter(spread.values()))[0])
    number = comparison.provenance["spread_setting"]
    title = f"distance of setting {number} to its own bin, {draws} draws"
    draw_spread(comparison.spread_counts, spread, written[-1], title=title)
    return written
