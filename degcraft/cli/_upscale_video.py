"""`degcraft upscale` of a video: the options that only a video has, and what is said of it."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.cli._common import EXIT_SOME_LOST, open_console
from degcraft.cli._network import load_model, memory_for_tiles
from degcraft.cli._progress import counting
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable

if TYPE_CHECKING:
    from degcraft.images.video_writing import VideoFormat

CODECS = ("h264", "hevc", "ffv1")
"""Names of `degcraft.images.video_writing.VIDEO_CODECS`, for help that must not load FFmpeg."""


def add_video(parser: argparse.ArgumentParser) -> None:
    """`--codec` and `--crf`."""
    parser.add_argument("--codec", choices=CODECS, default="h264", help="of a video (h264); ffv1 loses nothing")
    parser.add_argument(
        "--crf", type=int, default=16, metavar="N", help="of a video, 0 to 51: less is better, and larger (16)"
    )


def run_video(args: argparse.Namespace, into: "VideoFormat") -> int:
    """Restore the one video that was given."""
    from degcraft.networks.loaded import overlap_of
    from degcraft.networks.video import upscale_video

    source, target = Path(args.inputs[0]).expanduser(), _target(args)
    check_writable(target)
    console = open_console()
    if args.skip_existing and target.exists():
        console.print(f"{target} is there already", soft_wrap=True)
        return 0
    device = pick_device(args.device)
    network = load_model(args.model, device)
    started = time.monotonic()
    with counting(console, "restored", unit="frames") as progress, memory_for_tiles(source, args.tile, device):
        try:
            done = upscale_video(
                network.model, source, target, scale=network.scale, into=into, tile=args.tile,
                overlap=overlap_of(args.tile), overwrite=args.overwrite, progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            console.print(f"kept in {target}.parts; the same command goes on", soft_wrap=True)
            raise
    resumed = f", {done.resumed} of them by an earlier run" * bool(done.resumed)
    whole = "; fields were joined to frames" * done.interlaced
    seconds = time.monotonic() - started
    console.print(f"wrote {target}: {done.frames} frames{resumed}{whole}; {seconds:.0f} s on {device}", soft_wrap=True)
    for part in done.anew:
        console.print(f"{part}: was damaged or not finished; restored anew", soft_wrap=True)
    for clause in done.damage:
        console.print(f"careful: of {source} {clause}", soft_wrap=True)
    return EXIT_SOME_LOST if done.damage else 0


def _target(args: argparse.Namespace) -> Path:
    """The file that the video becomes."""
    from degcraft.images import VIDEO_SUFFIXES

    if len(args.inputs) > 1:
        raise DegcraftError(f"{args.inputs[0]}: a video is restored by itself, but there are {len(args.inputs)} inputs")
    if args.format is not None:
        raise DegcraftError(f"--format: is of images; a video's kind is its name's ({args.output})")
    if args.output.suffix.lower() in VIDEO_SUFFIXES and not args.output.is_dir():
        return Path(args.output)
    return Path(args.output) / Path(args.inputs[0]).name
