"""`degcraft features`: the extractors that distances are measured with. Each action is a module `_features_NAME`."""

import argparse
import importlib

HELP = "compare the feature extractors, list them, train degcraft's own"

ACTIONS = ("list", "compare", "train")
"""Names of the actions, in the order in which `--help` lists them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Distances between images are measured on features. Which features see the degradation rather than what the\n"
        "picture shows, is measured here on references whose degradation is known."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft features list\n"
        "  degcraft features compare --hr clean --references other-clean -o comparison\n"
        "\n"
        "`degcraft features ACTION --help` teaches each action."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    for name in ACTIONS:
        module = importlib.import_module(f"degcraft.cli._features_{name}")
        action = actions.add_parser(name, help=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(action)


def run(args: argparse.Namespace) -> int:
    module = importlib.import_module(f"degcraft.cli._features_{args.action}")
    return int(module.run(args))
