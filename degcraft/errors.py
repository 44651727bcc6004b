"""The one error type for what a user can mend."""


class DegcraftError(Exception):
    """Bad input: one sentence that names the file or field, the rule, and the value it got.

    The command line prints that sentence and exits with status 2. Anything else that is raised is a bug.
    """
