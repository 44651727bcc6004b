"""`degcraft evaluate`: how well do networks restore these images, and which is better beyond doubt?"""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, check_file_name, open_console, refuse_overwrite
from degcraft.cli._evaluated import (
    EvaluatedImage,
    Restore,
    lone_images,
    paired_images,
    prepared,
    results_of,
    results_row,
    scale_between,
    scored,
)
from degcraft.cli._network import MODEL_HELP, add_tile, load_model, overlap_of
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.metrics import ScoreTable
    from degcraft.networks import LoadedNetwork

HELP = "score networks, other methods' results and bicubic on LR-HR pairs, or on low-resolution images alone"
BICUBIC = "bicubic"
"""The row that every network is compared with."""
NIQE_LEAST_SIDE = 96
"""One block of NIQE."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Restores images and scores the result; bicubic enlargement (a = -1/2, as Pillow's) is always a row.\n"
        "With --pairs (a folder with lr/ and hr/, same names) against the ground truth; with --lr without one, by\n"
        "NIQE, which compares with the statistics of clean images: give some by --niqe-clean, or a saved model.\n"
        "--results NAME=DIR is a row of images that another method made elsewhere of these inputs, under their names.\n"
        "Below the means stands what each network gains over bicubic and over the first row, image by image, with\n"
        "a 95 % interval: where that holds 0 it is a tie. Pairs that can tell nothing apart (a blank page, an exact\n"
        "reproduction) are left out of all rows and named.\n"
        "PSNR and SSIM are on RGB, psnr_y and ssim_y on BT.601 luma. Nothing is cut from the borders unless --border\n"
        "says so. Restored images are rounded to 8 bits before they are scored, as a file would hold them.\n"
        "--align is for pairs that a camera took twice: it estimates shift (up to 4 HR pixels) and brightness between\n"
        "lr and hr once per pair, from the bicubic enlargement, and fits the ground truth to that for all rows alike."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft evaluate model.safetensors --pairs test --csv scores.csv\n"
        "  degcraft evaluate new.safetensors old.safetensors --pairs camera --align --figure verdict.png\n"
        "  degcraft evaluate models:/degcraft-sr@champion --pairs test --metrics psnr_y ssim_y --border 4\n"
        "  degcraft evaluate model.safetensors --results IKC=ikc/out --results DASR=dasr/out --pairs test\n"
        "  degcraft evaluate RealESRGAN_x4plus.pth --lr photos --niqe-clean clean"
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", help=f"{MODEL_HELP}; several are compared")
    parser.add_argument(
        "--results",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a row of images that were restored elsewhere, by the names of the inputs; repeat for others",
    )
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--pairs", metavar="DIR", help="folder (or URI) with lr/ and hr/")
    images.add_argument("--lr", metavar="DIR", help="folder (or URI) of images without ground truth")
    parser.add_argument(
        "--metrics",
        nargs="+",
        type=_metric,
        metavar="NAME",
        help="psnr psnr_y ssim ssim_y lpips niqe (psnr psnr_y ssim; niqe for --lr)",
    )
    parser.add_argument("--border", type=int, default=0, metavar="PIXELS", help="HR pixels cut before scoring (0)")
    parser.add_argument("--align", action="store_true", help="fit the ground truth of camera pairs to their lr images")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a line per image and row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write means, differences and scores per image")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="write 1:1 crops where the rows differ (.png)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--niqe-clean", metavar="DIR", help="clean images that NIQE compares with (folder or URI)")
    parser.add_argument("--niqe-model", type=Path, metavar="FILE", help="a NIQE model that was fitted before (.npz)")
    parser.add_argument("--lpips-weights", type=Path, metavar="FILE", help="local file with the backbone of LPIPS")
    add_tile(parser)
    add_device(parser)


def _metric(text: str) -> str:
    from degcraft.metrics import METRICS

    if text not in METRICS:
        # A list of names takes what follows it, and so it would take the models.
        raise argparse.ArgumentTypeError(
            f"must be of {', '.join(METRICS)}, but got {text!r}; write the models before --metrics"
        )
    return text


def run(args: argparse.Namespace) -> int:
    from degcraft.cli import _verdict
    from degcraft.images import bicubic_enlarge
    from degcraft.metrics import ScoreTable, describe_alignments, find_metric
    from degcraft.networks import upscale

    console = open_console()
    metrics = list(dict.fromkeys(args.metrics or (["psnr", "psnr_y", "ssim"] if args.pairs else ["niqe"])))
    for name in metrics:
        if find_metric(name).needs_reference and not args.pairs:
            raise DegcraftError(f"--metrics: {name} compares with ground truth, so it needs --pairs")
    if args.align and not args.pairs:
        raise DegcraftError("--align: fits the ground truth to the lr images, so it needs --pairs")
    folders = _named_folders(args.results)
    names = _row_names(args.models, folders)
    inputs = [Path(model).resolve() for model in args.models]
    folders_read = [Path(folder).resolve() for folder in (args.pairs or args.lr, *folders.values())]
    for path, suffix in ((args.csv, None), (args.json, None), (args.figure, ".png")):
        if path is not None:
            check_file_name(path, suffix)
            refuse_overwrite(path, args.overwrite)
            if path.resolve() in inputs or any(folder in path.resolve().parents for folder in folders_read):
                raise DegcraftError(f"{path}: must be a file of its own, but is read or written already")
            inputs.append(path.resolve())
    device = pick_device(args.device)
    judges = _judges(metrics, args, console)
    networks = {row: load_model(model, device) for row, model in names.items()}
    images = paired_images(args.pairs) if args.pairs else lone_images(args.lr, console)
    results = {row: results_of(row, folder, images) for row, folder in folders.items()}
    scale = _one_scale(networks) if networks else scale_between(images, results)

    def restorer(network: "LoadedNetwork") -> Restore:
        return lambda _, lr: upscale(network.model, lr, scale=scale, tile=args.tile, overlap=overlap_of(args.tile))

    rows: dict[str, Restore] = {BICUBIC: lambda _, lr: bicubic_enlarge(lr, scale)}
    rows |= {row: restorer(network) for row, network in networks.items()}
    rows |= {row: results_row(files, scale) for row, files in results.items()}
    images, notes = prepared(images, scale, args.align, console)
    if args.align:
        notes.append(describe_alignments([own.alignment for own in images if own.alignment is not None]))
    table = ScoreTable(
        {row: scored(row, restore, images, scale, metrics, args.border, judges, console)
         for row, restore in rows.items()}
    )  # fmt: skip
    compared = [row for row in rows if row != BICUBIC]

    said = f"{args.border} pixels cut from each border" if args.border else "borders kept"
    console.print(_verdict.means_table(table, metrics))
    for line in (f"{len(images)} images, x{scale}, {said}", *notes, *table.notes()):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    for line in _verdict.sentences(table, metrics, BICUBIC, compared):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if args.csv is not None:
        _verdict.write_csv(table, metrics, args.csv)
    if args.json is not None:
        alignments = {own.name: own.alignment for own in images if own.alignment is not None}
        facts = {"scale": scale, "border": args.border, "notes": notes}
        _verdict.write_json(table, metrics, BICUBIC, compared, alignments, facts, args.json)
    if args.figure is not None:
        _draw(args.figure, table, metrics[0], rows, images, scale, args.border)
    for path in (args.csv, args.json, args.figure):
        if path is not None:
            console.print(f"wrote {path}", highlight=False, soft_wrap=True, markup=False)
    if table.failed:
        raise DegcraftError("; ".join(f"{row}: {reason}" for row, reason in table.failed.items()))
    if not any(table.counted(name) for name in metrics):
        raise DegcraftError(f"{args.pairs or args.lr}: at least one image must tell networks apart, but none does")
    return 0


def _named_folders(options: Sequence[str]) -> dict[str, str]:
    """NAME → DIR of `--results`.

    Raises:
        DegcraftError: Not of that form, or a name that is taken.
    """
    folders: dict[str, str] = {}
    for option in options:
        row, _, folder = option.partition("=")
        if not row or not folder:
            raise DegcraftError(f"--results: must be NAME=DIR, but got {option!r}")
        if row == BICUBIC or row in folders:
            raise DegcraftError(f"--results: every row must have a name of its own, but {row!r} is taken")
        folders[row] = folder
    return folders


def _row_names(models: list[str], taken: Collection[str]) -> dict[str, str]:
    """Row → MODEL: the file's name where that tells the rows apart, else as it was typed.

    Raises:
        DegcraftError: The same model twice, or no row at all.
    """
    if not models and not taken:
        raise DegcraftError("MODEL: there must be a model or --results to score, but got neither")
    if len(set(models)) < len(models):
        twice = next(model for model in models if models.count(model) > 1)
        raise DegcraftError(f"MODEL: every model must be given once, but {twice} is given {models.count(twice)} times")
    short = [model if ":" in model else Path(model).stem for model in models]
    ambiguous = {BICUBIC, *taken} | {name for name in short if short.count(name) > 1}
    return {model if name in ambiguous else name: model for name, model in zip(short, models, strict=True)}


def _one_scale(networks: dict[str, "LoadedNetwork"]) -> int:
    first = next(iter(networks))
    for row, network in networks.items():
        if network.scale != networks[first].scale:
            raise DegcraftError(
                f"{row}: networks that are compared must have one scale, but this is x{network.scale} and {first} is "
                f"x{networks[first].scale}"
            )
    return networks[first].scale


def _draw(
    path: Path,
    table: "ScoreTable",
    metric: str,
    rows: dict[str, Restore],
    images: list[EvaluatedImage],
    scale: int,
    border: int,
) -> None:
    """The picture of a few images, spread evenly from the largest gain over bicubic to the smallest.

    Raises:
        DegcraftError: No row or no image is left to show.
    """
    from degcraft.cli import _verdict
    from degcraft.figures import RestoredImage, draw_restorations

    shown = [row for row in rows if row not in table.failed]
    if shown[-1] == BICUBIC:
        raise DegcraftError(f"{path}: there is nothing to show beside bicubic, because every network failed")
    first = next(row for row in shown if row != BICUBIC)
    names = _verdict.spread_over(table, first, BICUBIC, metric)
    by_name = {image.name: image for image in images}
    pictures = []
    for name in names:
        image = by_name[name]
        lr, hr = image.read(scale)
        truth, extra = image.truth(hr)
        pictures.append(RestoredImage(name, [rows[row](image, lr) for row in shown], truth, border=border + extra))
    draw_restorations(pictures, path, ["LR, bicubic", *shown[1:]], focus=1)


def _judges(metrics: list[str], args: argparse.Namespace, console: "Console") -> dict[str, Any]:
    """What LPIPS and NIQE need, where they are asked for."""
    from degcraft.images import local_folder, read_image, scan_folder
    from degcraft.metrics import LpipsMetric, NiqeModel

    judges: dict[str, Any] = {}
    if "lpips" in metrics:
        judges["lpips"] = LpipsMetric(weights_file=args.lpips_weights)
    if "niqe" in metrics:
        if args.niqe_model is not None:
            judges["niqe"] = NiqeModel.load(args.niqe_model)
        elif args.niqe_clean is not None:
            with console.status("fitting NIQE to the clean images"):
                folder = scan_folder(local_folder(args.niqe_clean), min_side=NIQE_LEAST_SIDE)
                judges["niqe"] = NiqeModel.fit(read_image(path).rgb for path in folder.files)
            console.print(f"niqe: {folder.summary()}", highlight=False, soft_wrap=True, markup=False)
        else:
            raise DegcraftError("niqe needs to know clean images: give --niqe-clean DIR or --niqe-model FILE")
    return judges
