"""`degcraft upscale`: restore images with a network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import add_device, pick_device
from degcraft.cli._network import add_model, add_tile, load_model, overlap_of
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from torch import Tensor

HELP = "restore images or folders of them, of any size"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Restores images of any size, in tiles that are blended without seams. Names, sub-folders and transparency\n"
        "are kept; nothing is replaced without --overwrite. Files are written with 8 bits, JPEG and WebP with\n"
        "quality 95; --format png is lossless."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft upscale model.safetensors photo.jpg -o photo_x4.png\n"
        "  degcraft upscale model.safetensors photos more/scan.tif -o restored --format png\n"
        "  degcraft upscale models:/degcraft-sr@champion photos -o restored --tile 128"
    )
    add_model(parser)
    parser.add_argument("inputs", nargs="+", metavar="IN", help="image files and folders (or their URIs)")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="folder, or a file for a single image"
    )
    parser.add_argument("--format", choices=("png", "jpg", "webp", "tif"), help="what to write (as the image was)")
    add_tile(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from degcraft.images import read_image, write_image
    from degcraft.networks import upscale

    console = Console()
    tasks = _plan(args.inputs, args.output, args.format, args.overwrite)
    device = pick_device(args.device)
    network = load_model(args.model, device)
    skipped = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        images = bar.add_task("images", total=len(tasks))
        tiles = bar.add_task("tiles")
        for source, target in tasks:
            try:
                image = read_image(source)
                sr = upscale(
                    network.model, image.rgb, scale=network.scale, tile=args.tile, overlap=overlap_of(args.tile),
                    progress=lambda done, total: bar.update(tiles, completed=done, total=total),
                )  # fmt: skip
                write_image(target, sr, None if image.alpha is None else _enlarged(image.alpha, network.scale))
            except torch.OutOfMemoryError as error:
                raise DegcraftError(
                    f"{source}: {device} has not the memory for tiles of {args.tile} pixels; give a smaller --tile"
                ) from error
            except DegcraftError as error:
                # One bad file does not cost the others; it is named, and counted at the end.
                skipped.append(error)
                console.print(f"skipped {error}", highlight=False, soft_wrap=True)
            bar.advance(images)
    if len(skipped) == len(tasks):
        raise DegcraftError(f"none of {len(tasks)} images could be restored; the first: {skipped[0]}")
    done = len(tasks) - len(skipped)
    note = f"; {len(skipped)} skipped" if skipped else ""
    console.print(f"wrote {done} image{'s' * (done != 1)} to {args.output}{note}", highlight=False, soft_wrap=True)
    return 0


def _plan(inputs: list[str], output: Path, suffix: str | None, overwrite: bool) -> list[tuple[Path, Path]]:
    """Every image with the file it will become.

    Raises:
        DegcraftError: an input that is not there or holds no image, two images of one name, a file that is there
            already, or an output that cannot be.
    """
    from degcraft.images import IMAGE_SUFFIXES

    sources: list[tuple[Path, Path]] = []
    single = True
    for text in inputs:
        images, is_file = _images(text)
        sources += images
        single = single and is_file
    as_file = output.suffix.lower() in IMAGE_SUFFIXES and not output.is_dir()
    if as_file and not (single and len(sources) == 1):
        raise DegcraftError(f"{output}: must be a folder for more than one image, but is named as a file")
    if as_file and suffix is not None and output.suffix.lower().removeprefix(".") != suffix:
        raise DegcraftError(f"--format: must agree with the name {output.name}, but is {suffix}")
    if not as_file and output.exists() and not output.is_dir():
        raise DegcraftError(f"{output}: must be a folder or an image file's name, but is another file")

    becomes: dict[Path, Path] = {}
    for source, name in sources:
        target = output if as_file else output / (name.with_suffix(f".{suffix}") if suffix else name)
        if target in becomes:
            raise DegcraftError(f"{target}: would hold both {becomes[target]} and {source}; restore them apart")
        if target.exists() and target.samefile(source):
            raise DegcraftError(f"{target}: would replace the image that it is made from; choose another --output")
        if target.exists() and not overwrite:
            raise DegcraftError(f"{target}: is there already; add --overwrite to replace it")
        becomes[target] = source
    return [(source, target) for target, source in becomes.items()]


def _images(text: str) -> tuple[list[tuple[Path, Path]], bool]:
    """The images of one IN, each with its name below the output folder, and whether IN is a file."""
    from degcraft.images import IMAGE_SUFFIXES, is_uri, list_images, local_folder

    path = Path(text).expanduser()
    if not is_uri(text) and path.is_file():
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise DegcraftError(f"{path}: must be an image ({', '.join(sorted(IMAGE_SUFFIXES))})")
        return [(path, Path(path.name))], True
    folder = local_folder(text)
    found, _ = list_images(folder)
    if not found:
        raise DegcraftError(f"{text}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return [(image, image.relative_to(Path(folder).expanduser())) for image in found], False


def _enlarged(alpha: "Tensor", scale: int) -> "Tensor":
    """Transparency, bicubic: a network for photographs would invent texture in it."""
    from degcraft.images import bicubic_enlarge

    return bicubic_enlarge(alpha, scale) if scale > 1 else alpha
