"""`degcraft start`: look at a pile of images, and write the search that fits it."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, open_console
from degcraft.cli._progress import counting
from degcraft.cli.inspect import split_sources
from degcraft.cli.spec import SIZE_HELP, search_name

if TYPE_CHECKING:
    from degcraft.inspection import Pile

HELP = "look at your images, and write the search that fits them and this machine"
LOOKED_AT = 200
"""Images looked at where there are more, spread evenly."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Inspects the images, copies them into a folder per source where there are several, finds the degradation\n"
        "space that holds the largest, and writes into OUT: search.yaml, sized to this machine, inspect.png, and\n"
        "start.html, a page with the pictures and the next command."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft start photos --hr clean\n"
        "  degcraft start film.mp4 --hr clean -o film --size 60\n"
        "  degcraft start mixed                              without clean images yet"
    )
    parser.add_argument("references", metavar="PHOTOS", help="your images: a folder (of pairs, too), a URI or a video")
    parser.add_argument("--hr", metavar="DIR", help="clean images of any content (folder or URI)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="a new folder (PHOTOS-start)")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--size", default="15", metavar="SIZE", help=f"of the search: {SIZE_HELP} (15)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.images import filled_or_gone

    name = search_name(args.references)
    folder = args.output or Path(f"{name}-start")
    with filled_or_gone(folder):
        return _start(args, name, folder)


def _start(args: argparse.Namespace, name: str, folder: Path) -> int:
    from degcraft.figures import draw_inspection
    from degcraft.images import is_uri, list_files, list_pairs
    from degcraft.images.atomic import written_whole
    from degcraft.inspection import inspect, sentence, suggest_axes
    from degcraft.inspection.page import Section, write_page
    from tune.example import example_text
    from tune.sections import PatchesSpec
    from tune.sizing import size_fields

    console = open_console()
    sizes = size_fields(args.size, args.scale)
    pairs = _has_pairs(args.references)
    if pairs:
        list_pairs(args.references)  # the search will refuse what has no partner
    references = str(Path(args.references) / "lr") if pairs else args.references
    files, left_out = list_files([references])
    if args.hr is not None:
        list_files([args.hr], "hr")  # a slip is said before the images are looked at
    looked_at = files[:: -(-len(files) // LOOKED_AT)]
    skipped: list[str] = []
    with counting(console, "inspecting") as progress:
        pile = inspect(*looked_at, hr=args.hr, device=args.device, say=skipped.append, progress=progress)
    axes = suggest_axes(pile, args.scale)
    values: dict[str, Any] = {"name": name, "output": "search", "scale": args.scale, "space": axes, **sizes}
    sources = _apart(pile)
    if sources and not pairs:
        for source, count in split_sources(pile, folder / "sources").items():
            sources.append(f"copied to {folder / 'sources' / source}: {count} image{'s' * (count != 1)}")
        references = str(folder / "sources" / "source-1")
    clean: list[str] = []
    if pile.clean is not None:
        clean, values["clean.reduce"] = list(pile.clean.sentences()), pile.clean.reduction

    def placed(location: str) -> str:
        return location if is_uri(location) else str(Path(location).expanduser().resolve())

    values["hr"] = placed(args.hr) if args.hr is not None else "clean"
    # A search divides pairs itself: some to fit to, others to score on.
    values |= (
        {"references": None, "held_out.pairs": placed(args.references)} if pairs else {"references": placed(references)}
    )
    search, page, picture = (folder / one for one in ("search.yaml", "start.html", "inspect.png"))
    with written_whole(search) as temporary:
        temporary.write_text(example_text(values), encoding="utf-8")
    shown = Path(args.references).name or args.references
    draw_inspection(pile, picture, title=shown)
    count = len(pile.inspection.images)
    seen = f"{count} of {len(files)} looked at" if count < len(files) else f"{count}"
    whose = "of the main source: " if sources else ""
    carried = ["of pairs: the LR images are looked at, and the search is scored on held-out HR images"] * pairs
    carried += [f"images: {seen}; {whose}{sentence(pile.axes | pile.besides)}", *pile.against_clean()]
    carried += [*pile.repeated(), *left_out, *skipped]
    trains = (
        f"x{args.scale} networks, {sizes['budget.trials']} trials of {sizes['training.steps']} steps in the space "
        + " ".join(axes)
    )
    go_on = [f"degcraft search {shlex.quote(str(search))}"]
    todo = [] if args.hr is not None else [f"first point `hr` in {search} at a folder of clean images of any content"]
    needed = PatchesSpec().size * args.scale
    if pile.clean is not None and not any(min(one.width, one.height) >= needed for one in pile.clean.inspection.images):
        todo.append(f"first put larger images into {args.hr}: a search needs {needed}x{needed} pixels")
    if len(pile.main) < 2:
        todo.append("first add images: a search fits to some and is scored on others")
    write_page(
        page,
        f"{shown}: what the images carry, and what to do",
        [
            Section("What they carry", carried, pictures=[picture]),
            *([Section("Where they come from", sources)] if sources else []),
            *([Section("The clean images", clean)] if clean else []),
            Section("Next", [f"search.yaml is written: {trains}", *todo], go_on),
        ],
    )
    for line in (*carried, *sources, *clean, f"wrote {search}: {trains}", f"wrote {page}", *todo, f"next: {go_on[0]}"):
        console.print(line, soft_wrap=True)
    return 0


def _has_pairs(location: str) -> bool:
    """Whether it is a folder of pairs: lr/ and hr/."""
    from degcraft.images import sides_of

    return len(sides_of(Path(location).expanduser())) > 1


def _apart(pile: "Pile") -> list[str]:
    said = [f"source {number}, {len(one.members)} images: {one.reason}" for number, one in enumerate(pile.sources, 2)]
    paths = [image.path.name for image in pile.inspection.images]
    return [*said, *(f"outlier {paths[one.members[0]]}: {one.reason}" for one in pile.outliers)]
