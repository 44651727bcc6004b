"""`degcraft features train`: train degcraft's own extractors, from a seed."""

import argparse
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, check_file_name, positive, refuse_overwrite, seed
from degcraft.cli._progress import TrainingProgress
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.features.training import Recipe

HELP = "train degcraft's own features from clean images"
HELD_OUT = 0.2
"""Share of the photographs that the card's figures are measured on."""
EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Trains an extractor on clean photographs and drawn images that are degraded in known ways: the paper's blur,\n"
        "noise and JPEG, and much beyond. The weights that come with degcraft were made by this command. Writes the\n"
        "weights, and beside them a model card with the figures on photographs that were held out."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft features train degnet --hr clean -o degnet.safetensors\n"
        "  degcraft features train degnet --hr clean more-clean --device cuda -o degnet.safetensors\n"
        "  degcraft weights --references photos --hr clean --extractor-weights degnet.safetensors -o crafted.json\n"
        "\n"
        "Stopped by Ctrl-C, the same command goes on from the checkpoint beside the output."
    )
    parser.add_argument("encoder", choices=("degnet",), help="which one")
    parser.add_argument("--hr", required=True, nargs="+", metavar="DIR", help="clean photographs (folders or URIs)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="weights (.safetensors)")
    parser.add_argument("--steps", type=positive, metavar="N", help="of training (what the shipped weights took)")
    parser.add_argument("--start", type=Path, metavar="FILE", help="go on from these weights")
    parser.add_argument("--only-new", action="store_true", help="train only the axes that the start lacks")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="at its highest (2e-3)")
    parser.add_argument("--seed", type=seed, default=0, help="of the weights and of all that is drawn (0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the output")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from degcraft.features.training import RECIPES
    from degcraft.training import run_task

    console = Console()
    device = pick_device(args.device)
    if args.output.suffix != ".safetensors":
        raise DegcraftError(f"{args.output}: the name must end in .safetensors")
    check_file_name(args.output)
    refuse_overwrite(args.output, args.overwrite)
    chosen = {name: value for name in ("steps", "start", "learning_rate") if (value := getattr(args, name)) is not None}
    fit, held_out, pool = _photographs(console, args.hr)
    recipe = RECIPES[args.encoder](pool, seed=args.seed, device=device, only_new=args.only_new, **chosen)
    checkpoint = args.output.with_suffix(".checkpoint.pt")
    if checkpoint.exists():
        console.print(f"going on from {checkpoint}", highlight=False, soft_wrap=True)
    started = time.perf_counter()
    losses: dict[str, float] = {}
    with TrainingProgress(console, recipe.task.steps, losses) as progress:
        finished = run_task(
            recipe.task,
            recipe.make_batch,
            # On a GPU batches are made there, which another process could not do without a context of its own.
            workers=1 if device == "cpu" else 0,
            checkpoint=checkpoint,
            settings=dict(recipe.settings),
            progress=progress,
        )
    if not finished:
        console.print(f"stopped: the same command goes on from {checkpoint}", highlight=False, soft_wrap=True)
        return EXIT_INTERRUPTED
    _finish(console, args, recipe, fit, held_out, losses, time.perf_counter() - started, device)
    return 0


def _photographs(console: "Console", locations: list[str]) -> tuple[list[Path], list[Path], Any]:
    """Files to train on, files held out, and the pool of the first."""
    from degcraft.features.training import LARGEST_CROP
    from degcraft.images import HrPool, local_folder, scan_folder, split_files

    files: list[Path] = []
    for location in locations:
        with console.status(f"reading {location}"):
            folder = scan_folder(local_folder(location, side="hr"), min_side=LARGEST_CROP)
        console.print(f"{location}: {folder.summary()}", highlight=False, soft_wrap=True)
        files += folder.files
    # The same whatever the seed: a training may start from weights of another, which must not have seen them.
    fit, held_out = split_files(files, HELD_OUT, 0)
    with console.status("reading photographs"):
        pool = HrPool.from_files(fit, min_side=LARGEST_CROP)
    console.print(f"{len(fit)} photographs to train on, {len(held_out)} held out", highlight=False)
    if pool.note:
        console.print(pool.note, highlight=False, soft_wrap=True)
    return fit, held_out, pool


def _finish(
    console: "Console",
    args: argparse.Namespace,
    recipe: "Recipe",
    fit: list[Path],
    held_out: list[Path],
    losses: dict[str, float],
    seconds: float,
    device: str,
) -> None:
    """Writes the weights, measures them on what was held out, and writes the card."""
    from safetensors.torch import save

    from degcraft.features import make_extractor
    from degcraft.features.training.card import held_out_table, write_card
    from degcraft.images.atomic import written_whole

    with written_whole(args.output) as temporary:
        temporary.write_bytes(save(recipe.weights()))
    args.output.with_suffix(".checkpoint.pt").unlink(missing_ok=True)
    console.print(f"wrote {args.output}", highlight=False, soft_wrap=True)
    extractor = make_extractor(args.encoder, weights_file=args.output, device=device)
    with console.status("measuring on the photographs held out"):
        table = held_out_table(extractor, fit, held_out, device=device)
    for row in table:
        console.print(
            f"setting {row['setting']}: {row['on_true_bins']:.2f} of the weight on the true bins, "
            f"total variation {row['total_variation']:.2f}",
            highlight=False,
        )
    names = " ".join(shlex.quote(Path(location).name) for location in args.hr)
    card = args.output.with_suffix(".md")
    write_card(
        card,
        settings=recipe.settings,
        command=_command(args, names, recipe.task.steps),
        data=f"{len(fit)} photographs of {names} (and {len(held_out)} held out), and dead leaves drawn by degcraft",
        seconds=seconds,
        device=device,
        losses=losses,
        table=table,
    )
    console.print(f"wrote {card}", highlight=False, soft_wrap=True)


def _command(args: argparse.Namespace, names: str, steps: int) -> str:
    """What makes these weights again."""
    parts = [f"degcraft features train {args.encoder} --hr {names} --seed {args.seed} --steps {steps}"]
    if args.start is not None:
        parts.append(f"--start {shlex.quote(args.start.name)}")
    if args.only_new:
        parts.append("--only-new")
    if args.learning_rate is not None:
        parts.append(f"--learning-rate {args.learning_rate:g}")
    return " ".join([*parts, f"-o {shlex.quote(args.output.name)}"])
