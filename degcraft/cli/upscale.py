"""`degcraft upscale`: restore images with a network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import EXIT_SOME_LOST, add_device, open_console
from degcraft.cli._network import add_model, add_tile, check_model, load_model, memory_for_tiles
from degcraft.cli._progress import counting
from degcraft.cli._upscale_video import add_video, run_video
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable

if TYPE_CHECKING:
    from degcraft.images import Input

HELP = "restore images, folders of them, or a video, of any size"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Restores images of any size, in tiles that are blended without seams. Names, sub-folders, transparency,\n"
        "colour profile and metadata are kept, grey stays grey, 16 bits stay 16 in PNG and TIFF; what cannot be\n"
        "written (GIF, HEIC, AVIF) becomes PNG. JPEG and WebP have quality 95; --format png is lossless. Nothing is\n"
        "replaced without --overwrite. The exit status is 3 where some of the images could not be restored.\n"
        "\n"
        "A video is restored frame by frame, with its sound copied and its times, rotation, colours, 10 bits and\n"
        "shape of pixels kept; interlaced frames are made whole. 50 frames at a time go to OUT.parts: after a kill\n"
        "the same command goes on from there. Subtitles are not copied. The status is 3 where it was damaged."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft upscale model.safetensors photo.jpg -o photo_x4.png\n"
        "  degcraft upscale model.safetensors photos more/scan.tif -o restored --format png\n"
        "  degcraft upscale models:/degcraft-sr@champion photos -o restored --tile 128\n"
        "  degcraft upscale model.safetensors photos -o restored --skip-existing     # what an earlier run left over\n"
        "  degcraft upscale model.safetensors film.mp4 -o film_x4.mp4 --codec hevc --crf 18"
    )
    add_model(parser)
    parser.add_argument("inputs", nargs="+", metavar="IN", help="images and folders (or their URIs), or a video")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="folder, or a file for a single image or video"
    )
    parser.add_argument("--format", choices=("png", "jpg", "webp", "tif"), help="what to write (as the image was)")
    add_video(parser)
    add_tile(parser)
    there = parser.add_mutually_exclusive_group()
    there.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    there.add_argument("--skip-existing", action="store_true", help="leave files alone that are there already")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.images import images_of, is_video
    from degcraft.images.video_writing import VideoFormat

    into = VideoFormat(args.codec, args.crf)
    if any(map(is_video, args.inputs)):
        return run_video(args, into)
    console = open_console()
    check_model(args.model)
    check_writable(args.output)
    inputs = [images_of(text) for text in args.inputs]
    notes = "".join(f"; {clause}" for one in inputs for clause in one.left_out)
    tasks = _plan(inputs, args.output, args.format, args.overwrite or args.skip_existing)
    if args.skip_existing:
        left = [(source, target) for source, target in tasks if not target.exists()]
        console.print(f"{len(tasks) - len(left)} of {len(tasks)} images are there already{notes}", soft_wrap=True)
        tasks = left
        if not tasks:
            return 0

    device = pick_device(args.device)
    network = load_model(args.model, device)
    skipped: list[DegcraftError] = []
    with counting(console, "restored", unit="images") as progress:
        for number, (source, target) in enumerate(tasks):

            def tiles(done: int, total: int, before: int = number) -> None:
                progress(before + done / total, len(tasks))

            # What a device has no memory for it has none for in the next image: that ends the command.
            with memory_for_tiles(source, args.tile, device):
                try:
                    network(source, tile=args.tile, into=target, progress=tiles).save(target)
                except DegcraftError as error:
                    # One bad file does not cost the others; it is named, and counted at the end.
                    skipped.append(error)
                    console.print(f"skipped {error}", soft_wrap=True)
    if len(skipped) == len(tasks):
        raise DegcraftError(f"none of {len(tasks)} images could be restored; the first: {skipped[0]}")
    done = len(tasks) - len(skipped)
    lost = f"; {len(skipped)} skipped" if skipped else ""
    console.print(f"wrote {done} image{'s' * (done != 1)} to {args.output}{lost}{notes}", soft_wrap=True)
    return EXIT_SOME_LOST if skipped else 0


def _plan(inputs: "list[Input]", output: Path, suffix: str | None, overwrite: bool) -> list[tuple[Path, Path]]:
    """Every image with the file it will become.

    Raises:
        DegcraftError: two images of one name, a file that is there already, or an output that cannot be.
    """
    from degcraft.images import BY_SUFFIX, IMAGE_SUFFIXES

    sources = [(image, image.relative_to(one.root)) for one in inputs for image in one.images]
    single = all(one.is_file for one in inputs)
    as_file = output.suffix.lower() in IMAGE_SUFFIXES and not output.is_dir()
    if as_file and output.suffix.lower() not in BY_SUFFIX:
        raise DegcraftError(f"{output}: must end in one of {', '.join(BY_SUFFIX)}; others are read, but not written")
    if as_file and not (single and len(sources) == 1):
        raise DegcraftError(f"{output}: must be a folder for more than one image, but is named as a file")
    if as_file and suffix is not None and output.suffix.lower().removeprefix(".") != suffix:
        raise DegcraftError(f"--format: must agree with the name {output.name}, but is {suffix}")
    if not as_file and output.exists() and not output.is_dir():
        raise DegcraftError(f"{output}: must be a folder or an image file's name, but is another file")

    becomes: dict[Path, Path] = {}
    for source, name in sources:
        ending = f".{suffix}" if suffix else name.suffix if name.suffix.lower() in BY_SUFFIX else ".png"
        target = output if as_file else output / name.with_suffix(ending)
        if target in becomes:
            raise DegcraftError(f"{target}: would hold both {becomes[target]} and {source}; restore them apart")
        if target.exists() and target.samefile(source):
            raise DegcraftError(f"{target}: would replace the image that it is made from; choose another --output")
        if target.exists() and not overwrite:
            raise DegcraftError(f"{target}: is there already; add --overwrite to replace it")
        becomes[target] = source
    return [(source, target) for target, source in becomes.items()]
