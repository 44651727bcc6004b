"""`degcraft evaluate`: how well do networks restore these images, and which is better beyond doubt?"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, check_file_name, open_console, pick_device, refuse_overwrite
from degcraft.cli._network import MODEL_HELP, add_tile, load_model, overlap_of
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

    from degcraft.metrics import Alignment, ScoreTable
    from degcraft.networks import LoadedNetwork

HELP = "score networks and bicubic enlargement on LR-HR pairs, or on low-resolution images alone"
BICUBIC = "bicubic"
"""The row that every network is compared with."""
NIQE_LEAST_SIDE = 96
"""One block of NIQE."""

_Restore = Callable[["Tensor"], "Tensor"]


@dataclass(frozen=True)
class _Source:
    """An image to restore, by its files."""

    name: str
    lr: Path
    hr: Path | None
    alignment: "Alignment | None" = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Restores images and scores the result; bicubic enlargement (a = -1/2, as Pillow's) is always a row.\n"
        "With --pairs (a folder with lr/ and hr/, same names) against the ground truth; with --lr without one, by\n"
        "NIQE, which compares with the statistics of clean images: give some by --niqe-clean, or a saved model.\n"
        "Below the means stands what each network gains over bicubic and over the first network, image by image, with\n"
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
        "  degcraft evaluate RealESRGAN_x4plus.pth --lr photos --niqe-clean clean"
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", help=f"{MODEL_HELP}; several are compared")
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--pairs", metavar="DIR", help="folder (or URI) with lr/ and hr/")
    images.add_argument("--lr", metavar="DIR", help="folder (or URI) of images without ground truth")
    parser.add_argument(
        "--metrics",
        nargs="+",
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
    inputs = [Path(model).resolve() for model in args.models]
    for path, suffix in ((args.csv, None), (args.json, None), (args.figure, ".png")):
        if path is not None:
            check_file_name(path, suffix)
            refuse_overwrite(path, args.overwrite)
            if path.resolve() in inputs or Path(args.pairs or args.lr).resolve() in path.resolve().parents:
                raise DegcraftError(f"{path}: must be a file of its own, but is read or written already")
            inputs.append(path.resolve())
    device = pick_device(args.device)
    judges = _judges(metrics, args, console)
    networks = {row: load_model(model, device) for row, model in _row_names(args.models).items()}
    scale = _one_scale(networks)

    def restorer(network: "LoadedNetwork") -> _Restore:
        return lambda lr: upscale(network.model, lr, scale=scale, tile=args.tile, overlap=overlap_of(args.tile))

    rows: dict[str, _Restore] = {BICUBIC: lambda lr: bicubic_enlarge(lr, scale)}
    rows |= {row: restorer(network) for row, network in networks.items()}
    sources = _pairs(args.pairs) if args.pairs else _alone(args.lr, console)
    sources, notes = _prepared(sources, scale, args.align, console)
    if args.align:
        notes.append(describe_alignments([own.alignment for own in sources if own.alignment is not None]))
    table = ScoreTable(
        {row: _scored(row, restore, sources, scale, metrics, args.border, judges, console)
         for row, restore in rows.items()}
    )  # fmt: skip

    said = f"{args.border} pixels cut from each border" if args.border else "borders kept"
    console.print(_verdict.means_table(table, metrics))
    for line in (f"{len(sources)} images, x{scale}, {said}", *notes, *table.notes()):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    for line in _verdict.sentences(table, metrics, BICUBIC, list(networks)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if args.csv is not None:
        _verdict.write_csv(table, metrics, args.csv)
    if args.json is not None:
        alignments = {own.name: own.alignment for own in sources if own.alignment is not None}
        facts = {"scale": scale, "border": args.border, "notes": notes}
        _verdict.write_json(table, metrics, BICUBIC, list(networks), alignments, facts, args.json)
    if args.figure is not None:
        _draw(args.figure, table, metrics[0], rows, sources, scale, args.border)
    for path in (args.csv, args.json, args.figure):
        if path is not None:
            console.print(f"wrote {path}", highlight=False, soft_wrap=True, markup=False)
    if table.failed:
        raise DegcraftError("; ".join(f"{row}: {reason}" for row, reason in table.failed.items()))
    if not any(table.counted(name) for name in metrics):
        raise DegcraftError(f"{args.pairs or args.lr}: at least one image must tell networks apart, but none does")
    return 0


def _row_names(models: list[str]) -> dict[str, str]:
    """Row → MODEL: the file's name where that tells the models apart, else as it was typed.

    Raises:
        DegcraftError: The same model twice.
    """
    if len(set(models)) < len(models):
        twice = next(model for model in models if models.count(model) > 1)
        raise DegcraftError(f"MODEL: every model must be given once, but {twice} is given {models.count(twice)} times")
    short = [model if ":" in model else Path(model).stem for model in models]
    ambiguous = {BICUBIC} | {name for name in short if short.count(name) > 1}
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


def _pairs(location: str) -> list[_Source]:
    from degcraft.images import list_pairs, local_folder, printable

    root = Path(local_folder(location)).expanduser()
    names = [(lr.relative_to(root / "lr").with_suffix("").as_posix(), lr, hr) for lr, hr in list_pairs(root)]
    return [_Source(printable(name), lr, hr) for name, lr, hr in names]


def _alone(location: str, console: "Console") -> list[_Source]:
    from degcraft.images import local_folder, printable, scan_folder

    with console.status("reading lr"):
        folder = scan_folder(local_folder(location))
    console.print(f"lr: {folder.summary()}", highlight=False, soft_wrap=True, markup=False)
    return [_Source(printable(path.relative_to(folder.root).as_posix()), path, None) for path in folder.files]


def _prepared(sources: list[_Source], scale: int, align: bool, console: "Console") -> tuple[list[_Source], list[str]]:
    """The pairs checked before anything is restored, with their alignment; and a note on those that are cropped.

    Raises:
        DegcraftError: The sides of a pair do not fit the scale.
    """
    from rich.progress import track

    from degcraft.images import bicubic_enlarge, image_size
    from degcraft.metrics import estimate_alignment

    cropped = []
    for source in sources:
        if source.hr is not None:
            (width, height), (low_width, low_height) = image_size(source.hr), image_size(source.lr)
            if (width // scale, height // scale) != (low_width, low_height):
                raise DegcraftError(
                    f"{source.hr}: must be {scale} times as large as its lr image for this network, but the two are "
                    f"{width}x{height} and {low_width}x{low_height}"
                )
            if width % scale or height % scale:
                cropped.append(source.name)
    notes = []
    if cropped:
        notes.append(
            f"cropped: the hr images of {len(cropped)} pairs are no multiple of {scale}; up to {scale - 1} rows and "
            f"columns at their end do not count ({', '.join(cropped[:3])}{', …' if len(cropped) > 3 else ''})"
        )
    if not align:
        return sources, notes
    aligned = []
    for source in track(sources, "aligning", console=console, transient=True, disable=not console.is_terminal):
        lr, hr = _read(source, scale)
        assert hr is not None
        aligned.append(replace(source, alignment=estimate_alignment(bicubic_enlarge(lr, scale), hr)))
    return aligned, notes


def _read(source: _Source, scale: int) -> tuple["Tensor", "Tensor | None"]:
    """LR, and HR cropped to what the scale divides, as it lies on the disk."""
    from degcraft.images import crop_to_scale, read_image

    lr = read_image(source.lr).rgb
    return lr, None if source.hr is None else crop_to_scale(lr, read_image(source.hr).rgb, scale)


def _truth(source: _Source, hr: "Tensor | None") -> tuple["Tensor | None", int]:
    """What restored images are compared with, and the border to leave out in addition."""
    from degcraft.metrics import aligned_truth

    return (hr, 0) if hr is None or source.alignment is None else aligned_truth(hr, source.alignment)


def _scored(
    row: str,
    restore: _Restore,
    sources: list[_Source],
    scale: int,
    metrics: list[str],
    border: int,
    judges: dict[str, Any],
    console: "Console",
) -> list[Any]:
    from rich.markup import escape
    from rich.progress import track

    from degcraft.metrics import score_image

    scores = []
    for source in track(sources, escape(row), console=console, transient=True, disable=not console.is_terminal):
        lr, hr = _read(source, scale)
        truth, extra = _truth(source, hr)
        scores.append(score_image(source.name, metrics, restore(lr), truth, border=border + extra, **judges))
    return scores


def _draw(
    path: Path,
    table: "ScoreTable",
    metric: str,
    rows: dict[str, _Restore],
    sources: list[_Source],
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
    by_name = {source.name: source for source in sources}
    pictures = []
    for name in names:
        lr, hr = _read(by_name[name], scale)
        truth, extra = _truth(by_name[name], hr)
        pictures.append(RestoredImage(name, [rows[row](lr) for row in shown], truth, border=border + extra))
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
