"""`degcraft demo`: the whole of it on sample photographs, with a truth to compare with; nothing to download."""

import argparse

from degcraft.cli._common import open_console

HELP = "see a whole search in five minutes: sample photographs, a hidden degradation, nothing to download"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Takes photographs that come with its packages, degrades some of them by a hidden setting, and then does\n"
        "exactly what `degcraft search` does: finds the degradation, fine-tunes the start on it, and compares with\n"
        "bicubic, the start as it is, uniform training and training on the true setting. The specification it writes\n"
        "is yours to edit and run again."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft demo\n"
        "  degcraft demo --setting 1 --output demo-1\n"
        "  degcraft demo --resume                     # after Ctrl-C"
    )
    parser.add_argument(
        "--setting",
        type=int,
        choices=(1, 2, 3, 4),
        default=2,
        help="the hidden setting of the paper's Table 1: 1 mild, 2 noisy, 3 blurred, 4 both (default 2)",
    )
    parser.add_argument("--output", default="degcraft-demo", metavar="DIR", help="folder to write (degcraft-demo)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--trials", type=int, default=4, help="crafted trials (default 4)")
    parser.add_argument("--steps", type=int, default=250, help="training steps of each trial (default 250)")
    parser.add_argument("--resume", action="store_true", help="go on with a demo that was interrupted")


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from tune.demo import prepare_demo
    from tune.folder import SearchFolder
    from tune.report import print_result
    from tune.search import run_search
    from tune.spec_file import load_spec

    console = open_console()
    folder = Path(args.output)
    file = folder / "search.yaml"
    if not args.resume:
        prepare_demo(folder, setting=args.setting, seed=args.seed, trials=args.trials, steps=args.steps)
        console.print(f"specification: {file}", highlight=False)
    how_to_go_on = f"degcraft demo --output {args.output} --resume"
    spec = load_spec(file)
    # A demo that was stopped before its search began has nothing to resume.
    resume = args.resume and SearchFolder(spec.output).has_started()
    try:
        result = run_search(spec, resume=resume, address=None, console=console)
    except KeyboardInterrupt:
        console.print(f"interrupted; go on with: {how_to_go_on}", highlight=False, soft_wrap=True)
        raise
    return print_result(result, console, how_to_go_on=how_to_go_on)
