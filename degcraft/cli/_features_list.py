"""`degcraft features list`: which extractors there are, and which can be had here."""

import argparse
import json

HELP = "the extractors, their layers, and whether they can be had here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lists the extractors by the names that --extractor and the search specification take, with their layers.\n"
        "Downloads nothing, but asks whether a download would answer."
    )
    parser.epilog = "examples:\n  degcraft features list\n  degcraft features list --json"
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(args: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from rich.console import Console
    from rich.table import Table

    from degcraft.features import EXTRACTORS, available

    console = Console()
    with ThreadPoolExecutor(len(EXTRACTORS)) as threads:  # a server that does not answer costs seconds
        reasons = dict(zip(EXTRACTORS, threads.map(available, EXTRACTORS), strict=True))
    if args.json:
        rows = {
            name: {
                "here": reasons[name] is None, "reason": reasons[name], "layers": list(spec.layers),
                "default_layer": spec.default_layer, "description": spec.description,
            }
            for name, spec in EXTRACTORS.items()
        }  # fmt: skip
        print(json.dumps(rows, indent=2))
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("extractor", "here", "layers", "features"):
        table.add_column(column, no_wrap=column in ("extractor", "here"))
    for name, spec in EXTRACTORS.items():
        layers = ", ".join(
            f"[bold]{layer}[/bold] (default)" if layer == spec.default_layer else layer for layer in spec.layers
        )
        table.add_row(name, "yes" if reasons[name] is None else "no", layers, spec.description)
    console.print(table)
    for reason in reasons.values():
        if reason is not None:
            console.print(reason, highlight=False, soft_wrap=True)
    return 0
