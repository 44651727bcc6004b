"""`degcraft select`: which of these many images stand for all of them?"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, check_outputs, positive, seed
from degcraft.cli._progress import counting
from degcraft.device import pick_device

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.images import Patches
    from degcraft.inspection import Pile
    from degcraft.matching.selection import Selection

HELP = "choose the images that stand for a large pile, as references"
FORMAT = "degcraft-selection/1"
SIZE = 72
"""Side of the patches in pixels, as `degcraft weights` cuts them."""
PATCHES = 6
"""Patches per file, on average; twice as many are looked at, and those with more structure kept."""
NAMED = 10
"""Files that are named on the screen; --json names all."""

LeftOut = dict[Path, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Leaves out what does not belong (outliers and images of other sources, as `degcraft inspect` finds them) and\n"
        "near-duplicates, and chooses N of the other images: those whose patches together are nearest to the patches\n"
        "of all, in the Fréchet distance of degnet's features (eq. 3 of arXiv 2305.18107), while each keeps its\n"
        "distance from its 5 nearest chosen ones. --copy-to makes a folder of them for `weights --references`."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft select --references photos -n 100 -o list.txt --copy-to references\n"
        "  degcraft select --references scans -n 40 -o list.txt --json selection.json"
    )
    parser.add_argument("--references", required=True, metavar="DIR", help="your low-resolution images (folder or URI)")
    parser.add_argument("-n", "--number", type=positive, default=100, metavar="N", help="images to choose (100)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="list to write: a path a line")
    parser.add_argument("--copy-to", type=Path, metavar="DIR", help="copies of the chosen images, in a new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything, for other programs")
    parser.add_argument("--seed", type=seed, default=0, help="of the patches, the start and the draws (0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from degcraft.features import load_degnet, make_extractor
    from degcraft.images import check_empty, copy_files, cut_structured, local_folder, scan_folder
    from degcraft.inspection import inspect_files, summarise
    from degcraft.matching import image_features
    from degcraft.matching.selection import select_files

    console = Console()
    started = time.perf_counter()
    check_outputs(((args.output, None), (args.json, None)), args.references)
    if args.copy_to is not None:
        check_empty(args.copy_to)
    device = pick_device(args.device)
    with console.status("reading references"):
        folder = scan_folder(local_folder(args.references, side="lr"), min_side=SIZE)
    _say(console, f"references: {folder.summary()}")
    with counting(console, "looking at the images", len(folder.files)) as progress:
        inspection = inspect_files(folder.files, load_degnet(device=device), device=device, progress=progress)
    inspection.check()
    left_out = {one.path: one.reason for one in (*folder.skipped, *inspection.skipped)}
    pile = summarise(inspection)
    apart, repeats = _apart(pile), _repeats(pile)
    files = [path for path in folder.files if path not in apart | repeats | left_out]
    with console.status("reading patches"):
        patches = cut_structured(files, size=SIZE, count=PATCHES * len(files), seed=args.seed, on_jpeg_blocks=True)
        features = image_features(patches.pixels, make_extractor("degnet", device=device), device=device)
    shown = set(patches.files)
    plain = {path: "shows too little structure" for path in files if str(path) not in shown}
    files = [path for path in files if path not in plain]
    for title, some in (("standing apart", apart), ("near-duplicates", repeats), ("too plain", plain)):
        _name(console, title, some, folder.root)
    number = min(args.number, len(files))
    if number < args.number:
        _say(console, f"all {number} are taken: fewer than the {args.number} asked for")
    with counting(console, "exchanging files") as progress:
        selection = select_files(_by_file(files, patches, features), number, seed=args.seed, progress=progress)
    chosen = [files[place] for place in selection.chosen]
    _write_lines(args.output, [str(path.absolute()) for path in chosen])
    _report(console, selection, len(files))
    _say(console, f"{time.perf_counter() - started:.1f} s on {device}; wrote {args.output}")
    if args.copy_to is not None:
        copy_files({"": chosen}, args.copy_to)
        _say(console, f"wrote {args.copy_to}: {len(chosen)} image{'s' * (len(chosen) != 1)}")
    if args.json is not None:
        groups = {"skipped": left_out, "apart": apart, "repeats": repeats, "plain": plain}
        _write_lines(args.json, [json.dumps(_record(args, chosen, selection, groups), indent=2, allow_nan=False)])
        _say(console, f"wrote {args.json}")
    return 0


def _apart(pile: "Pile") -> LeftOut:
    """What does not come from the main source, and why."""
    paths = [image.path for image in pile.inspection.images]
    named = {paths[index]: f"outlier: {each.reason}" for each in pile.outliers for index in each.members}
    for number, source in enumerate(pile.sources, start=2):
        named |= {paths[index]: f"source {number}: {source.reason}" for index in source.members}
    return named


def _repeats(pile: "Pile") -> LeftOut:
    """Near-duplicates of the main source, all but the first of each content."""
    paths = [image.path for image in pile.inspection.images]
    main = set(pile.main)
    groups = ([index for index in group if index in main] for group in pile.repeats)
    return {paths[index]: f"repeats {paths[group[0]].name}" for group in groups for index in group[1:]}


def _by_file(files: Sequence[Path], patches: "Patches", features: Any) -> list[Any]:
    """(k, c) features of each file."""
    rows: dict[str, list[int]] = {str(path): [] for path in files}
    for row, name in enumerate(patches.files):
        rows[name].append(row)
    return [features[places] for places in rows.values()]


def _name(console: "Console", title: str, some: LeftOut, root: Path) -> None:
    """What was left out, one reason a line."""
    if not some:
        return
    reasons: dict[str, list[str]] = {}
    for path, reason in some.items():
        reasons.setdefault(reason, []).append(path.relative_to(root).as_posix())
    _say(console, f"{len(some)} left out, {title}:")
    for reason, names in list(reasons.items())[:NAMED]:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        _say(console, f"  {', '.join(names[:NAMED])}{more}: {reason}")
    if len(reasons) > NAMED:
        _say(console, f"  and {len(reasons) - NAMED} more; --json names all")


def _report(console: "Console", selection: "Selection", count: int) -> None:
    number = len(selection.chosen)
    _say(console, f"chose {number} of {count} image{'s' * (count != 1)}")
    if number < count:
        drawn = selection.drawn
        _say(
            console,
            f"distance to all of them: {selection.distance:.4g}; of {number} drawn at random "
            f"{sum(drawn) / len(drawn):.4g} ({min(drawn):.4g} to {max(drawn):.4g} in {len(drawn)} draws)",
        )
    if selection.crowded:
        _say(
            console, f"careful (crowded): {selection.crowded} of them are close to others, for want of more unlike ones"
        )


def _record(
    args: argparse.Namespace, chosen: list[Path], selection: "Selection", groups: dict[str, LeftOut]
) -> dict[str, Any]:
    from degcraft import __version__

    return {
        "format": FORMAT,
        "chosen": [str(path.absolute()) for path in chosen],
        "distance": selection.distance,
        "drawn": list(selection.drawn),
        "crowded": selection.crowded,
        **{
            name: [{"path": str(path.absolute()), "reason": reason} for path, reason in some.items()]
            for name, some in groups.items()
        },
        "provenance": {
            "degcraft": __version__,
            "references": args.references,
            "number": args.number,
            "seed": args.seed,
        },
    }


def _write_lines(path: Path, lines: list[str]) -> None:
    from degcraft.images.atomic import written_whole

    with written_whole(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _say(console: "Console", text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
