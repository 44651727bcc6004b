"""Images are written whole, in the format of their suffix."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.images import read_image, write_image
from degcraft.images.atomic import written_whole

RGB = torch.rand(3, 24, 33, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
ALPHA = torch.rand(1, 24, 33, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".webp", ".PNG"])
def test_lossless_formats_give_the_same_pixels_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / "folder" / f"a{suffix}"
    write_image(path, RGB, quality=100)
    assert torch.equal(read_image(path).rgb, RGB)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_alpha_is_kept_with_the_colours_under_it(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", RGB, ALPHA * (ALPHA > 0.5), quality=100)
    image = read_image(tmp_path / f"a{suffix}")
    assert torch.equal(image.rgb, RGB)
    assert image.alpha is not None
    assert torch.equal(image.alpha, ALPHA * (ALPHA > 0.5))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_quality_governs_lossy_formats(tmp_path: Path, suffix: str) -> None:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[:, :200, :200] / 255
    errors = []
    for quality in (30, 95):
        path = tmp_path / f"{quality}{suffix}"
        write_image(path, photo, quality=quality)
        errors.append((read_image(path).rgb - photo).abs().mean())
    assert errors[1] < errors[0] / 2


def test_values_are_clipped_and_rounded(tmp_path: Path) -> None:
    rgb = torch.tensor([-0.5, 1.5, 100.4 / 255, 100.6 / 255]).expand(3, 1, 4)
    write_image(tmp_path / "a.png", rgb)
    with Image.open(tmp_path / "a.png") as image:
        assert [image.getpixel((x, 0)) for x in range(4)] == [(v,) * 3 for v in (0, 255, 100, 101)]


def test_bad_input_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cases = [
        (tmp_path / "a.gif", RGB, None, 95, "suffix"),
        (path, RGB[:1], None, 95, r"\(3, H, W\)"),
        (path, RGB, RGB, 95, r"\(1, H, W\)"),
        (path, RGB / 0, None, 95, "NaN"),
        (path, RGB, None, 0, "quality"),
        (tmp_path / "a.jpg", RGB, ALPHA, 95, "transparent"),
    ]
    for place, rgb, alpha, quality, words in cases:
        with pytest.raises(DegcraftError, match=words):
            write_image(place, rgb, alpha, quality)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DegcraftError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.png", RGB)


def test_a_link_stays_one_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    for name in ("there", "new"):
        (tmp_path / f"{name}-link.png").symlink_to(tmp_path / "disk" / f"{name}.png")
    write_image(tmp_path / "disk" / "there.png", RGB)
    before = (tmp_path / "disk" / "there.png").read_bytes()
    for name in ("there", "new"):
        write_image(tmp_path / f"{name}-link.png", 1 - RGB)
        assert (tmp_path / f"{name}-link.png").is_symlink()
        assert (tmp_path / "disk" / f"{name}.png").read_bytes() != before
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["new.png", "there.png"]


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(pipe)
    for path in (pipe, tmp_path / "link.png"):
        with pytest.raises(DegcraftError, match="must be the name of a file, but is a device or a pipe"):
            write_image(path, RGB)
    assert pipe.is_fifo()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, RGB)
    before = path.read_bytes()

    def half(self: Path, content: bytes) -> None:
        self.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DegcraftError, match="No space left"):
        write_image(path, 1 - RGB)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


class Interrupted(BaseException):
    """As Ctrl-C is: no Exception."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    old=st.none() | st.binary(max_size=50),
    written=st.lists(st.binary(max_size=50), max_size=3),
    failure=st.sampled_from([None, OSError(28, "full"), RuntimeError("a writer of its own"), Interrupted()]),
    name=st.sampled_from(["a.png", "new/folder/b", "ü.json", "x" * 251 + ".txt", "[b].c"]),
)
def test_the_old_file_or_the_new_one_is_there_and_nothing_else(
    tmp_path: Path, old: bytes | None, written: list[bytes], failure: BaseException | None, name: str
) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as place:
        path = Path(place, name)
        if old is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(old)
        with suppress(DegcraftError, RuntimeError, Interrupted), written_whole(path) as temporary:
            for part in written:
                with temporary.open("ab") as file:
                    file.write(part)
            if failure is not None:
                raise failure
        expected = b"".join(written) if failure is None else old
        found = [each for each in Path(place).rglob("*") if each.is_file()]
        assert [(each, each.read_bytes()) for each in found] == ([] if expected is None else [(path, expected)])
