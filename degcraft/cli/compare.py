"""`degcraft compare`: how far apart are two distributions of degradations?"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import check_outputs
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from degcraft.degradation import Box, CraftedDistribution

HELP = "how far apart two crafted distributions are, or one and a known setting"
FORMAT = "degcraft-comparison-of-distributions/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Three distances of the parameters that two distributions draw; their spaces may differ. Total variation is\n"
        "the share of images that would have to be degraded otherwise, the Wasserstein distance how far they would\n"
        "have to move (between middles of cells, so it may be off), the Fréchet distance that of their means and\n"
        "covariances. An axis alone is exact, in its own unit. A bin width is 1 of blur sigma, 10 of noise level, 20\n"
        "of JPEG quality; no compression counts as a quality of 110."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft compare crafted.json other.json --figure apart.png\n"
        "  degcraft compare crafted.json --setting 3            how far from a truth that is known\n"
        "  degcraft compare crafted.json --uniform"
    )
    parser.add_argument("first", type=Path, metavar="A", help="crafted.json of `degcraft weights` or of a search")
    parser.add_argument("second", nargs="?", type=Path, metavar="B", help="another one")
    parser.add_argument("--setting", type=int, metavar="N", help="instead of B: a test setting of the paper, 1 to 4")
    parser.add_argument("--uniform", action="store_true", help="instead of B: A's space, every bin alike")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="both, axis by axis (PNG)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the distances, for other programs")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from degcraft.degradation import CraftedDistribution, find_parameter
    from degcraft.images.atomic import written_whole
    from degcraft.matching.distribution_distance import Boxes, compare_distributions

    check_outputs(((args.figure, ".png"), (args.json, None)), args.first, args.second)
    first = CraftedDistribution.load(args.first)
    own, (name, second) = args.first.name, _second(args, first)
    found = compare_distributions(first, second)
    console = Console()
    table = Table(title=escape(f"{own} and {name}"), title_justify="left")
    table.add_column("distance")
    table.add_column("", justify="right")
    table.add_column("unit")
    table.add_row("total variation", f"{found.total_variation:.3f}", "share of images")
    off = f", off by {found.wasserstein_error:.2f} at most" if found.wasserstein_error >= 0.005 else ""
    table.add_row("Wasserstein", f"{found.wasserstein:.3f}", f"bin widths{off}")
    table.add_row("Fréchet, of the moments", f"{found.frechet:.3f}", "bin widths")
    for axis, distance in found.axes.items():
        table.add_row(f"{axis} alone", f"{distance:.3g}", find_parameter(axis).unit)
    console.print(table)
    for axis in found.axes:
        for label, one in ((own, first), (name, second)):
            if axis not in Boxes.of(one).sides:
                console.print(f"{label} has no {axis}: it counts as not applied", highlight=False, markup=False)
    scales = [one.scale for one in (first, second) if isinstance(one, CraftedDistribution) and one.scale is not None]
    if len(set(scales)) > 1:
        said = f"{own} was found for x{scales[0]} and {name} for x{scales[1]}: their blur is counted in other pixels"
        console.print(said, highlight=False, markup=False, soft_wrap=True)
    if found.total_variation > 1e-9:
        console.print(f"they differ most in {found.farthest}", highlight=False)
    if args.json is not None:
        content = {"format": FORMAT, "first": str(args.first), "second": name, **found.to_dict()}
        with written_whole(args.json) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        console.print(f"wrote {args.json}", highlight=False, markup=False, soft_wrap=True)
    if args.figure is not None:
        from degcraft.figures.marginals import draw_marginals

        axes = list(found.axes)
        drawn = {label: Boxes.of(one).with_axes(axes) for label, one in ((own, first), (name, second))}
        draw_marginals(drawn, args.figure, title=f"total variation {found.total_variation:.2f}")
        console.print(f"wrote {args.figure}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _second(args: argparse.Namespace, first: "CraftedDistribution") -> "tuple[str, CraftedDistribution | Box]":
    """What to compare with, and what it is called."""
    from degcraft.degradation import TEST_SETTINGS, CraftedDistribution

    given = [args.second is not None, args.setting is not None, args.uniform]
    if sum(given) != 1:
        raise DegcraftError(f"exactly one of B, --setting and --uniform must be given, but got {sum(given)} of them")
    if args.second is not None:
        label = args.second.name if args.second.name != args.first.name else f"{args.second} (B)"
        return label, CraftedDistribution.load(args.second)
    if args.uniform:
        return "uniform", CraftedDistribution.uniform(first.space)
    if args.setting not in TEST_SETTINGS:
        raise DegcraftError(f"--setting: must be one of {', '.join(map(str, TEST_SETTINGS))}, but got {args.setting}")
    return f"setting {args.setting}", TEST_SETTINGS[args.setting]
