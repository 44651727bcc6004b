"""`degcraft features`: the extractors that distances are measured with. Each action is a module `_features_NAME`."""

import argparse

from degcraft.cli._common import add_actions

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
    add_actions(parser, "features", ACTIONS)


def run(args: argparse.Namespace) -> int:
    return int(args.act(args))
