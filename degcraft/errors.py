"""The one error type for what a user can mend, and the words of others' errors."""

import errno
import reprlib
from typing import Any

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What a system answers where no file can be written any more."""
EXIT_BAD_INPUT = 2
"""Exit status of a program that ends by such an error."""


class DegcraftError(Exception):
    """Bad input: one sentence that names the file or field, the rule, and the value it got.

    The command line prints that sentence and exits with status 2. Anything else that is raised is a bug.
    """


def shown(value: Any) -> str:
    """A value that a file gave, of a long or a nested one its beginning."""
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxstring = 3, 12, 100
    try:
        return in_short(short.repr(value))
    except ValueError:
        return "a number of more digits than can be written"


def in_short(error: Exception | str, most: int = 300) -> str:
    """What an error of somebody else's says, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else text[:most] + "…"
