"""Copies of images in one folder."""

import shutil
from pathlib import Path

import pytest

from degcraft.errors import DegcraftError
from degcraft.images import check_empty, copy_files, names_apart


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a/x.png", "b/x.png", "a/y.png", "a/b/x.png", "a_b/x.png")]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    return paths


def test_names_are_as_short_as_tells_them_apart(files: list[Path]) -> None:
    assert names_apart(files[1:3]) == ["x.png", "y.png"]
    assert names_apart(files[:3]) == ["a/x.png", "b/x.png", "a/y.png"]


def test_every_file_is_copied(files: list[Path], tmp_path: Path) -> None:
    copy_files({"": files, "some": files[:1]}, tmp_path / "new" / "copies")
    assert (tmp_path / "new" / "copies" / "some" / "x.png").read_text() == "0"
    shutil.rmtree(tmp_path / "new" / "copies" / "some")
    copies = list((tmp_path / "new" / "copies").iterdir())
    assert sorted(path.read_text() for path in copies) == ["0", "1", "2", "3", "4"]
    assert {"a_x.png", "b_x.png", "a_y.png"} <= {path.name for path in copies}


def test_nothing_is_written_over(files: list[Path], tmp_path: Path) -> None:
    check_empty(tmp_path / "new")
    for place in (tmp_path, files[0]):
        with pytest.raises(DegcraftError, match="must be a new or an empty folder, but is not"):
            check_empty(place)
    with pytest.raises(DegcraftError, match="must be a new or an empty folder, but is not"):
        copy_files({"": files[2:3]}, files[2].parent)
    with pytest.raises(DegcraftError, match="cannot be written"):
        copy_files({"": files[:1]}, files[2] / "below")
    assert files[2].read_text() == "2"
