"""`degcraft audit`: do the degradations that a trainer draws look like these images?"""

import argparse
from functools import partial
from pathlib import Path

from degcraft.cli._common import add_device, check_folders, open_console, seed
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

HELP = "which share of another trainer's degradations looks like your images"
SIZE, COUNT = 72, 100
MISFIT = 0.5
"""Share of what is drawn that lies elsewhere on an axis from which on another block is advised, if a classifier sees
it, too: one that `export` has written has up to 0.4, as it draws every axis evenly."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Reads the degradation block of a configuration of Real-ESRGAN, neosr or traiNNer-redux, degrades clean crops\n"
        "as it says, and looks at them and at your images with the same eyes: axis by axis, which share of what that\n"
        "trainer draws would have to be drawn otherwise to be as your images are (total variation)."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft audit options/train.yml --references photos --hr clean\n"
        "  degcraft audit train_otf.toml --references photos --hr clean --scale 2"
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the configuration: .yml or .toml")
    parser.add_argument("--references", required=True, metavar="DIR", help="your images (folder or URI)")
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean photographs (folder or URI)")
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), help="magnification (that of the file, else 4)")
    parser.add_argument("--seed", type=seed, default=0, help="of all that is drawn (0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.trainers import read_block

    check_folders(args.references, args.hr)
    source, scale, unrendered = read_block(args.file)

    import torch
    from rich.table import Table

    from degcraft.features import make_extractor
    from degcraft.images import patches_of
    from degcraft.matching import file_numbers, image_features, made_features, two_sample_test
    from degcraft.matching.measuring import FEWEST
    from degcraft.trainers.audit import HELD, audited_axes

    scale = args.scale or scale
    device, console = pick_device(args.device), open_console()
    patches = partial(
        patches_of, size=SIZE, count=COUNT, seed=args.seed, say=partial(console.print, soft_wrap=True)
    )  # fmt: skip
    references, hr = patches(args.references, "references"), patches(args.hr, "hr", clean_at=scale)
    for what, found in (("references", references), ("hr", hr)):
        if len(found) < FEWEST:
            raise DegcraftError(f"--{what}: at least {FEWEST} patches are needed, but got {len(found)}")
    extractor = make_extractor("degnet", device=device)
    with console.status("degrading as it says"):
        generator = torch.Generator().manual_seed(args.seed)
        drawn = made_features(source, hr.pixels, extractor, scale=scale, generator=generator, device=device)
        had = image_features(references.pixels, extractor, device=device)
        told = two_sample_test(drawn, had, file_numbers(hr), file_numbers(references), seed=args.seed)
    table = Table(title=f"{args.file.name} against {args.references}", title_justify="left")
    for column in ("axis", f"your images ({HELD:.0%})", "what it draws", "of that, elsewhere"):
        table.add_column(column, justify="left" if column == "axis" else "right")
    axes = audited_axes(drawn, had, scale)
    for one in axes:
        table.add_row(one.name, _words(one.name, one.references), _words(one.name, one.drawn), f"{one.elsewhere:.0%}")
    console.print(table)
    worst = max(axes, key=lambda one: one.elsewhere)
    lines = [
        f"{worst.elsewhere:.0%} of what it draws has a {worst.name} that your images, mostly "
        f"{_words(worst.name, worst.references)}, do not ask for",
        f"a classifier tells {told.accuracy:.0%} of its images from yours (up to {told.chance:.0%} by chance)",
        *[f"not rendered here: {', '.join(unrendered)}"] * bool(unrendered),
    ]
    if told.differs and worst.elsewhere >= MISFIT:
        lines.append(
            "a block that fits: `degcraft weights` of the same folders, then `degcraft export crafted.json --for …`"
        )
    for line in lines:
        console.print(line, soft_wrap=True)
    return 0


def _words(axis: str, ends: tuple[float, float]) -> str:
    from degcraft.degradation import find_parameter

    return " to ".join(dict.fromkeys(find_parameter(axis).words(end) for end in ends))
