"""`degcraft pdm show`: what a learned degradation does, and whether it describes images better than a crafted one."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import add_device, check_folders, check_outputs, open_console, seed
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource

HELP = "its kernels and its noise, and how it compares with a crafted distribution"
COUNT, SIZE, KERNELS = 100, 72, 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Draws kernels and noise. With --references and --hr, clean crops are degraded by it and compared with your\n"
        "images: the Fréchet distance of degnet's features, and how often a classifier tells the two apart (the less,\n"
        "the better). --crafted puts a crafted distribution beside it."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="pdm.safetensors")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="kernels, noise by brightness, spectrum (PNG)")
    parser.add_argument("--references", metavar="DIR", help="your low-resolution images")
    parser.add_argument("--hr", metavar="DIR", help="clean images")
    parser.add_argument("--crafted", type=Path, metavar="FILE", help="crafted.json to compare with")
    parser.add_argument("--seed", type=seed, default=0, help="of everything that is drawn (0)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    import torch
    from rich.table import Table

    from degcraft.features import make_extractor
    from degcraft.images import patches_of
    from degcraft.learned import kernel_moments, load_learned
    from degcraft.matching import file_numbers, frechet_distance, image_features, made_features, two_sample_test
    from degcraft.sources import make_source

    console = open_console()
    check_outputs([(args.figure, ".png")], args.references, args.hr)
    if (args.references is None) != (args.hr is None):
        raise DegcraftError("--references and --hr: both are needed to compare with your images, but one is missing")
    if args.crafted is not None and args.references is None:
        raise DegcraftError("--crafted: needs --references and --hr to be compared by")
    if args.references is not None:
        check_folders(args.references, args.hr)
    source, device = load_learned(args.file), pick_device(args.device)
    generator = torch.Generator().manual_seed(args.seed)
    model = source.model
    with torch.no_grad():
        kernels = model.draw_kernels(model.latents(KERNELS, (1, 1), generator)[0])
    moments = kernel_moments(kernels[:, :, 0, 0])
    console.print(
        f"x{model.scale}, noise {model.knobs['noise']}; kernels: sigma {moments['wide'].mean():.2f} px along, "
        f"{moments['narrow'].mean():.2f} px across (standard deviation over draws {moments['wide'].std():.2f} and "
        f"{moments['narrow'].std():.2f}), in pixels of the clean image",
        soft_wrap=True,
    )
    if args.figure is not None:
        from degcraft.figures.learned import draw_learned

        draw_learned(model, args.figure, seed=args.seed)
        console.print(f"wrote {args.figure}", soft_wrap=True)
    if args.references is None:
        return 0
    scale, extractor = model.scale, make_extractor("degnet", device=device)
    with console.status("comparing"):
        patches = partial(
            patches_of, size=SIZE, count=COUNT, seed=args.seed, say=partial(console.print, soft_wrap=True)
        )
        lr, hr = patches(args.references, "references"), patches(args.hr, "hr", clean_at=scale)
        target = image_features(lr.pixels, extractor, device=device)
        sources: dict[str, DegradationSource] = {args.file.name: source}
        if args.crafted is not None:
            sources[args.crafted.name] = make_source(str(args.crafted), scale=scale)
        table = Table("degraded by", "Fréchet distance", "told apart (chance)", title=f"against {args.references}")
        for name, one in sources.items():
            generator.manual_seed(args.seed)
            features = made_features(one, hr.pixels, extractor, scale=scale, generator=generator, device=device)
            told = two_sample_test(features, target, file_numbers(hr), file_numbers(lr), seed=args.seed)
            distance = frechet_distance(features, target)
            table.add_row(name, f"{distance:.3f}", f"{told.accuracy:.0%} ({told.chance:.0%})")
    console.print(table)
    return 0
