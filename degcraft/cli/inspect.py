"""`degcraft inspect`: how blurred, noisy and compressed are these images, and do they belong together?"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import add_device, check_outputs, open_console, print_result
from degcraft.cli._progress import counting

if TYPE_CHECKING:
    from degcraft.inspection import Pile

HELP = "see how blurred, noisy and compressed your images are, and which do not belong"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Estimates blur, noise and JPEG quality of each image and of the whole pile, each with an interval that held\n"
        "the truth nine times in ten where it was known (eight in ten for kinds of blur and noise beyond the model),\n"
        "and names outliers and images that come from another source. Needs nothing but the images: no clean ones,\n"
        "no download.\n"
        "\n"
        "Blur is the sigma of a Gaussian in pixels of the 4 times larger image that super-resolution makes: 4 px is 1\n"
        "px in the image itself. The axes of `weights` and searches count it in pixels of an image `--scale` times as\n"
        "large; `degcraft start --scale 2` writes them so. Noise is its standard deviation of 255.\n"
        "Soft content looks like blurred content; with --hr the mean blur of the pile is measured against clean\n"
        "images, which tells the two apart (some 20 s).\n"
        "Noise in common to all channels and grain are named where more of the pile has them than not; nothing is\n"
        "compared by them, and their intervals were not measured."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft inspect photos\n"
        "  degcraft inspect photos --figure inspect.png\n"
        "  degcraft inspect mixed --split-to sources\n"
        "  degcraft inspect photos --hr clean\n"
        "  degcraft inspect photo.jpg scans/*.tif --json inspect.json --csv inspect.csv"
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="DIR|FILE", help="images, videos, and folders of images (or their URIs)"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="the images with their estimates to draw (PNG)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything, for other programs")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="a line per image")
    parser.add_argument("--split-to", type=Path, metavar="DIR", help="copies of the images, a folder per source")
    parser.add_argument(
        "--hr",
        metavar="DIR",
        help="clean images of any content: are they sharp and clean enough, and how blurred is the pile against them?",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another network of `features train degnet`")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.images import check_empty, list_files

    console = open_console()
    started = time.perf_counter()
    outputs = ((args.figure, ".png"), (args.json, None), (args.csv, None))
    check_outputs(outputs, *args.inputs, args.hr, args.weights)
    if args.split_to is not None:
        check_empty(args.split_to)
    list_files(args.inputs)
    if args.hr is not None:
        list_files([args.hr], "hr")

    from degcraft.inspection import Pile, inspect, write_csv, write_json

    with counting(console, "inspecting") as progress:
        pile = inspect(
            *args.inputs, hr=args.hr, weights=args.weights, device=args.device,
            say=partial(console.print, soft_wrap=True), progress=progress,
        )  # fmt: skip
    print_result(console, pile)
    console.print(f"{time.perf_counter() - started:.1f} s on {pile.provenance['device']}")
    for path, write in ((args.figure, Pile.draw), (args.json, write_json), (args.csv, write_csv)):
        if path is not None:
            write(pile, path)
            console.print(f"wrote {path}", soft_wrap=True)
    if args.split_to is not None:
        for name, count in split_sources(pile, args.split_to).items():
            said = f"wrote {args.split_to / name}: {count} image{'s' * (count != 1)}"
            console.print(said, soft_wrap=True)
    return 0


def split_sources(pile: "Pile", folder: Path) -> dict[str, int]:
    """Copy every image into the folder of its source; give the folders' names and how many they hold."""
    from degcraft.images import copy_files

    groups = {
        f"source-{number}": group
        for number, group in enumerate((pile.main, *(each.members for each in pile.sources)), start=1)
    }
    groups["outliers"] = tuple(sorted(each.members[0] for each in pile.outliers))
    paths = {name: [pile.inspection.images[index].path for index in each] for name, each in groups.items() if each}
    copy_files(paths, folder)
    return {name: len(copied) for name, copied in paths.items()}
