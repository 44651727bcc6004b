"""`degcraft reproduce`: the paper's Table 2 and figures, on your images."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import (
    add_device,
    add_extractor_weights,
    open_console,
    positive,
    seed,
    weights_files,
)
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.reproduction import Network, Study, Table2, Table2Part, Truth

HELP = "measure the paper's Table 2 and figures again, on your images"
WHAT = ("table2", "figure2", "figure3c", "figure4", "figure5")
OF_FEATURES = ("figure3c", "figure4")
"""What trains no network."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measures again what the paper reports (arXiv 2305.18107): clean images of --references are degraded by the\n"
        "settings of its Table 1, weights are found for them, a network is trained on every row's degradations\n"
        "(crops of --hr), and all are scored on --test, degraded by the same settings. Beside each figure stands the\n"
        "paper's, which is of other images; what can be compared is the share of the gap from uniform training to\n"
        "training on the truth.\n"
        "\n"
        "Everything that was trained and scored is kept in OUT and never done twice, so the same command goes on\n"
        "after Ctrl-C, and a longer list of rows, settings or networks only adds to it.\n"
        "\n"
        "rows: bicubic, start, uniform, upper (training on the truth), dropout (Real-ESRNet-Dropout), pdm (learned\n"
        "along), any degradation of `degcraft train` (realesrgan, bsrgan, wide …), and weightings with knobs if\n"
        "wanted, on every extractor (eq4, confusion, mixture) or on one (degnet/eq4:alpha=10)."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft reproduce table2 --hr clean --references others --test test -o paper --device cuda\n"
        "  degcraft reproduce table2 --hr clean --references others --test test -o paper --networks start:x4 \\\n"
        "      --settings 1 3 0.7*1+0.3*4 --rows bicubic start uniform degnet/eq4 degnet/confusion upper --steps 200\n"
        "  degcraft reproduce figure4 --hr clean --references others -o paper"
    )
    parser.add_argument("what", metavar="WHAT", choices=WHAT, help=", ".join(WHAT))
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images to train on (folder or URI)")
    parser.add_argument("--references", metavar="DIR", help="other clean images, for references (those of --hr)")
    parser.add_argument("--test", metavar="DIR", help="clean images to score on; figure3c and figure4 need none")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder that keeps everything")
    parser.add_argument("--settings", nargs="+", metavar="N", help="of Table 1, or mixtures of them (1 2 3 4)")
    parser.add_argument(
        "--networks", nargs="+", default=["srresnet"], metavar="NAME",
        help="srresnet, rrdbnet …, with hyperparameters if wanted, from nothing; start:x4 or a file, fine-tuned "
        "(srresnet)",
    )  # fmt: skip
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="(all of the paper's that can be had here)")
    parser.add_argument("--extractors", metavar="NAME,…", help="features (all that can be had here)")
    add_extractor_weights(parser)
    parser.add_argument("--steps", type=positive, default=50_000, metavar="N", help="of every training (50000)")
    parser.add_argument("--batch", type=positive, default=16, metavar="N", help="crops per step (16)")
    parser.add_argument("--patch", type=positive, default=32, metavar="PIXELS", help="side of the LR crop (32)")
    parser.add_argument(
        "--lpips-weights", type=Path, metavar="FILE", help="score LPIPS too, by this AlexNet, VGG16 or SqueezeNet"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of weights, crops and degradations (0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.comparison import make_choices, parse_choices
    from degcraft.metrics import LpipsMetric
    from degcraft.reproduction import DEFAULT_ROWS, Network, Study, Truth, draw_figure

    console = open_console()
    check_writable(args.output)
    truths = [Truth.parse(text) for text in dict.fromkeys(args.settings or ["1", "2", "3", "4"])]
    networks = [Network.of(text) for text in dict.fromkeys(args.networks)]
    if args.test is None and args.what not in OF_FEATURES:
        raise DegcraftError(f"{args.what}: trained networks are scored on --test, which is missing")
    device = pick_device(args.device)
    extractors, missing = make_choices(
        parse_choices(args.extractors), weights_files=weights_files(args.extractor_weights), device=device
    )
    for choice, reason in missing.items():
        console.print(f"left out {choice}: {reason}", highlight=False, soft_wrap=True, markup=False)
    lpips = None if args.lpips_weights is None else LpipsMetric(weights_file=args.lpips_weights)
    if lpips is not None and lpips.note:
        console.print(lpips.note, highlight=False)
    hr, references, tests = _files(args, console)

    def study(network: "Network") -> "Study":
        return Study(
            hr, references, tests, network=network, steps=args.steps, batch=args.batch, lr_patch=args.patch,
            seed=args.seed, device=device, kept=args.output / "kept", lpips=lpips,
            say=lambda text: console.print(f"{network.text}: {text}", highlight=False, soft_wrap=True, markup=False),
        )  # fmt: skip

    if args.what != "table2":
        alone = args.what in OF_FEATURES
        for network in networks[:1] if alone else networks:
            file = args.output / (f"{args.what}.png" if alone else f"{args.what}-{_file_name(network.text)}.png")
            found = draw_figure(args.what, study(network), truths, extractors, file)
            console.print(f"{args.what}: {found}", highlight=False, soft_wrap=True, markup=False)
            console.print(f"wrote {file}", highlight=False, soft_wrap=True, markup=False)
        return 0
    chosen = [choice.name for choice in extractors]
    own = {
        choice.name if chosen.count(choice.name) == 1 else str(choice): extractor
        for choice, extractor in extractors.items()
    }
    table = _table2([study(network) for network in networks], truths, args.rows or DEFAULT_ROWS, own, args, console)
    for path in table.save(args.output):
        console.print(f"wrote {path}", highlight=False, soft_wrap=True, markup=False)
    return 0


def _table2(
    studies: "Sequence[Study]", truths: "Sequence[Truth]", rows: Sequence[str], extractors: dict[str, Any],
    args: argparse.Namespace, console: "Console",
) -> "Table2":  # fmt: skip
    """All parts; what there is of them is written after each."""
    from degcraft.reproduction import Table2, rows_of, run_part

    protocol = (
        f"{args.steps:,} steps of batch {args.batch} on crops of {len(studies[0].hr)} photographs, 100 references of "
        f"{len(studies[0].reference_files)} others, scored on {len(studies[0].test_files)}; RGB, border 4; one seed."
    )
    # All rows are read before the first is trained.
    asked = [(study, rows_of(rows, study, extractors)) for study in studies]
    parts = []
    for study, own in asked:
        for truth in truths:
            parts.append(run_part(study, truth, own))
            _print(parts[-1], console)
            table = Table2(parts, protocol)
            table.save(args.output)
    return table


def _print(part: "Table2Part", console: "Console") -> None:
    from rich.table import Table

    shown = Table(*part.headings(), title=part.title(), title_justify="left")
    for cells in part.cells():
        shown.add_row(*cells)
    console.print(shown, markup=False)
    for note in part.table.notes():
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def _files(args: argparse.Namespace, console: "Console") -> tuple[Sequence[Path], Sequence[Path], Sequence[Path]]:
    """To train on, to make references of, and to score on; references that are not given are a part of the first."""
    from degcraft.images import local_folder, scan_folder, split_files
    from degcraft.reproduction.study import SCALE, SIDE, TEST_SIDE

    def read(field: str, location: str, side: int) -> Sequence[Path]:
        with console.status(f"reading {field}"):
            folder = scan_folder(local_folder(location, side="hr"), min_side=side * SCALE)
        console.print(f"{field}: {folder.summary()}", highlight=False, soft_wrap=True, markup=False)
        return folder.files

    hr = read("hr", args.hr, SIDE)
    if args.references is not None:
        references = read("references", args.references, SIDE)
    else:
        hr, references = split_files(hr, 0.3, seed=0)
        console.print(f"references: {len(references)} of the hr images, which are not trained on", highlight=False)
    return hr, references, [] if args.test is None else read("test", args.test, TEST_SIDE)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", Path(text).name)
