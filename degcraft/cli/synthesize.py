"""`degcraft synthesize`: LR–HR pairs of a crafted distribution, for any other trainer."""

import argparse
import csv
import math
from pathlib import Path

from degcraft.cli._common import add_device, pick_device, positive, refuse_overwrite, seed

HELP = "write LR-HR pairs of a crafted distribution, for any other trainer"
PREVIEWED = 8
"""Pairs on the contact sheet."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Draws degradations from a crafted distribution and applies one to each clean image: OUT/lr and OUT/hr hold\n"
        "the pairs under the same names, OUT/parameters.csv what was done to each."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft synthesize crafted.json --hr clean -o pairs --preview pairs.png\n"
        "  degcraft synthesize crafted.json --hr clean -o pairs --count 5000 --crop 256"
    )
    parser.add_argument("crafted", type=Path, metavar="CRAFTED", help="crafted.json of `degcraft weights` or a search")
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images (folder or URI)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--count", type=positive, metavar="N", help="pairs; more than there are images repeats them")
    parser.add_argument("--crop", type=positive, metavar="PIXELS", help="cut a random HR crop of this side instead")
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--seed", type=seed, default=0, help="of everything that is drawn (0)")
    parser.add_argument("--preview", type=Path, metavar="FILE", help="contact sheet of the first pairs (PNG)")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that is not empty")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    import torch
    from rich.console import Console
    from rich.progress import track

    from degcraft.degradation import CraftedDistribution
    from degcraft.errors import DegcraftError
    from degcraft.figures import draw_contact_sheet
    from degcraft.images import local_folder, read_image, scan_folder, write_image

    console = Console()
    crafted = CraftedDistribution.load(args.crafted)
    device = pick_device(args.device)
    if args.crop is not None and args.crop % args.scale:
        raise DegcraftError(f"--crop: must be a multiple of the scale {args.scale}, but got {args.crop}")
    refuse_overwrite(args.output, args.overwrite)
    folder = scan_folder(local_folder(args.hr), min_side=args.crop or args.scale)
    console.print(f"hr: {folder.summary()}", highlight=False, soft_wrap=True)
    generator = torch.Generator().manual_seed(args.seed)
    source, names, count = crafted.source(), [axis.name for axis in crafted.space.axes], args.count or len(folder.files)
    digits = len(str(math.ceil(count / len(folder.files)) - 1))
    shown, used = [], set()
    (args.output / "lr").mkdir(parents=True, exist_ok=True)
    with (args.output / "parameters.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", "source", *names])
        for index in track(range(count), "degrading", console=console, transient=True, disable=not console.is_terminal):
            path = folder.files[index % len(folder.files)]
            hr = _crop(read_image(path).rgb, args.crop, args.scale, generator)
            lr, drawn = source.degrade(hr[None].to(device), args.scale, generator)
            name = path.relative_to(folder.root).with_suffix("").as_posix().replace("/", "_")
            if count > len(folder.files):
                name += f"-{index // len(folder.files):0{digits}d}"
            while name in used:  # a.png beside a.jpg
                name += "_"
            used.add(name)
            write_image(args.output / "lr" / f"{name}.png", lr[0].cpu())
            write_image(args.output / "hr" / f"{name}.png", hr)
            values = [float(drawn.parameters[axis][0]) for axis in names]
            table.writerow([name, path.relative_to(folder.root).as_posix(), *(f"{value:.4f}" for value in values)])
            if len(shown) < PREVIEWED:
                told = ", ".join(f"{axis} {value:.3g}" for axis, value in zip(names, values, strict=True))
                shown.append((f"{name}: {told}", [lr[0].cpu(), hr]))
    console.print(f"wrote {count} pairs to {args.output}", highlight=False, soft_wrap=True)
    if args.preview is not None:
        draw_contact_sheet(shown, args.preview, ["LR", "HR"])
        console.print(f"wrote {args.preview}", highlight=False, soft_wrap=True)
    return 0


def _crop(hr, side, scale, generator):  # type: ignore[no-untyped-def]
    """A random crop, or the whole image less the rows and columns that the scale does not divide."""
    import torch

    height, width = (length // scale * scale for length in hr.shape[-2:])
    if side is None:
        return hr[:, :height, :width]
    top, left = (
        int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (hr.shape[-2], hr.shape[-1])
    )
    return hr[:, top : top + side, left : left + side]
