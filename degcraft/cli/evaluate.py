"""`degcraft evaluate`: how well do networks restore these images, and which is better beyond doubt?"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from degcraft.cli._common import (
    add_device,
    check_folders,
    check_outputs,
    open_console,
    print_result,
    refuse_overwrite,
)
from degcraft.cli._network import MODEL_HELP, add_tile, check_model, load_model
from degcraft.cli._progress import counting
from degcraft.errors import DegcraftError

HELP = "score networks, other methods' results and bicubic on LR-HR pairs, or on low-resolution images alone"


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
    parser.add_argument(
        "--figure", type=Path, metavar="FILE", help="write crops, twice as large, where the rows differ (.png)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--niqe-clean", metavar="DIR", help="clean images that NIQE compares with (folder or URI)")
    parser.add_argument("--niqe-model", type=Path, metavar="FILE", help="a NIQE model that was fitted before (.npz)")
    parser.add_argument(
        "--lpips-weights",
        type=Path,
        metavar="FILE",
        help="ImageNet weights of lpips' backbone (AlexNet, VGG16 or SqueezeNet 1.1) in torchvision's layout",
    )
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
    from degcraft.evaluation import metric_names, row_names

    console = open_console()
    metrics = metric_names(args.metrics, pairs=args.pairs is not None, align=args.align)
    if "niqe" in metrics and args.niqe_clean is None and args.niqe_model is None:
        raise DegcraftError(
            "niqe needs to know clean images: give some by --niqe-clean, or a saved model by --niqe-model"
        )
    results = _named_folders(args.results)
    row_names(args.models, results)
    outputs = ((args.csv, None), (args.json, None), (args.figure, ".png"))
    check_outputs(
        outputs, *args.models, args.pairs, args.lr, *results.values(), args.niqe_clean, args.niqe_model,
        args.lpips_weights, beside=False,
    )  # fmt: skip
    for path, _ in outputs:
        if path is not None:
            refuse_overwrite(path, args.overwrite)
    for model in args.models:
        check_model(model)
    check_folders(args.pairs or args.lr, *results.values())

    from degcraft.evaluation import evaluate

    with counting(console, "scoring") as progress:
        found = evaluate(
            *args.models, pairs=args.pairs, lr=args.lr, results=results, metrics=metrics, border=args.border,
            align=args.align, niqe_clean=args.niqe_clean, niqe_model=args.niqe_model, lpips_weights=args.lpips_weights,
            tile=args.tile, device=args.device, load=load_model, say=partial(console.print, soft_wrap=True),
            progress=progress,
        )  # fmt: skip
    print_result(console, found)
    for path, write in ((args.csv, found.write_csv), (args.json, found.write_json), (args.figure, found.draw)):
        if path is not None:
            write(path)
            console.print(f"wrote {path}", soft_wrap=True)
    if found.scores.failed:
        raise DegcraftError("; ".join(f"{row}: {reason}" for row, reason in found.scores.failed.items()))
    if not any(found.scores.counted(name) for name in found.metrics):
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
        if row in folders:
            raise DegcraftError(f"--results: every row must have a name of its own, but {row!r} is taken")
        folders[row] = folder
    return folders
