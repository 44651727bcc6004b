"""`degcraft weights`: which degradations do these images carry? A crafted distribution, as a file and a figure."""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import add_device, add_space, check_file_name, parse_space, pick_device, positive, seed
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from degcraft.degradation import CraftedDistribution
    from degcraft.images import Patches
    from degcraft.matching import BinDistances, Reliability

HELP = "find which degradations your images carry: a crafted training distribution"
SHOWN = 8
"""Bins in the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Cuts patches from the reference images, degrades crops of the clean images by every bin of the degradation\n"
        "space, and compares the two by the Fréchet distance of their features (eq. 3 of arXiv 2305.18107). Near bins\n"
        "get weight (eq. 4): the larger alpha, the fewer bins. Neither side is ever resized."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft weights --references photos --hr clean -o crafted.json --figure crafted.png\n"
        "  degcraft weights --references photos --hr clean --extractor squeezenet \\\n"
        "      --extractor-weights squeezenet1_1.safetensors --alpha 10 -o crafted.json\n"
        "  degcraft weights --references scans --hr clean --axis blur_sigma:0:3:6 --axis noise_level:0:20:4 -o c.json"
    )
    parser.add_argument("--references", required=True, metavar="DIR", help="your low-resolution images (folder or URI)")
    parser.add_argument("--hr", required=True, metavar="DIR", help="clean images of any content (folder or URI)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="crafted.json to write")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="weight map to draw (PNG)")
    parser.add_argument(
        "--extractor", default="degnet", metavar="NAME", help="features (degnet); see degcraft features list"
    )
    parser.add_argument("--layer", metavar="NAME", help="layer of the extractor (its default)")
    parser.add_argument("--extractor-weights", metavar="FILE", help="local file with the extractor's weights")
    parser.add_argument("--alpha", type=float, default=25.0, help="0 is uniform, large is the nearest bin (25)")
    parser.add_argument("--count", type=positive, default=100, metavar="N", help="patches to compare (100)")
    parser.add_argument("--size", type=positive, default=72, metavar="PIXELS", help="side of a reference patch (72)")
    parser.add_argument(
        "--evident", type=float, default=0.5, metavar="SHARE", help="share of patches kept, by structure (0.5)"
    )
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--seed", type=seed, default=0, help="of the patches and of what the bins draw (0)")
    add_space(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from degcraft.degradation import CraftedDistribution
    from degcraft.features import make_extractor
    from degcraft.matching import assess, craft_weights, measure_distances

    console = Console()
    started = time.perf_counter()
    # All that can be wrong is found before the images are read: a slip should not cost a minute.
    space = parse_space(args.axis)
    device = pick_device(args.device)
    _check_alpha(args.alpha)
    check_file_name(args.output)
    if args.figure is not None:
        check_file_name(args.figure, ".png")
    extractor = make_extractor(
        args.extractor, layer=args.layer, weights_file=args.extractor_weights, seed=args.seed, device=device
    )
    references = _patches(console, "references", args.references, args, on_jpeg_blocks=True)
    hr = _patches(console, "hr", args.hr, args, scale=args.scale)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"measuring {space.n_bins} bins with {extractor.name}", total=space.n_bins)
        measured = measure_distances(
            space, hr, references, extractor, scale=args.scale, seed=args.seed, device=device,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    with console.status("asking how far it can be relied on"):
        reliability = assess(space, hr, references, extractor, measured, alpha=args.alpha, device=device)
    crafted = CraftedDistribution(
        space=space,
        weights=craft_weights(measured.distances, args.alpha),
        distances=measured.distances,
        alpha=args.alpha,
        extractor=measured.extractor,
        n=measured.m,
        provenance={
            "layer": measured.layer,
            "extractor_identity": measured.extractor_identity,
            "hr_crops": measured.n,
            "seed": args.seed,
            "scale": args.scale,
            "evident": args.evident,
            "hr": measured.hr_hash,
            "references": measured.reference_hash,
            "intervals": {"low": measured.low.tolist(), "high": measured.high.tolist()},
            "reliability": reliability.to_dict(),
        },
    )
    crafted.save(args.output)
    console.print(_table(crafted, measured))
    console.print(
        f"effective bins: {crafted.effective_bins:.1f} of {space.n_bins}   features: {extractor.name}:{extractor.layer}"
        f"   {time.perf_counter() - started:.1f} s on {device}",
        highlight=False,
    )
    for line in _words(reliability):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(f"wrote {args.output}", highlight=False, soft_wrap=True)
    if args.figure is not None:
        from degcraft.figures import draw_weight_map

        title = f"{Path(args.references).name}: {extractor.name}, alpha {args.alpha:g}"
        draw_weight_map(space, crafted.weights, args.figure, title=title, distances=crafted.distances)
        console.print(f"wrote {args.figure}", highlight=False, soft_wrap=True)
    return 0


def _check_alpha(alpha: float) -> None:
    # Infinity has a meaning in eq. 4 but not in JSON.
    if not 0 <= alpha < math.inf:
        raise DegcraftError(f"--alpha: must be a number of at least 0, but got {alpha:g}")


def _patches(
    console: "Console",
    field: str,
    location: str,
    args: argparse.Namespace,
    *,
    on_jpeg_blocks: bool = False,
    scale: int = 1,
) -> "Patches":
    """Patches of one folder, with what was skipped said."""
    from degcraft.images import cut_evident, local_folder, scan_folder

    size = args.size * scale
    with console.status(f"reading {field}"):
        folder = scan_folder(local_folder(location), min_side=size)
        patches = cut_evident(
            folder.files,
            size=size,
            count=args.count,
            seed=args.seed,
            on_jpeg_blocks=on_jpeg_blocks,
            scale=scale,
            evident=args.evident,
        )
    console.print(
        f"{field}: {folder.summary()}; {len(patches)} patches of {size}x{size}", highlight=False, soft_wrap=True
    )
    return patches


def _words(reliability: "Reliability") -> Iterator[str]:
    """What there is to say against the weights, a line each."""
    if not reliability.warnings:
        yield "reliable as far as can be told: enough and varied references, and the space holds them"
    for warning in reliability.warnings:
        yield f"careful ({warning.code.replace('_', ' ')}): {warning.message}"


def _table(crafted: "CraftedDistribution", measured: "BinDistances") -> "Table":
    """The nearest bins, with the intervals of their distances, in units of the nearest: D itself has no scale."""
    from rich.table import Table

    table = Table(title="nearest bins", title_justify="left")
    names = [axis.name for axis in crafted.space.axes]
    for title in ("weight", *names, "relative distance (95 %)"):
        table.add_column(title, justify="right")
    unit = measured.distances.min() or 1.0
    for index in measured.distances.argsort()[:SHOWN]:
        bounds = crafted.space.bounds(int(index))
        table.add_row(
            f"{crafted.weights[index]:.3f}",
            *(f"{bounds[name][0]:g} to {bounds[name][1]:g}" for name in names),
            "{:.2f} ({:.2f} to {:.2f})".format(
                *(values[index] / unit for values in (measured.distances, measured.low, measured.high))
            ),
        )
    return table
