"""Degradation sources as they are typed; the help does not load their registry, as that loads torch."""

import argparse

METAVAR = "DEGRADATION"
SOURCE_HELP = (
    "crafted.json, pdm.safetensors, uniform, wide, setting:N, realesrgan, bsrgan, or box:AXIS=VALUE,…; knobs behind a "
    "colon: realesrgan:noise_range=[1,15],jpeg_range=[60,95]. See --list-degradations"
)


def add_list(parser: argparse.ArgumentParser) -> None:
    """`--list-degradations`."""
    parser.add_argument(
        "--list-degradations", action=_ListSources, nargs=0, help="print the degradations and their knobs, and end"
    )


class _ListSources(argparse.Action):
    """Prints the sources and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from degcraft.sources import SOURCES

        for name, spec in SOURCES.items():
            print(f"{name:<12} {spec.description}")
            for key, knob in spec.knobs.items():
                default = "" if knob.default is None else f"={knob.default}"
                told = f", {knob.description}" if knob.description else ""
                print(f"{'':<12} {key}{default}: {knob.rule}{told}")
        parser.exit()
