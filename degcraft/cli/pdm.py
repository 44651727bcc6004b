"""`degcraft pdm`: a degradation that is learned. Each action is a module `_pdm_NAME`."""

import argparse

from degcraft.cli._common import add_actions

HELP = "learn the degradation itself as a network (PDM), and look at it"

ACTIONS = ("train", "show")
"""Names of the actions, in the order in which `--help` lists them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "PDM (Luo et al., CVPR 2022) learns kernels and noise of your images by a discriminator that tries to tell\n"
        "degraded clean images from them. What it learns is a file that `train` and `synthesize` take in the place of\n"
        "crafted.json. It needs no model of the degradation, and cannot say JPEG, which --compression puts behind it.\n"
        "`degcraft train pdm --references DIR` learns it along with the network instead (PDM-SR)."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft pdm train --references photos --hr clean -o pdm.safetensors\n"
        "  degcraft pdm show pdm.safetensors --references photos --hr clean --crafted crafted.json --figure pdm.png\n"
        "  degcraft train pdm.safetensors --hr clean -o model.safetensors\n"
        "\n"
        "`degcraft pdm ACTION --help` teaches each action."
    )
    add_actions(parser, "pdm", ACTIONS)


def run(args: argparse.Namespace) -> int:
    return int(args.act(args))
