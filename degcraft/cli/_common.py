"""What several commands share: the device, the degradation space, small checks of what was typed."""

import argparse
import importlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.degradation import DegradationSpace
    from degcraft.results import Result

EXIT_SOME_LOST = 3
"""Exit status of a command that did its work on some of the files and could not on others."""

LOG_WIDTH = 140
"""Columns of a line that goes into a file or a pipe."""


def add_actions(parser: argparse.ArgumentParser, command: str, names: Sequence[str]) -> None:
    """The actions of a command, each a module `_COMMAND_NAME` of this package, with the three names of a command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    for name in names:
        module = importlib.import_module(f"degcraft.cli._{command}_{name}")
        action = actions.add_parser(name, help=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(action)
        action.set_defaults(act=module.run)


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", type=_device, default="auto", help="cpu, cuda, cuda:1 …; auto takes a GPU if there is one"
    )


def _device(text: str) -> str:
    """argparse type: a device of this machine. Nothing but torch is loaded to say that there is no such GPU."""
    try:
        return text if text in ("auto", "cpu") else pick_device(text)
    except DegcraftError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("device: ")) from None


AXES = (
    "blur_sigma, blur_ratio, blur_angle, defocus_radius, reduction, enlarged, noise_level, noise_signal, "
    "noise_common, noise_grain, sharpening, earlier_jpeg_quality, webp_quality, h264_quantiser, mpeg2_quantiser, "
    "jpeg_quality, jpeg_chroma"
)
"""Every axis there is, for help that must not load what knows them."""


def add_space(parser: argparse.ArgumentParser) -> None:
    """`--axis`, several times."""
    parser.add_argument(
        "--axis",
        action="append",
        metavar="NAME:LOW:HIGH:BINS[:none]",
        help="an axis of the degradation space, e.g. blur_sigma:0:3:6; repeat for others. With :none, images without "
        "it have a bin of their own; noise_level:0,2,5,10 names the edges of unequal bins, reduction:bicubic,area "
        f"choices. There are {AXES}. Without any: the paper's 75 bins",
    )


def parse_space(axes: Sequence[str] | None) -> "DegradationSpace":
    """The space that `--axis` describes.

    Raises:
        DegcraftError: Not of one of the forms, or not a valid axis.
    """
    from degcraft.degradation import PAPER_SPACE, Axis, DegradationSpace

    if not axes:
        return PAPER_SPACE
    try:
        return DegradationSpace(tuple(Axis.parse(text) for text in axes))
    except DegcraftError as error:
        raise DegcraftError(f"--axis: {error}") from None


def add_extractor_weights(parser: argparse.ArgumentParser) -> None:
    """`--extractor-weights`, several times."""
    parser.add_argument(
        "--extractor-weights",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="local file with an extractor's weights; repeat for others",
    )


def weights_files(texts: Sequence[str]) -> dict[str, Path]:
    """Extractor → file, of `--extractor-weights`.

    Raises:
        DegcraftError: Not of that form.
    """
    files = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise DegcraftError(f"--extractor-weights: must be NAME=FILE, but got {text!r}")
        files[name] = Path(file)
    return files


def add_clean(parser: argparse.ArgumentParser) -> None:
    """`--clean`."""
    parser.add_argument(
        "--clean",
        default="as-is",
        metavar="reduce:N",
        help="make the clean images N times smaller first, where they are soft at their own size (see inspect --hr)",
    )


def parse_clean(text: str) -> int:
    """The factor that `--clean` asks for.

    Raises:
        DegcraftError: Neither `as-is` nor `reduce:N`.
    """
    if text == "as-is":
        return 1
    word, _, number = text.partition(":")
    if word != "reduce" or not number.isdecimal() or not 1 <= int(number) <= 8:
        raise DegcraftError(f"--clean: must be as-is, or reduce:N with N from 1 to 8, but got {text!r}")
    return int(number)


def open_console(*, stderr: bool = False) -> "Console":
    """Where a command prints: as wide as the terminal, and in a log wide enough for its tables.

    What stands in brackets is text: it may be part of a file's name.
    """
    from rich.console import Console

    console = Console(stderr=stderr, markup=False, highlight=False)
    if not (console.is_terminal or "COLUMNS" in os.environ):
        console.width = LOG_WIDTH
    return console


def print_result(console: "Console", result: "Result") -> None:
    """A result's table and its sentences."""
    if (table := result.table()) is not None:
        console.print(table.terminal(table.columns[:1], "yellow"))
    for line in result.sentences():
        console.print(line, soft_wrap=True)


def positive(text: str) -> int:
    """argparse type: a whole number of 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, but got {text!r}")
    return value


def seed(text: str) -> int:
    """argparse type: a whole number from 0 to 2**63 - 1, as generators take it."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2**63 - 1, but got {text!r}")
    return value


def check_file_name(path: Path, suffix: str | None = None) -> None:
    """Raise DegcraftError if no file of this name can be written, before the work that is to fill it."""
    from degcraft.images.atomic import check_writable

    check_writable(path)
    if path.is_dir():
        raise DegcraftError(f"{path}: must be the name of a file, but is a folder")
    if suffix is not None and path.suffix.lower() != suffix:
        raise DegcraftError(f"{path}: the name must end in {suffix}")


def check_outputs(
    outputs: Iterable[tuple[Path | None, str | None]], *inputs: str | Path | None, beside: bool = True
) -> None:
    """Raise DegcraftError if a file to be written cannot be, or would replace what is read or written, too.

    Args:
        outputs: Each with the suffix that its name must have; None is not asked for.
        inputs: The files and folders that are read.
        beside: Whether what is no image may lie in a folder that is read.
    """
    from degcraft.images import IMAGE_SUFFIXES, is_uri, sides_of

    places = (Path(one).expanduser() for one in inputs if one is not None and not is_uri(one))
    taken = [Path(os.path.realpath(side)) for place in places for side in (sides_of(place) if beside else (place,))]
    for path, suffix in outputs:
        if path is None:
            continue
        check_file_name(path, suffix)
        place = Path(os.path.realpath(path))
        # Of a folder its images are read, and an image that is put there would be by the next run.
        kind = not beside or place.suffix.lower() in IMAGE_SUFFIXES
        is_read = kind and any(one in taken for one in place.parents)
        if is_read or place in taken:
            raise DegcraftError(f"{path}: must be a file of its own, but is read or written already")
        taken.append(place)


def check_folders(*locations: str) -> None:
    """Raise DegcraftError for what is neither a folder nor a video; what a URI names is asked for when it is read."""
    from degcraft.images import check_folder, is_uri, is_video

    for location in locations:
        if not (is_uri(location) or (is_video(location) and Path(location).expanduser().is_file())):
            check_folder(location)


def refuse_overwrite(path: Path, overwrite: bool) -> None:
    """Raise DegcraftError if a file or a folder with something in it is there and `--overwrite` is not."""
    if not overwrite and path.exists() and (path.is_file() or any(path.iterdir())):
        raise DegcraftError(f"{path}: is there already; add --overwrite to replace it")
