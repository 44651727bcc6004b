"""`degcraft spec`: print the commented example of a search, filled in as far as is known, or its JSON schema."""

import argparse
import re
from pathlib import Path

HELP = "print a commented search specification, filled in as far as you say (or its JSON schema)"
SIZE_HELP = "laptop, workstation, gpu, or minutes (5 or more): as many steps as this machine does in them, timed now"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Prints a complete search specification with a comment on every field. Save it, point `references` and\n"
        "`hr` at your folders, or have them filled in, and run `degcraft search` on it. The images are not looked at:\n"
        "its space is the paper's. `degcraft start` writes one whose space holds your images."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft spec > search.yaml\n"
        "  degcraft spec --references photos --hr clean --size laptop > search.yaml\n"
        "  degcraft spec --references film.mp4 --hr clean --output searches/film --size 60 > search.yaml\n"
        "  degcraft spec --schema > search.schema.json      # editors complete and check the YAML with it"
    )
    parser.add_argument("--references", metavar="DIR", help="your low-resolution images (folder or URI, or a video)")
    parser.add_argument("--hr", metavar="DIR", help="clean images of any content (folder or URI)")
    parser.add_argument("--output", metavar="DIR", help="everything that the search writes")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), help="magnification (4)")
    parser.add_argument("--size", metavar="SIZE", help=SIZE_HELP)
    parser.add_argument("--schema", action="store_true", help="print the JSON schema instead")


def run(args: argparse.Namespace) -> int:
    if args.schema:
        from tune.spec_file import schema_text

        print(schema_text(), end="")
        return 0
    from tune.example import example_text
    from tune.sizing import size_fields

    values = {
        key: value for key in ("references", "hr", "output", "scale") if (value := getattr(args, key)) is not None
    }
    if args.references is not None:
        values["name"] = search_name(args.references)
        values.setdefault("output", f"searches/{values['name']}")
    print(example_text(values | (size_fields(args.size, args.scale or 4) if args.size else {})), end="")
    return 0


def search_name(references: str) -> str:
    """A name that a search may have, after its references."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(references).stem).strip("-._") or "search"
