"""`degcraft networks`: what can be trained, what it costs, what comes with degcraft."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, open_console
from degcraft.device import pick_device

if TYPE_CHECKING:
    from rich.console import Console

HELP = "list the networks: parameters, scales, hyperparameters, starts, and what they cost"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lists every network that can be trained from nothing, or from any published file of it, with its\n"
        "hyperparameters and their defaults; and the starts that come with degcraft, which restore at once."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft networks\n"
        "  degcraft networks compact span swinir --measure\n"
        "  degcraft networks --scale 2 --json"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (all)")
    parser.add_argument(
        "--scale", type=int, choices=(1, 2, 3, 4, 8), help="only those that enlarge by this, and built for it"
    )
    parser.add_argument(
        "--measure", action="store_true", help="measure seconds per megapixel of LR image on this device: minutes"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from degcraft.networks import NETWORKS, network_spec
    from degcraft.networks.cost import described, starts_described

    device = pick_device(args.device)
    names = [network_spec(name).name for name in args.names] or list(NETWORKS)
    console = open_console(stderr=args.json)
    rows = []
    for name in names:
        if args.scale is not None and args.scale not in NETWORKS[name].scales:
            if args.names:
                network_spec(name).checked(args.scale, {})
            continue
        with console.status(name):
            rows.append(described(name, scale=args.scale, device=device if args.measure else None))
    starts = [start for start in starts_described() if args.scale in (None, start["scale"])]
    if args.json:
        print(json.dumps({"device": device, "networks": rows, "starts": starts}, indent=2))
    else:
        _print(console, rows, starts, args.measure, device)
    return 0


def _print(
    console: "Console", rows: list[dict[str, Any]], starts: list[dict[str, Any]], measured: bool, device: str
) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("network", "parameters", "scales"):
        table.add_column(column, no_wrap=True, justify="right" if column == "parameters" else "left")
    if measured:
        table.add_column(f"s/Mpix ({device})", justify="right")
    table.add_column("hyperparameters")
    for row in rows:
        cost = [_cost(row)] if measured else []
        own = ", ".join(f"{key} {json.dumps(entry['default'])}" for key, entry in row["hyperparameters"].items())
        scales = " ".join(map(str, row["scales"]))
        table.add_row(row["name"], f"{row['parameters']:,} (x{row['scale']})", scales, *cost, own)
    console.print(table, highlight=False)
    for row in rows:
        if "failed" in row:
            console.print(f"{row['name']}: could not be measured ({row['failed']})", highlight=False, soft_wrap=True)
    if not starts:
        console.print("starts: none in this installation", highlight=False)
    for start in starts:
        console.print(
            f"{start['start']}: {start['network']} x{start['scale']}, {_settings(start['hyperparameters'])}; "
            f"licence: {start['licence']}",
            highlight=False,
            soft_wrap=True,
        )


def _cost(row: dict[str, Any]) -> str:
    return "failed" if "failed" in row else f"{row['seconds_per_megapixel']:.3g}"


def _settings(hyperparameters: dict[str, Any]) -> str:
    return ", ".join(f"{key} {json.dumps(value)}" for key, value in hyperparameters.items())
