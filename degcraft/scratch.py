"""A folder for what a process, and those that it starts, put into the temporary directory."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, LOCK = "ray-", "degcraft.lock"
LONGEST = 25
"""Of a temporary directory's path: Ray has sockets in the folder, whose paths may have some hundred bytes."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that is the temporary directory in the block, of child processes too, and goes with it.

    Those that killed processes have left go before it is made: nobody holds their lock any more.
    """
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > LONGEST:
        base = Path("/tmp")
    for left in base.glob(f"{PREFIX}*"):
        with suppress(OSError), _locked(left, os.O_RDWR):
            shutil.rmtree(left, ignore_errors=True)
    # Locked before it has the name that others look for.
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    folder = made.with_name(made.name.removeprefix("."))
    with _locked(made, os.O_RDWR | os.O_CREAT):
        made.rename(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before[1]
            if before[0] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[0]
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, flags: int) -> Iterator[None]:
    """Hold the folder's lock, which ends with this process; raises OSError where another holds it, or it has none."""
    descriptor = os.open(folder / LOCK, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
