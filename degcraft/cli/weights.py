"""`degcraft weights`: which degradations do these images carry? A crafted distribution, as a file and a figure."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import (
    add_clean,
    add_device,
    add_space,
    check_file_name,
    parse_clean,
    parse_space,
    positive,
    seed,
)
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from degcraft.degradation import CraftedDistribution, DegradationSpace
    from degcraft.images import Patches

HELP = "find which degradations your images carry: a crafted training distribution"
WEIGHTINGS_HELP = (
    "confusion:width=0.3 (the default: what the features confuse undone; width 0 is the best fit, 30 nearly uniform), "
    "eq4:alpha=25 (the paper's), mixture:width=0 (least Fréchet distance of the mixture), mmd:width=0 (least energy "
    "distance), em:width=0 (expectation and maximisation), "
    "estimates:quantile=0.25 (each image's own estimate, on its mild side), blocks:whole=0.05 (blocks of bins, divided "
    "where the references ask for it; the default where bins are too many to be measured one by one)"
)
SHOWN = 8
"""Bins in the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Cuts patches from the reference images, degrades crops of the clean images by every bin of the degradation\n"
        "space, and finds the mixture of bins whose features match. --weighting eq4 gives the paper's weights instead\n"
        "(eq. 3 and 4 of arXiv 2305.18107). What was measured is kept: another weighting of it takes a second."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft weights --references photos --hr clean -o crafted.json --figure crafted.png\n"
        "  degcraft weights --references photos --hr clean --extractor squeezenet \\\n"
        "      --extractor-weights squeezenet1_1.safetensors --weighting eq4:alpha=10 -o crafted.json\n"
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
    parser.add_argument("--weighting", metavar="NAME[:KNOB=X]", help=f"how weights are found: {WEIGHTINGS_HELP}")
    parser.add_argument("--alpha", type=float, metavar="A", help="short for --weighting eq4:alpha=A")
    parser.add_argument("--count", type=positive, default=100, metavar="N", help="patches to compare (100)")
    parser.add_argument("--size", type=positive, default=72, metavar="PIXELS", help="side of a reference patch (72)")
    parser.add_argument(
        "--evident", type=float, default=0.5, metavar="SHARE", help="share of patches kept, by structure (0.5)"
    )
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--seed", type=seed, default=0, help="of the patches and of what the bins draw (0)")
    add_clean(parser)
    add_space(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from degcraft.cache import cache_folder
    from degcraft.features import make_extractor
    from degcraft.matching import assess, crafted_features, make_weighting, measure, scenes, weighting_words
    from degcraft.matching.crafting import DRAWS, crafted_by

    console = Console()
    started = time.perf_counter()
    # All that can be wrong is found before the images are read: a slip should not cost a minute.
    space = parse_space(args.axis)
    device = pick_device(args.device)
    weighting, reduce = _weighting(args, space), parse_clean(args.clean)
    check_file_name(args.output)
    if args.figure is not None:
        check_file_name(args.figure, ".png")
    extractor = make_extractor(
        args.extractor, layer=args.layer, weights_file=args.extractor_weights, seed=args.seed, device=device
    )
    references = _patches(console, "references", args.references, args, on_jpeg_blocks=True)
    hr = _patches(console, "hr", args.hr, args, scale=args.scale, reduce=reduce)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"measuring {space.n_bins:,} bins with {extractor.name}", total=space.groups)
        measured = measure(
            space, hr, references, extractor, scale=args.scale, seed=args.seed, device=device,
            cache=cache_folder("measurements"), progress=_telling(console, bar, task),
        )  # fmt: skip
    with console.status("asking how far it can be relied on"):
        method = make_weighting(measured, weighting)
        by_chance = method.draws(DRAWS, args.seed, widened=False)
        crafted = crafted_by(method, measured, weighting, draws=method.draws(DRAWS, args.seed))
        reliability = assess(
            measured, method, draws=by_chance, files=references.names(), scenes=scenes(references.files),
            crafted=crafted_features(crafted, measured, hr, extractor, device=device),
        )  # fmt: skip
    crafted.provenance.update(evident=args.evident, reliability=reliability.to_dict(), misfit=method.misfit())
    crafted.save(args.output)
    console.print(_table(crafted))
    console.print(
        f"effective bins: {crafted.effective_bins:.1f} of {space.n_bins:,}"
        f"   features: {extractor.name}:{extractor.layer}   weighting: {weighting_words(weighting)}"
        f"   {time.perf_counter() - started:.1f} s on {device}",
        highlight=False,
    )
    for line in reliability.sentences():
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(f"wrote {args.output}", highlight=False, soft_wrap=True)
    if args.figure is not None:
        from degcraft.figures import draw_crafted

        draw_crafted(
            crafted, args.figure, title=f"{Path(args.references).name}: {extractor.name}, {weighting_words(weighting)}"
        )
        console.print(f"wrote {args.figure}", highlight=False, soft_wrap=True)
    return 0


