"""What a process puts into the temporary directory goes with it, or with the next one."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from degcraft.scratch import scratch_folder

HOLD = "from degcraft.scratch import scratch_folder as s; f = s(); print(f.__enter__(), flush=True); input()"
MAKE = "import tempfile; print(tempfile.mkdtemp())"


@pytest.fixture
def held(temporary: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that has such a folder, and the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_what_is_made_in_the_block_goes_with_it(temporary: Path) -> None:
    with scratch_folder() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
        made = subprocess.run([sys.executable, "-c", MAKE], capture_output=True, text=True, check=True).stdout
        assert Path(made.strip()).parent == folder
    assert list(temporary.iterdir()) == []
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == temporary


def test_what_a_killed_process_left_goes_and_nothing_of_others(
    held: tuple["subprocess.Popen[str]", Path], temporary: Path
) -> None:
    process, folder = held
    (folder / "half").write_bytes(b"written")
    with scratch_folder():
        assert (folder / "half").exists(), "its process lives"
    process.kill()
    process.wait()
    assert folder.exists()
    (temporary / "ray-of-somebody").mkdir()
    with scratch_folder() as mine:
        assert set(temporary.iterdir()) == {mine, temporary / "ray-of-somebody"}


def test_where_the_temporary_directory_is_too_deep_for_sockets_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as folder:
        assert folder.parent == Path("/tmp")
    assert tempfile.gettempdir() == str(tmp_path)
