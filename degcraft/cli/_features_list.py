"""`degcraft features list`: which extractors there are, and which can be had here."""

import argparse
import json

from degcraft.cli._common import open_console

HELP = "the extractors, their layers, and whether they can be had here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lists the extractors by the names that --extractor and the search specification take, with their layers.\n"
        "Downloads nothing, but asks whether a download would answer."
    )
    parser.epilog = "examples:\n  degcraft features list\n  degcraft features list --json"
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run(args: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from degcraft.features import EXTRACTORS, available

    console = open_console()
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
    for name, spec in EXTRACTORS.items():
        layers = ", ".join(f"{layer} (default)" if layer == spec.default_layer else layer for layer in spec.layers)
        here = "here" if reasons[name] is None else "not here"
        console.print(f"{name:<16}{here:<10}{spec.description}\n{'':<26}layers: {layers}", soft_wrap=True)
    for reason in reasons.values():
        if reason is not None:
            console.print(reason, soft_wrap=True)
    return 0
