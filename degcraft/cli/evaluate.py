"""`degcraft evaluate`: how well does a network restore these images?"""

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, pick_device, refuse_overwrite
from degcraft.cli._network import add_model, add_tile, load_model, overlap_of
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from torch import Tensor

_Files = tuple[str, Path, Path | None]
"""Name, low-resolution file, and the file of its ground truth if there is one."""

HELP = "score a network on LR-HR pairs, or on low-resolution images alone"
BICUBIC = "_bicubic"
"""Ending of the columns that hold the scores of a bicubic enlargement."""
NIQE_LEAST_SIDE = 96
"""One block of NIQE."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Restores images and scores the result, beside a bicubic enlargement of the same images.\n"
        "With --pairs (a folder with lr/ and hr/, same names) against the ground truth; with --lr without one, by\n"
        "NIQE, which compares with the statistics of clean images: give some by --niqe-clean, or a saved model.\n"
        "PSNR and SSIM are on RGB, psnr_y and ssim_y on BT.601 luma. Nothing is cut from the borders unless --border\n"
        "says so. Restored images are rounded to 8 bits before they are scored, as a file would hold them."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft evaluate model.safetensors --pairs test --csv scores.csv\n"
        "  degcraft evaluate models:/degcraft-sr@champion --pairs test --metrics psnr_y ssim_y --border 4\n"
        "  degcraft evaluate RealESRGAN_x4plus.pth --lr photos --niqe-clean clean"
    )
    add_model(parser)
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
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a line per image")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing CSV file")
    parser.add_argument("--niqe-clean", metavar="DIR", help="clean images that NIQE compares with (folder or URI)")
    parser.add_argument("--niqe-model", type=Path, metavar="FILE", help="a NIQE model that was fitted before (.npz)")
    parser.add_argument("--lpips-weights", type=Path, metavar="FILE", help="local file with the backbone of LPIPS")
    add_tile(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from degcraft.images import read_image, to_uint8
    from degcraft.images.atomic import written_whole
    from degcraft.metrics import compute_scores, find_metric
    from degcraft.networks import upscale

    console = Console()
    metrics = args.metrics or (["psnr", "psnr_y", "ssim"] if args.pairs else ["niqe"])
    for name in metrics:
        if find_metric(name).needs_reference and not args.pairs:
            raise DegcraftError(f"--metrics: {name} compares with ground truth, so it needs --pairs")
    if args.csv is not None:
        refuse_overwrite(args.csv, args.overwrite)
    device = pick_device(args.device)
    judges = _judges(metrics, args, console)
    network = load_model(args.model, device)
    files = _pairs(args.pairs) if args.pairs else _alone(args.lr, console)

    rows: list[dict[str, Any]] = []
    for name, lr_file, hr_file in track(
        files, "restoring", console=console, transient=True, disable=not console.is_terminal
    ):
        lr = read_image(lr_file).rgb
        hr = None if hr_file is None else read_image(hr_file).rgb
        if hr is not None and hr.shape[-2:] != (lr.shape[-2] * network.scale, lr.shape[-1] * network.scale):
            raise DegcraftError(
                f"{hr_file}: must be {network.scale} times as large as its lr image for this network, but the two are "
                f"{_shown(hr)} and {_shown(lr)}"
            )
        sr = upscale(network.model, lr, scale=network.scale, tile=args.tile, overlap=overlap_of(args.tile))
        row: dict[str, Any] = {"name": name}
        for method, restored in (("", sr), (BICUBIC, _bicubic(lr, network.scale))):
            scores = compute_scores(metrics, to_uint8(restored).float() / 255, hr, border=args.border, **judges)
            row |= {metric + method: score for metric, score in scores.items()}
        rows.append(row)
    console.print(_table(rows, metrics))
    kept = f"{args.border} pixels cut from each border" if args.border else "borders kept"
    console.print(f"{len(rows)} images, x{network.scale}, {kept}", highlight=False)
    if args.csv is not None:
        with written_whole(args.csv) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        console.print(f"wrote {args.csv}", highlight=False, soft_wrap=True)
    return 0


def _pairs(location: str) -> list[_Files]:
    from degcraft.images import list_pairs, local_folder

    root = Path(local_folder(location)).expanduser()
    return [(lr.relative_to(root / "lr").with_suffix("").as_posix(), lr, hr) for lr, hr in list_pairs(root)]


def _alone(location: str, console: "Console") -> list[_Files]:
    from degcraft.images import local_folder, scan_folder

    with console.status("reading lr"):
        folder = scan_folder(local_folder(location))
    console.print(f"lr: {folder.summary()}", highlight=False, soft_wrap=True)
    return [(path.relative_to(folder.root).as_posix(), path, None) for path in folder.files]


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
            console.print(f"niqe: {folder.summary()}", highlight=False, soft_wrap=True)
        else:
            raise DegcraftError("niqe needs to know clean images: give --niqe-clean DIR or --niqe-model FILE")
    return judges


def _bicubic(lr: "Tensor", scale: int) -> "Tensor":
    from torch.nn import functional as F

    return F.interpolate(lr[None], scale_factor=float(scale), mode="bicubic")[0].clamp(0, 1)


def _shown(image: "Tensor") -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"


def _table(rows: list[dict[str, Any]], metrics: list[str]) -> "Table":
    from rich.table import Table

    from degcraft.metrics import find_metric

    table = Table(title="means over the images", title_justify="left")
    for title in ("metric", "network", "bicubic", "difference", "worst image"):
        table.add_column(title, justify="left" if title in ("metric", "worst image") else "right")
    for name in metrics:
        metric = find_metric(name)
        own, plain = (sum(row[key] for row in rows) / len(rows) for key in (name, name + BICUBIC))
        worst = (min if metric.higher_is_better else max)(rows, key=lambda row: row[name])
        title = f"{name} {'↑' if metric.higher_is_better else '↓'}" + (f" ({metric.unit})" if metric.unit else "")
        table.add_row(
            title, f"{own:.4g}", f"{plain:.4g}", f"{own - plain:+.3g}", f"{worst['name']} ({worst[name]:.4g})"
        )
    return table
