"""`degcraft inspect`: how blurred, noisy and compressed are these images, and do they belong together?"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import add_device, check_file_name, open_console, pick_device
from degcraft.cli._inputs import images_of
from degcraft.cli._progress import counting
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from degcraft.inspection import Pile

HELP = "see how blurred, noisy and compressed your images are, and which do not belong"
SHOWN = 30
"""Images in the table; a larger pile shows those that stand apart first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Estimates blur, noise and JPEG quality of each image and of the whole pile, each with an interval that held\n"
        "the truth nine times in ten where it was known (eight in ten for kinds of blur and noise beyond the model),\n"
        "and names outliers and images that come from another source. Needs nothing but the images: no clean ones,\n"
        "no download.\n"
        "\n"
        "Blur is the sigma of a Gaussian in pixels of the 4 times larger image that super-resolution makes, as on the\n"
        "axes of `degcraft weights`: 4 px is 1 px in the image itself. Noise is its standard deviation of 255.\n"
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
    parser.add_argument("--hr", metavar="DIR", help="look at your clean images, too: are they sharp and clean enough?")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another network of `features train degnet`")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    console = open_console()
    started = time.perf_counter()
    for path, suffix in ((args.figure, ".png"), (args.json, None), (args.csv, None)):
        if path is not None:
            check_file_name(path, suffix)
    if args.split_to is not None:
        from degcraft.images import check_empty

        check_empty(args.split_to)
    files, left_out = list_files(args.inputs)
    if args.hr is not None:
        list_files([args.hr])

    from degcraft.features import load_degnet
    from degcraft.inspection import inspect_clean, inspect_files, summarise, write_csv, write_json

    device = pick_device(args.device)

    network = load_degnet(args.weights, device)
    with counting(console, "looking at the images", len(files)) as progress:
        inspection = inspect_files(files, network, device=device, progress=progress)
    for one in inspection.skipped:
        console.print(f"skipped {one.path}: {one.reason}", highlight=False, markup=False, soft_wrap=True)
    if not inspection.images:
        count, first = len(files), inspection.skipped[0]
        raise DegcraftError(
            f"none of {count} image{'s' * (count != 1)} could be used; the first: {first.path}: {first.reason}"
        )
    pile = summarise(inspection)
    console.print(_table(pile))
    _say(console, pile, left_out, time.perf_counter() - started, device)
    if args.hr is not None:
        with console.status("looking at the clean images"):
            files, left_out = list_files([args.hr])
            clean = inspect_clean(files, network, device=device)
        for line in (*clean.sentences(), *(f"clean images: {clause}" for clause in left_out)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if args.figure is not None:
        from degcraft.figures import draw_inspection

        draw_inspection(pile, args.figure, title=_title(args.inputs))
    if args.json is not None:
        from degcraft import __version__

        write_json(pile, args.json, {"degcraft": __version__, "inputs": args.inputs, "device": device})
    if args.csv is not None:
        write_csv(pile, args.csv)
    for path in (args.figure, args.json, args.csv):
        if path is not None:
            console.print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)
    if args.split_to is not None:
        for name, count in split_sources(pile, args.split_to).items():
            said = f"wrote {args.split_to / name}: {count} image{'s' * (count != 1)}"
            console.print(said, highlight=False, markup=False, soft_wrap=True)
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


def list_files(inputs: list[str]) -> tuple[list[Path], list[str]]:
    """Every image once, in the order given, and what the folders hold besides, as clauses.

    Raises:
        DegcraftError: an input that is not there or holds no image.
    """
    found = [images_of(text) for text in inputs]
    once: dict[Path, Path] = {}
    for path in (image for one in found for image in one.images):
        once.setdefault(path.resolve(), path)
    return list(once.values()), [clause for one in found for clause in one.left_out]


def _title(inputs: list[str]) -> str:
    names = [Path(text).name or text for text in inputs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _table(pile: "Pile") -> "Table":
    """A line per image; those that stand apart are marked, and come first where not all can be shown."""
    from rich.table import Table

    from degcraft.images import names_apart, printable
    from degcraft.inspection import axis_words

    images = pile.inspection.images
    marks = {index: "outlier" for each in pile.outliers for index in each.members}
    for number, source in enumerate(pile.sources, start=2):
        marks |= dict.fromkeys(source.members, f"source {number}")
    order = list(range(len(images)))
    if len(images) > SHOWN:
        order = sorted(order, key=lambda index: index not in marks)[:SHOWN]
    table = Table(title="estimates, with their 90 % intervals", title_justify="left")
    table.add_column("image", overflow="fold")
    for heading in ("blur sigma", "noise", "JPEG quality"):
        table.add_column(heading)
    if marks:
        table.add_column("")
    names = names_apart([images[index].path for index in order])
    for name, index in zip(names, order, strict=True):
        cells = [axis_words(axis, one, named=False) for axis, one in images[index].axes.items()]
        mark = [marks.get(index, "")] if marks else []
        table.add_row(printable(name), *cells, *mark, style="yellow" if index in marks else None)
    if len(order) < len(images):
        table.caption = f"and {len(images) - len(order)} more; --csv lists all"
    return table


def _say(console: "Console", pile: "Pile", left_out: list[str], seconds: float, device: str) -> None:
    """The pile in plain words, and what to do with it."""
    from degcraft.images import names_apart
    from degcraft.inspection import sentence, suggest_axes

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    images = pile.inspection.images
    count = f"{len(images)} image{'s' * (len(images) != 1)}"
    skipped = len(pile.inspection.skipped)
    notes = "".join(f"; {clause}" for clause in ([f"{skipped} skipped"] if skipped else []) + left_out)
    if len(pile.main) < len(images):
        count = f"{len(pile.main)} of {count}"
    say(f"{count}: {sentence(pile.axes | pile.besides)}{notes}")
    for number, source in enumerate(pile.sources, start=2):
        paths = names_apart([images[index].path for index in source.members])
        listed = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        say(f"source {number}, {len(paths)} images that seem to come from elsewhere ({listed}): {source.reason}")
    if pile.repeats:
        extra = sum(map(len, pile.repeats)) - len(pile.repeats)
        say(f"{extra} image{'s repeat' if extra != 1 else ' repeats'} another; each content counts once")
    for each in pile.outliers:
        say(f"outlier {images[each.members[0]].path.name}: {each.reason}")
    if len(images) > 1:
        axes = " ".join(f"--axis {axis}" for axis in suggest_axes(pile))
        say(f"a space that holds them, for degcraft weights: {axes}")
        say("and for a search:\nspace:\n" + "\n".join(f"  - {axis}" for axis in suggest_axes(pile)))
    say(f"{seconds:.1f} s on {device}")
