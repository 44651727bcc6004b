"""`degcraft champion`: which version of the model is used and served, and going back to another."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from degcraft.cli._common import positive

if TYPE_CHECKING:
    from tracking.champion import Version

HELP = "list the registered networks, and choose the one that is served"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Without VERSION, lists the versions of the registered model, each with the score that its search gave it.\n"
        "With VERSION, points the alias at it: what asks for models:/degcraft-sr@champion gets that version from now\n"
        "on, and a server with --follow swaps to it. A search points the alias at its own best network when it ends;\n"
        "scores of different held-out images do not compare."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft champion\n"
        "  degcraft champion --json\n"
        "  degcraft champion 3              # back to version 3\n"
        "  degcraft champion 5 --alias candidate"
    )
    parser.add_argument("version", nargs="?", type=positive, metavar="VERSION", help="what the alias is to point at")
    parser.add_argument("--name", default="degcraft-sr", help="of the registered model (degcraft-sr)")
    parser.add_argument("--alias", default="champion", help="(champion)")
    parser.add_argument("--tracking-uri", metavar="URI", help="the MLflow store ($MLFLOW_TRACKING_URI)")
    parser.add_argument("--json", action="store_true", help="print the versions as JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from tracking.champion import choose_version, list_versions

    console = Console(highlight=False, soft_wrap=True)
    if args.version is None:
        versions = list_versions(args.name, args.tracking_uri)
        if args.json:
            print(json.dumps([asdict(version) for version in versions], indent=2, default=str))
        else:
            console.print(_table(args.name, versions))
            if any(version.held_out == "proxy" for version in versions):
                console.print(
                    "a score on proxies ranks the trials of its search; it does not say how good a network is"
                )
        return 0
    before = choose_version(args.name, args.alias, args.version, args.tracking_uri)
    now = f"models:/{args.name}@{args.alias} is version {args.version}"
    if before in (None, args.version):
        console.print(now if before is None else f"{now} already")
    else:
        console.print(f"{now}, and was version {before}")
    return 0


def _table(name: str, versions: "list[Version]") -> object:
    from rich.table import Table

    metrics = sorted({metric for version in versions for metric in version.scores})
    table = Table(title=f"versions of {name}", title_justify="left")
    table.add_column("version", justify="right")
    table.add_column("alias")
    table.add_column("registered")
    for metric in metrics:
        table.add_column(metric, justify="right")
    table.add_column("trial")
    table.add_column("run", overflow="fold")
    for version in versions:
        on = " on proxies" if version.held_out == "proxy" else ""
        scores = (f"{version.scores[metric]:.4g}{on}" if metric in version.scores else "" for metric in metrics)
        made = f"{version.made:%Y-%m-%d %H:%M}"
        table.add_row(str(version.number), ", ".join(version.aliases), made, *scores, version.trial, version.run_id)
    return table
