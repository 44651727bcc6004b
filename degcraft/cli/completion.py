"""`degcraft completion`: what a shell needs to complete commands, options and files."""

import argparse
from pathlib import Path

HELP = "print what bash, zsh or tcsh needs to complete degcraft's commands and options"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Prints a script for a shell, made by shtab of the commands themselves."
    parser.epilog = (
        "examples:\n"
        '  eval "$(degcraft completion bash)"        # in ~/.bashrc\n'
        "  degcraft completion zsh > ~/.zfunc/_degcraft     # a folder of $fpath"
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(args: argparse.Namespace) -> int:
    import shtab

    from degcraft.cli import build_parser, parsers_below

    parser = build_parser()
    for one in parsers_below(parser):
        for action in one._actions:
            what = action.metavar if isinstance(action.metavar, str) else ""
            if what == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.type is Path or any(word in what for word in ("FILE", "DIR", "IN", "MODEL", "SPEC")):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=args.shell), end="")
    return 0
