"""Names of files: three kinds that a system gives and a program trips over."""

import io
import os
import tempfile
import unicodedata
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from degcraft.cli._common import open_console
from degcraft.images import copy_files, flat_name, list_images, list_pairs, printable, scan_folder, write_image
from degcraft.images.names import MOST_BYTES, same_name

RAW = st.binary(min_size=1, max_size=300).map(os.fsdecode).filter(lambda name: "\0" not in name)


@given(RAW)
def test_a_printable_name_is_utf_8_and_leaves_what_was(name: str) -> None:
    told = printable(name)
    told.encode("utf-8")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        assert told != name
    else:
        assert told == name


@given(RAW, st.sampled_from(["", ".png", "-017.png"]))
def test_a_flat_name_fits_a_file_system(name: str, ending: str) -> None:
    flat = flat_name(name, ending)
    assert len(os.fsencode(flat)) <= MOST_BYTES
    assert "/" not in flat
    assert flat.endswith(ending)


def test_long_names_that_differ_at_their_end_stay_apart() -> None:
    assert flat_name("x" * 300 + "a", ".png") != flat_name("x" * 300 + "b", ".png")


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_composed_and_decomposed_names_are_one(name: str) -> None:
    assert same_name(unicodedata.normalize("NFD", name)) == same_name(unicodedata.normalize("NFC", name))


def drawn(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path, "PNG")


def test_pairs_belong_together_in_either_form(tmp_path: Path) -> None:
    for side, form in (("lr", "NFD"), ("hr", "NFC")):
        drawn(tmp_path / side / (unicodedata.normalize(form, "Ångström") + ".png"), 0)
    assert len(list_pairs(tmp_path).files) == 1


def test_a_name_as_long_as_may_be_can_be_written(tmp_path: Path) -> None:
    import torch

    path = tmp_path / ("x" * 251 + ".png")
    write_image(path, torch.zeros(3, 2, 2))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


# A whole name of a file: any bytes but a slash and NUL, up to what a file system takes; and in brackets.
NAME = (
    st.binary(min_size=1, max_size=247).filter(lambda name: not set(name) & {0, 47} and name[:1] != b".")
    | st.text(st.characters(codec="utf-8", exclude_characters="/\0."), min_size=1, max_size=60).map(str.encode)
    | st.from_regex(r"\[/?[a-z]{1,9}\]", fullmatch=True).map(str.encode)
).map(os.fsdecode)  # fmt: skip


@settings(deadline=None, max_examples=30)
@example("x" * 247, {"roll1", "roll2"}, False)
@given(name=NAME, folders=st.sets(st.sampled_from(["roll1", "roll2", "a/b", "a_b"]), min_size=1), form=st.booleans())
def test_a_file_of_any_name_is_found_paired_copied_and_told(name: str, folders: set[str], form: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for seed, folder in enumerate(sorted(folders)):
            other = unicodedata.normalize("NFD" if form else "NFC", name)
            assume(len(os.fsencode(other)) <= 247)
            drawn(root / "lr" / folder / f"{name}.png", seed)
            drawn(root / "hr" / folder / f"{other}.webp", seed)
        found = scan_folder(root / "lr")
        assert len(found.files) == len(list_pairs(root).files) == len(folders)
        copy_files({"": found.files}, root / "copies")
        assert sorted(file.read_bytes() for file in (root / "copies").iterdir()) == sorted(
            file.read_bytes() for file in found.files
        )
        with redirect_stdout(io.StringIO()) as out:
            open_console().print(printable(name), soft_wrap=True)
        assert out.getvalue() == printable(name) + "\n" or not printable(name).isprintable()


def test_folders_of_a_system_are_passed_over_and_links_followed(tmp_path: Path) -> None:
    drawn(tmp_path / "photos" / "own.png", 0)
    for seed, folder in enumerate(("@eaDir/own.png", "#recycle", "$RECYCLE.BIN", "__MACOSX", ".hidden"), start=1):
        drawn(tmp_path / "photos" / folder / "thumb.png", seed)
    drawn(tmp_path / "disk" / "roll1" / "0.png", 10)
    (tmp_path / "photos" / "roll1").symlink_to(tmp_path / "disk" / "roll1")
    (tmp_path / "photos" / "round").symlink_to(tmp_path / "photos")
    (tmp_path / "disk" / "roll1" / "back").symlink_to(tmp_path / "photos")
    found = list_images(tmp_path / "photos").images
    assert [path.relative_to(tmp_path / "photos").as_posix() for path in found] == ["own.png", "roll1/0.png"]
    summary = scan_folder(tmp_path / "photos").summary()
    assert summary.endswith("; 4 system folders passed over: #recycle, $RECYCLE.BIN, @eaDir, __MACOSX")


def test_a_damaged_file_is_named_whatever_its_name(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png", 0)
    (tmp_path / os.fsdecode(b"besch\xe4digt.png")).write_bytes(b"no image")
    summary = scan_folder(tmp_path).summary()
    assert r"besch\xe4digt.png" in summary
    summary.encode("utf-8")