def _weighting(args: argparse.Namespace, space: "DegradationSpace") -> dict[str, Any]:
    """What --weighting and --alpha ask for of a space, whole."""
    from degcraft.matching.weightings import check_space, checked_weighting, default_weighting

    asked = args.weighting or ("eq4" if args.alpha is not None else default_weighting(space))
    name, _, rest = asked.partition(":")
    given: dict[str, Any] = {"name": name}
    for part in filter(None, rest.split(",")):
        key, _, text = part.partition("=")
        try:
            given[key] = float(text)
        except ValueError:
            raise DegcraftError(f"--weighting: {key} of {name} must be a number, but got {text!r}") from None
    if args.alpha is not None:
        if asked != "eq4":
            raise DegcraftError(f"--alpha: belongs to --weighting eq4, but got --weighting {args.weighting}")
        given["alpha"] = args.alpha
    whole = checked_weighting(given)
    check_space(whole["name"], space)
    return whole


def _telling(console: "Console", bar: "Progress", task: "TaskID") -> Callable[[int, int], None]:
    """A bar on a terminal; elsewhere a line after every tenth of the work."""

    def tell(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if not console.is_terminal and (done * 10) // total > ((done - 1) * 10) // total:
            console.print(f"measured {done} of {total} bins", highlight=False)

    return tell


def _patches(
    console: "Console",
    field: str,
    location: str,
    args: argparse.Namespace,
    *,
    on_jpeg_blocks: bool = False,
    scale: int = 1,
    reduce: int = 1,
) -> "Patches":
    """Patches of one folder, with what was skipped said."""
    from degcraft.cache import cache_folder
    from degcraft.images import cut_evident, local_folder, reduced_files, scan_folder

    size = args.size * scale
    with console.status(f"reading {field}"):
        folder = scan_folder(local_folder(location), min_side=size * reduce)
        patches = cut_evident(
            reduced_files(folder.files, reduce, cache_folder("reduced")),
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


def _table(crafted: "CraftedDistribution") -> "Table":
    """The heaviest bins or blocks, with the intervals of their weights; distances in units of the nearest: D has no
    scale.
    """
    from rich.table import Table

    assert crafted.low is not None
    assert crafted.high is not None
    axes, far = crafted.space.axes, crafted.distances
    what = "bins" if crafted.blocks is None else "blocks"
    table = Table(title=f"heaviest {what}", title_justify="left")
    of = [axis.name for axis in axes] if crafted.blocks is None else ["block"]
    for title in ("weight", "95 %", *of, *(["distance"] if far is not None else [])):
        table.add_column(title, justify="left" if title == "block" else "right")
    for index in (-crafted.weights).argsort(kind="stable")[:SHOWN]:
        cells = crafted.parts.cells[index, :, 0]
        words = [axis.words(int(cell)) for axis, cell in zip(axes, cells, strict=True)]
        table.add_row(
            f"{crafted.weights[index]:.3f}",
            f"{crafted.low[index]:.2f}–{crafted.high[index]:.2f}",
            *(words if crafted.blocks is None else [crafted.parts.words(int(index))]),
            *([] if far is None else [f"{far[index] / (far.min() or 1.0):.2f}"]),
        )
    return table
