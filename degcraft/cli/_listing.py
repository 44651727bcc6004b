"""Options that print a registry's entries with their knobs, and end."""

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from degcraft.knobs import Knob


class Entry(Protocol):
    """What is printed of an entry."""

    @property
    def description(self) -> str: ...

    @property
    def knobs(self) -> "Mapping[str, Knob]": ...


def add_listing(
    parser: argparse.ArgumentParser, option: str, what: str, entries: Callable[[], Mapping[str, Entry]]
) -> None:
    """An option such as `--list-losses`.

    Args:
        parser: Of the command.
        option: Its name.
        what: The plural that it prints, for the help.
        entries: Gives the registry once it is asked for, as most of them load torch.
    """

    class Print(argparse.Action):
        def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
            for name, entry in entries().items():
                print(f"{name:<12} {entry.description}")
                for key, knob in entry.knobs.items():
                    default = "" if knob.default is None else f"={knob.default}"
                    told = f", {knob.description}" if knob.description else ""
                    print(f"{'':<12} {key}{default}: {knob.rule}{told}")
            parser.exit()

    parser.add_argument(option, action=Print, nargs=0, help=f"print the {what} and their knobs, and end")
