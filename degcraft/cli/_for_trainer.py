"""`degcraft export --for`: a crafted distribution in another trainer's words."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import check_file_name, check_folders, open_console, positive, refuse_overwrite
from degcraft.errors import DegcraftError
from degcraft.trainers import TRAINERS

if TYPE_CHECKING:
    from degcraft.degradation import CraftedDistribution
    from degcraft.trainers import Said

SIZE, COUNT, IMAGES = 72, 200, 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a crafted distribution for another trainer")
    group.add_argument("--for", dest="trainer", choices=TRAINERS, help="whose degradation block to write")
    group.add_argument("--scale", type=int, choices=(1, 2, 3, 4), help="magnification (that of the distribution)")
    group.add_argument("--images", type=positive, metavar="N", help="wtp: how many its files make together (1000)")
    group.add_argument(
        "--hr", metavar="DIR", help="clean photographs, to tell how far what is said differs in pictures"
    )


def run(args: argparse.Namespace) -> int:
    if args.hr is not None:
        check_folders(args.hr)

    from degcraft import __version__
    from degcraft.degradation import CraftedDistribution
    from degcraft.images.atomic import check_writable, written_whole
    from degcraft.matching.distribution_distance import compare_distributions
    from degcraft.trainers import said, shortened, written_blocks

    trainer, console = TRAINERS[args.trainer], open_console()
    crafted = CraftedDistribution.load(Path(args.model))
    scale = args.scale or crafted.scale or 4
    found = said(crafted, trainer)
    several = len(found.parts) > 1
    if not several:
        check_file_name(args.output, trainer.suffix)
    elif args.output.suffix:
        raise DegcraftError(
            f"-o: {trainer.name} takes {len(found.parts)} files, so it must be a folder, but got {args.output}"
        )
    check_writable(args.output)
    refuse_overwrite(args.output, args.overwrite)
    apart = compare_distributions(crafted, found.boxes)
    words = [f"degradations of {Path(args.model).name} for {trainer.name}, by degcraft {__version__}"]
    words += [f"cannot be said: {name}" for name in found.unsaid]
    if several:
        words.append(f"{len(found.parts)} files hold {found.kept:.1%} of the weight, each for `size` images")
    elif len(found.parts[0][1].items) > 1:
        words.append("axes are drawn independently of each other, each evenly")
    words += [*shortened(found, trainer), *trainer.otherwise]
    words.append(
        f"of its degradations {apart.total_variation:.0%} would have to be others (total variation), by "
        f"{apart.wasserstein:.2f} bin widths on average"
    )
    if args.hr is not None:
        with console.status("telling the pictures apart"):
            words.append(_pictures(crafted, found, args.hr, scale, partial(console.print, soft_wrap=True)))
    texts = written_blocks(found, trainer, scale, args.images or IMAGES, words)
    width = len(str(len(texts)))
    files = [args.output / f"{place:0{width}}{trainer.suffix}" for place in range(1, len(texts) + 1)]
    for file, text in zip(files if several else [args.output], texts, strict=True):
        with written_whole(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if several:
        # Of an earlier, larger set: its weight would be drawn, too.
        for left in args.output.glob(f"*{trainer.suffix}"):
            if left.stem.isdecimal() and left not in files:
                left.unlink()
    what = f"{len(texts)} files in {args.output}" if several else str(args.output)
    for line in (*words[1:], f"wrote {what}"):
        console.print(line, soft_wrap=True)
    return 0


def _pictures(crafted: "CraftedDistribution", found: "Said", hr: str, scale: int, say: Callable[[str], None]) -> str:
    """How well clean crops that are degraded by either are told apart."""
    import torch

    from degcraft.features import make_extractor
    from degcraft.images import patches_of
    from degcraft.matching import file_numbers, made_features, two_sample_test

    crops = patches_of(hr, "hr", size=SIZE, count=COUNT, seed=0, clean_at=scale, say=say)
    extractor, files = make_extractor("degnet", device="cpu"), file_numbers(crops)
    # Each side has its own photographs, or the test would see the same ones twice.
    sides = [(files % 2 == side).nonzero()[0] for side in (0, 1)]
    features = [
        made_features(source, crops.pixels[mine], extractor, scale=scale, generator=torch.Generator().manual_seed(0))
        for source, mine in zip((crafted.source(), found), sides, strict=True)
    ]
    told = two_sample_test(features[0], features[1], *(files[mine] for mine in sides), seed=0)
    return f"a classifier tells {told.accuracy:.0%} of the pictures apart, of alike ones up to {told.chance:.0%}"
