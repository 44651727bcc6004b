"""`degcraft synthesize`: LR–HR pairs of a crafted distribution, for any other trainer."""

import argparse
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import (
    add_device,
    check_folders,
    check_outputs,
    open_console,
    positive,
    refuse_overwrite,
    seed,
)
from degcraft.cli._progress import counting
from degcraft.cli._sources import METAVAR, SOURCE_HELP, add_list
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable, writing_to

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from degcraft.images import ImageFolder

HELP = "write LR-HR pairs of a crafted distribution, or any other, for another trainer"
PREVIEWED = 8
"""Pairs on the contact sheet."""
TABLE = "parameters.csv"
PARTS = ("hr", "lr")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Draws degradations from a crafted distribution, or from any other that `train` knows, and applies one to\n"
        "each clean image: OUT/lr and OUT/hr hold the pairs under the same names, OUT/parameters.csv what was done to\n"
        "each, where axes say it (a published pipeline or a learned degradation has none). An interrupted run leaves\n"
        "whole images, every one of them in the table."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft synthesize crafted.json --hr clean -o pairs --preview pairs.png\n"
        "  degcraft synthesize crafted.json --hr clean -o pairs --count 5000 --crop 256\n"
        "  degcraft synthesize realesrgan --hr clean -o pairs --crop 256"
    )
    parser.add_argument("distribution", metavar=METAVAR, help=SOURCE_HELP)
    add_list(parser)
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images (folder or URI)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--count", type=positive, metavar="N", help="pairs; more than there are images repeats them")
    parser.add_argument("--crop", type=positive, metavar="PIXELS", help="cut a random HR crop of this side instead")
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), help="magnification (the file's own, else 4)")
    parser.add_argument("--seed", type=seed, default=0, help="of everything that is drawn (0)")
    parser.add_argument("--preview", type=Path, metavar="FILE", help="contact sheet of the first pairs (PNG)")
    parser.add_argument("--overwrite", action="store_true", help="replace the pairs of an earlier run in OUT")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.sources import make_source, scale_for

    console = open_console()
    scale = scale_for(args.distribution, args.scale)
    if args.crop is not None and args.crop % scale:
        raise DegcraftError(f"--crop: must be a multiple of the scale {scale}, but got {args.crop}")
    check_outputs([(args.preview, ".png")], args.hr)
    check_writable(args.output)
    refuse_overwrite(args.output, args.overwrite)
    check_folders(args.hr)

    import torch

    from degcraft.degradation import find_parameter
    from degcraft.figures import draw_contact_sheet
    from degcraft.images import local_folder, printable, read_image, scan_folder, to_uint8, write_image

    source = make_source(args.distribution, scale=scale, side=args.crop)
    device = pick_device(args.device)
    with console.status("reading hr"):
        folder = scan_folder(local_folder(args.hr, side="hr"), min_side=args.crop or scale)
    console.print(f"hr: {folder.summary()}", highlight=False, soft_wrap=True)
    _make_room(args.output, folder)

    generator = torch.Generator().manual_seed(args.seed)
    count = args.count or len(folder.files)
    shown: list[tuple[str, list[Tensor]]] = []
    # Every row reaches the file before its pair does, so that no image is ever without its parameters.
    where = args.output / TABLE
    with (
        writing_to(where),
        where.open("w", newline="", encoding="utf-8", buffering=1) as file,
        counting(console, "degrading", count, "pairs") as progress,
    ):
        table = csv.writer(file)
        for place, (name, path) in enumerate(_names(folder, count)):
            # Rounded as its file will be, so that the pair itself is what the parameters describe.
            hr = to_uint8(_cut(read_image(path).rgb, args.crop, scale, generator)).float() / 255
            lr, drawn = source.degrade(hr[None].to(device), scale, generator)
            done = {} if drawn is None else drawn.rows()[0]
            if place == 0:
                table.writerow(["name", "source", *done])
            # Nine digits tell any two float32 apart: degrading by the table gives the same image.
            values = (find_parameter(axis).words(value, ".9g") for axis, value in done.items())
            table.writerow([name, printable(path.relative_to(folder.root).as_posix()), *values])
            for part, image in zip(PARTS, (hr, lr[0]), strict=True):
                write_image(args.output / part / f"{name}.png", image)
            if args.preview is not None and len(shown) < PREVIEWED:
                told = ", ".join(f"{axis} {find_parameter(axis).words(value, '.3g')}" for axis, value in done.items())
                shown.append((f"{name}: {told}" if told else name, [lr[0].cpu(), hr]))
            progress(place + 1, count)
    console.print(f"wrote {count} pair{'s' * (count != 1)} to {args.output}", highlight=False, soft_wrap=True)
    if args.preview is not None:
        draw_contact_sheet(shown, args.preview, ["LR", "HR"])
        console.print(f"wrote {args.preview}", highlight=False, soft_wrap=True)
    return 0


def _make_room(output: Path, folder: "ImageFolder") -> None:
    """Make the output folder, without the pairs that an earlier run's table names.

    Raises:
        DegcraftError: the clean images would be written over, the folder holds images of other origin, or it
            cannot be written to.
    """
    parts = [output / part for part in PARTS]
    # What is written beside clean images would be taken for some by the next run.
    places = [output] if output.resolve().is_relative_to(folder.root.resolve()) else parts
    for path in folder.files:
        if any(path.resolve().is_relative_to(place.resolve()) for place in places):
            raise DegcraftError(f"{path}: is a clean image inside {output}, which is to be written; choose another -o")
    with writing_to(output):
        older = _named(output / TABLE)
        for part in parts:
            part.mkdir(parents=True, exist_ok=True)
            others = sorted(path.name for path in part.iterdir() if path.name not in older and path.name[0] != ".")
            if others:
                raise DegcraftError(f"{part}: holds {others[0]}, which {TABLE} does not name; choose another -o")
        for part in parts:
            for name in older:
                (part / name).unlink(missing_ok=True)
        (output / TABLE).unlink(missing_ok=True)


def _named(table: Path) -> set[str]:
    """File names of the pairs in an earlier run's table."""
    if not table.is_file():
        return set()
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        return {f"{row[0]}.png" for row in csv.reader(file) if row}


def _names(folder: "ImageFolder", count: int) -> Iterator[tuple[str, Path]]:
    """Name and clean image of every pair: the images in turn, numbered by turn where there is more than one."""
    from degcraft.images import flat_name

    files = folder.files
    turns = math.ceil(count / len(files))
    digits = len(str(turns - 1))
    used: set[str] = set()
    for index in range(count):
        path = files[index % len(files)]
        relative = path.relative_to(folder.root).with_suffix("").as_posix()
        turn = f"-{index // len(files):0{digits}d}" if turns > 1 else ""
        file = flat_name(relative, f"{turn}.png")
        while file in used:  # a.png beside a.jpg
            turn += "_"
            file = flat_name(relative, f"{turn}.png")
        used.add(file)
        yield file.removesuffix(".png"), path


def _cut(hr: "Tensor", side: int | None, scale: int, generator: "torch.Generator") -> "Tensor":
    """A random crop, or the whole image less the rows and columns that the scale does not divide."""
    import torch

    height, width = hr.shape[-2:]
    if side is None:
        return hr[:, : height // scale * scale, : width // scale * scale]
    top, left = (int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (height, width))
    return hr[:, top : top + side, left : left + side]
