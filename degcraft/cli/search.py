"""`degcraft search`: run or resume a search, from a specification file."""

import argparse
from pathlib import Path

from degcraft.cli._common import open_console

HELP = "search for the network that restores your images best (Ray Tune, Optuna, MLflow)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measures which degradations the reference images carry, trains a network on each crafted distribution that\n"
        "Optuna proposes, scores them all on the same held-out images, and keeps the best.\n"
        "Everything is written into the specification's `output` folder: best/ (model.safetensors, crafted.json),\n"
        "trials.csv, summary.json, scores.png, and the MLflow store unless a server is named."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft spec > search.yaml                # then edit `references`, `hr` and `output`\n"
        "  degcraft search search.yaml\n"
        "  degcraft search search.yaml --resume       # after Ctrl-C, a crash or a power cut\n"
        "  degcraft search search.yaml --address auto # on the Ray cluster that this machine belongs to\n"
        "  ray job submit --working-dir . -- degcraft search search.yaml"
    )
    parser.add_argument("spec", metavar="SPEC", help="specification file (YAML); `degcraft spec` prints an example")
    parser.add_argument("--resume", action="store_true", help="go on with the search in the output folder")
    parser.add_argument(
        "--address",
        help="Ray cluster: auto, HOST:PORT or ray://HOST:PORT; $RAY_ADDRESS or an embedded Ray if left out",
    )


def run(args: argparse.Namespace) -> int:
    from degcraft.field_files import read_yaml

    # What can be said of the file and of its folder is said before the packages that a search needs are loaded.
    read_yaml(Path(args.spec))
    from tune.folder import SearchFolder
    from tune.spec_file import load_spec

    spec = load_spec(args.spec)
    SearchFolder(spec.output).check_started(args.resume)
    from tune.report import print_result
    from tune.search import run_search

    console = open_console()
    how_to_go_on = f"degcraft search {args.spec} --resume"
    try:
        result = run_search(spec, resume=args.resume, address=args.address, console=console)
    except KeyboardInterrupt:
        console.print(f"interrupted; go on with: {how_to_go_on}", highlight=False, soft_wrap=True)
        raise
    return print_result(result, console, how_to_go_on=how_to_go_on)
