"""The one error type for what a user can mend, and the words of others' errors."""

EXIT_BAD_INPUT = 2
"""Exit status of a program that ends by such an error."""


class DegcraftError(Exception):
    """Bad input: one sentence that names the file or field, the rule, and the value it got.

    The command line prints that sentence and exits with status 2. Anything else that is raised is a bug.
    """


def in_short(error: Exception, most: int = 300) -> str:
    """What an error of somebody else's says, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else text[:most] + "…"
