"""Degradation sources as they are typed; the help does not load their registry, as that loads torch."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from degcraft.cli._listing import add_listing

if TYPE_CHECKING:
    from degcraft.sources import SourceSpec

METAVAR = "DEGRADATION"
SOURCE_HELP = (
    "crafted.json, pdm.safetensors, uniform, wide, setting:N, realesrgan, bsrgan, or box:AXIS=VALUE,…; knobs behind a "
    "colon: realesrgan:noise_range=[1,15],jpeg_range=[60,95]. See --list-degradations"
)


def add_list(parser: argparse.ArgumentParser) -> None:
    """`--list-degradations`."""

    def sources() -> "Mapping[str, SourceSpec]":
        from degcraft.sources import SOURCES

        return SOURCES

    add_listing(parser, "--list-degradations", "degradations", sources)
