"""The command line: one short file per command, each of which imports what it needs only when it runs.

A command is a module of this package with three names: `HELP` (one line), `add_arguments(parser)` and `run(args)`,
which returns the exit status. So `degcraft --help` and the pure-torch commands load neither ray nor mlflow.
"""

import argparse
import contextlib
import errno
import importlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence

from degcraft import __version__
from degcraft.errors import EXIT_BAD_INPUT, DegcraftError

COMMANDS = (
    "start",
    "demo",
    "search",
    "spec",
    "inspect",
    "select",
    "weights",
    "compare",
    "features",
    "pdm",
    "synthesize",
    "networks",
    "train",
    "evaluate",
    "upscale",
    "export",
    "audit",
    "champion",
    "serve",
    "reproduce",
    "completion",
)
"""Names of the commands, in the order in which `--help` lists them; `degcraft.cli.NAME` holds each."""

REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""What a system answers that lets a file not be written, or not be read: the disk is full, or it is not allowed."""

EXIT_INTERRUPTED = 130

EPILOG = """\
the usual way:
  degcraft demo                                     see the whole of it in five minutes, nothing to download
  degcraft start photos --hr clean                  look at my photos, and write the search that fits them
  degcraft weights --references photos --hr clean -o crafted.json --figure crafted.png
                                                    which degradations do my photos carry?
  degcraft spec > search.yaml                       a commented search to edit
  degcraft search search.yaml                       find, train and keep the best network
  degcraft upscale best/model.safetensors photos -o restored
  degcraft champion                                 which network is the best one so far, and going back
  degcraft serve --model best/model.safetensors     the same over HTTP, with a page to try it on

`degcraft COMMAND --help` teaches each command.
"""


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line, as everywhere in degcraft."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="degcraft",
        description="Finds the degradations (blur, noise, JPEG) that your low-resolution images carry, trains\n"
        "super-resolution on them, and searches for the network that restores your images best.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"degcraft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name in COMMANDS:
        module = importlib.import_module(f"degcraft.cli.{name}")
        command = commands.add_parser(name, help=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    parser.set_defaults(quiet=False, verbose=False)
    for one in parsers_below(parser):
        # Left out where it is not given, so that it may stand behind the command and behind its action, too.
        one.add_argument(
            "-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="print nothing but errors"
        )
        one.add_argument(
            "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="logs, and where an error came from"
        )
    return parser


def parsers_below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of all its commands and their actions."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers_below(below)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 2 bad input, 3 some files lost, 130 interrupted)."""
    # Pillow warns of odd metadata and of large photographs; what matters is refused by an error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 shows ? for what it has no letter for, and so does one for a name of other bytes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    args = build_parser().parse_args(arguments)
    if args.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        with _silence() if args.quiet else contextlib.nullcontext():
            status = int(args.run(args))
        sys.stdout.flush()  # a reader that went away is noticed here, not on the way out
        return status
    except DegcraftError as error:
        if args.verbose:
            traceback.print_exc()
        print(f"degcraft {args.command}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"degcraft {args.command}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `degcraft spec | head` closes our output early: that is not an error of ours.
        _forget_output()
        return 0
    except OSError as error:
        # tempfile has no name for what it cannot find: a folder with room for a temporary file.
        no_room = isinstance(error, FileNotFoundError) and error.filename is None
        if error.errno not in REFUSED and not no_room:
            raise
        _forget_output()
        place = error.filename or ("temporary files" if no_room else "the output")
        print(f"degcraft {args.command}: {place}: {error.strerror}", file=sys.stderr)
        return EXIT_BAD_INPUT


def _forget_output() -> None:
    """What cannot be written, as by `degcraft spec > file` on a full disk, must not be tried again on the way out."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What is printed goes nowhere; what goes to stderr is heard."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
