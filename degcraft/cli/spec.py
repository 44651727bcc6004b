"""`degcraft spec`: print the commented example of a search, or its JSON schema."""

import argparse

HELP = "print a commented example of a search specification (or its JSON schema)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Prints a complete search specification with a comment on every field. Save it, point `references` and\n"
        "`hr` at your folders, and run `degcraft search` on it."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft spec > search.yaml\n"
        "  degcraft spec --schema > search.schema.json      # editors complete and check the YAML with it"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON schema instead")


def run(args: argparse.Namespace) -> int:
    if args.schema:
        from tune.spec_file import schema_text

        print(schema_text(), end="")
    else:
        from tune.example import example_text

        print(example_text(), end="")
    return 0
