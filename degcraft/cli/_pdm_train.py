"""`degcraft pdm train`: learn the degradation of real images, without pairs."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import (
    add_clean,
    add_device,
    check_file_name,
    parse_clean,
    positive,
    refuse_overwrite,
    seed,
)
from degcraft.cli._progress import TrainingProgress
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.learned.knobs import DISCRIMINATOR, PENALTIES, RATES

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.images import HrPool, Side

HELP = "learn it from your images and clean ones of any content"
EXIT_INTERRUPTED = 130
STEPS, QUICK = 200_000, 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Trains kernels and noise against a discriminator, with the published sizes and rates: batch 32, LR crops of\n"
        "32, Adam 2e-4 halved every quarter, 200,000 steps. --quick takes small networks and 2,000 steps, which two\n"
        "cores do in some ten minutes. Stopped by Ctrl-C, the same command goes on from the checkpoint beside the\n"
        "output."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft pdm train --references photos --hr clean -o pdm.safetensors --quick\n"
        "  degcraft pdm train --references film.mp4 --hr clean -o film.safetensors --compression crafted.json"
    )
    parser.add_argument(
        "--references",
        required=True,
        metavar="DIR",
        help="32 or more of your low-resolution images (folder, URI or video)",
    )
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images of any content (folder or URI)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="file to write (.safetensors)")
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--quick", action="store_true", help="small networks, few steps")
    parser.add_argument("--steps", type=positive, metavar="N", help=f"of training ({STEPS}; with --quick {QUICK})")
    parser.add_argument("--batch", type=positive, metavar="N", help="crops in a step (32; with --quick 16)")
    parser.add_argument("--lr-patch", type=positive, default=32, metavar="PIXELS", help="side of the LR crops (32)")
    parser.add_argument("--rate", type=float, default=2e-4, help="first learning rate of Adam (2e-4)")
    parser.add_argument("--noise", choices=("content", "plain", "none"), default="content", help="depends on (content)")
    parser.add_argument(
        "--penalty",
        choices=PENALTIES,
        default="mean",
        help="on the noise: its mean and what of it nobody sees, or its size as published (mean)",
    )
    parser.add_argument(
        "--discriminator",
        choices=tuple(RATES),
        default=DISCRIMINATOR,
        help=f"patch is the published one, with batch norm ({DISCRIMINATOR})",
    )
    parser.add_argument(
        "--compression",
        metavar="QUALITY",
        help="JPEG behind it: a libjpeg quality, or a crafted.json whose qualities are drawn (none)",
    )
    parser.add_argument("--varying", action="store_true", help="a kernel of its own for every pixel")
    parser.add_argument("--seed", type=seed, default=0, help="of weights and of everything that is drawn (0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the output")
    add_clean(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    import torch
    from rich.console import Console

    from degcraft import __version__
    from degcraft.learned import (
        Compression,
        LearnedDegradation,
        LearnedSource,
        pdm_task,
        save_learned,
        unpaired_crops,
    )
    from degcraft.training import run_task

    console, started = Console(), time.perf_counter()
    if args.output.suffix != ".safetensors":
        raise DegcraftError(f"{args.output}: the name must end in .safetensors")
    check_file_name(args.output)
    refuse_overwrite(args.output, args.overwrite)
    device = torch.device(pick_device(args.device))
    reduce = parse_clean(args.clean)
    compression = None if args.compression is None else Compression.parse(args.compression)
    references = _pool(console, "references", args.references, "lr", args.lr_patch, args.seed)
    hr = _pool(console, "hr", args.hr, "hr", args.lr_patch * args.scale, args.seed, reduce)
    small: dict[str, Any] = {"channels": 32, "kernel_blocks": 4, "noise_blocks": 3} if args.quick else {}
    model = LearnedDegradation(
        args.scale, seed=args.seed, compression=compression, noise=args.noise, varying=args.varying, **small
    )
    steps, batch = args.steps or (QUICK if args.quick else STEPS), args.batch or (16 if args.quick else 32)
    how = {"penalty": args.penalty, "discriminator": args.discriminator, "rate": args.rate, "seed": args.seed}
    settings = {
        **model.describe(), **how, "batch": batch, "lr_patch": args.lr_patch,
        "references": references.content_hash, "hr": hr.content_hash,
    }  # fmt: skip
    task = pdm_task(model.to(device), steps=steps, **how)
    checkpoint, losses = args.output.with_suffix(".checkpoint.pt"), dict[str, float]()
    if checkpoint.exists():
        console.print(f"going on from {checkpoint}", highlight=False, soft_wrap=True)
    crops = unpaired_crops(model, hr, references, batch=batch, lr_patch=args.lr_patch, seed=args.seed, device=device)
    with TrainingProgress(console, steps, losses) as progress:
        finished = run_task(task, crops, checkpoint=checkpoint, settings=settings, progress=progress)
    if not finished:
        console.print(f"stopped: the same command goes on from {checkpoint}", highlight=False, soft_wrap=True)
        return EXIT_INTERRUPTED
    training = {**settings, "steps": steps, "losses": losses, "degcraft": __version__, "torch": torch.__version__}
    save_learned(args.output, LearnedSource(model.cpu().eval(), training))
    checkpoint.unlink(missing_ok=True)
    console.print(
        f"wrote {args.output} ({time.perf_counter() - started:.0f} s on {device}); degcraft pdm show looks at it",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _pool(
    console: "Console", field: str, location: str, side: "Side", min_side: int, first: int, reduce: int = 1
) -> "HrPool":
    """All images of a folder, to cut crops from."""
    from degcraft.cache import cache_folder
    from degcraft.images import HrPool, local_folder, reduced_files, scan_folder

    with console.status(f"reading {field}"):
        folder = scan_folder(local_folder(location, side=side), min_side=min_side * reduce)
        files = reduced_files(folder.files, reduce, cache_folder("reduced"))
        pool = HrPool.from_files(files, min_side=min_side, seed=first)
    console.print(f"{field}: {folder.summary()}", highlight=False, soft_wrap=True)
    return pool
