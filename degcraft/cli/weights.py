"""`degcraft weights`: which degradations do these images carry? A crafted distribution, as a file and a figure."""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import (
    add_clean,
    add_device,
    add_space,
    check_folders,
    check_outputs,
    open_console,
    parse_clean,
    parse_space,
    positive,
    print_result,
    seed,
)
from degcraft.cli._progress import counting
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.knobs import parse_named

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSpace

HELP = "find which degradations your images carry: a crafted training distribution"
WEIGHTINGS_HELP = (
    "confusion:width=0.3 (the default: what the features confuse undone; width 0 is the best fit, 30 nearly uniform), "
    "eq4:alpha=25 (the paper's), mixture:width=0 (least Fréchet distance of the mixture), mmd:width=0 (least energy "
    "distance), em:width=0 (expectation and maximisation), "
    "estimates:quantile=0.25 (each image's own estimate, on its mild side), blocks:whole=0.05 (blocks of bins, divided "
    "where the references ask for it; the default where bins are too many to be measured one by one)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Cuts patches from the reference images, degrades crops of the clean images by every bin of the degradation\n"
        "space, and finds the mixture of bins whose features match. --weighting eq4 gives the paper's weights instead\n"
        "(eq. 3 and 4 of arXiv 2305.18107). What was measured is kept: another weighting of it takes seconds.\n"
        "`degcraft inspect` suggests a space that holds the references. Effective bins are as many as, equally heavy,\n"
        "would be as spread out as the weights are; a distance is shown in units of the nearest bin's."
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
        "--structured", type=float, default=0.5, metavar="SHARE", help="share of patches kept, by structure (0.5)"
    )
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--seed", type=seed, default=0, help="of the patches and of what the bins draw (0)")
    add_clean(parser)
    add_space(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.features import find_layer

    console = open_console()
    started = time.perf_counter()
    # All that can be wrong is found before torch is loaded and the images are read: a slip should not cost a minute.
    space = parse_space(args.axis)
    weighting, reduce = _weighting(args, space), parse_clean(args.clean)
    outputs = ((args.output, None), (args.figure, ".png"))
    check_outputs(outputs, args.references, args.hr, args.extractor_weights)
    find_layer(args.extractor, args.layer)
    check_folders(args.references, args.hr)

    from degcraft.matching.from_folders import craft

    with counting(console, f"measuring with {args.extractor}", unit="bins") as progress:
        crafted = craft(
            args.references, args.hr, weighting=weighting, space=space, extractor=args.extractor, layer=args.layer,
            extractor_weights=args.extractor_weights, count=args.count, size=args.size, structured=args.structured,
            scale=args.scale, reduce=reduce, seed=args.seed, device=args.device,
            say=partial(console.print, soft_wrap=True), progress=progress,
        )  # fmt: skip
    crafted.save(args.output)
    print_result(console, crafted)
    seconds = time.perf_counter() - started
    console.print(f"{seconds:.1f} s on {pick_device(args.device)}; wrote {args.output}", soft_wrap=True)
    if args.figure is not None:
        crafted.draw(args.figure, title=f"{Path(args.references).name}: {crafted.described()}")
        console.print(f"wrote {args.figure}", soft_wrap=True)
    return 0


def _weighting(args: argparse.Namespace, space: "DegradationSpace") -> dict[str, Any]:
    """What --weighting and --alpha ask for of a space, whole."""
    from degcraft.matching.weightings import check_space, checked_weighting, default_weighting

    asked = args.weighting or ("eq4" if args.alpha is not None else default_weighting(space))
    try:
        name, knobs = parse_named(asked, "eq4:alpha=25")
    except DegcraftError as error:
        raise DegcraftError(f"--weighting: {error}") from None
    if args.alpha is not None:
        if asked != "eq4":
            raise DegcraftError(f"--alpha: belongs to --weighting eq4, but got --weighting {args.weighting}")
        knobs["alpha"] = args.alpha
    whole = checked_weighting({"name": name, **knobs})
    check_space(name, space)
    return whole
