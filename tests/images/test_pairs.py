"""Pairs belong together by name, and by a whole scale."""

from pathlib import Path

import pytest
import torch

from degcraft.errors import DegcraftError
from degcraft.images import crop_to_scale, list_files, list_pairs, local_folder, patches_of, write_image


def image(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)).mul(255).round() / 255


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("b", "a.x", "sub/c")):
        write_image(tmp_path / "lr" / f"{name}.png", image(8 + index, 10, index))
        write_image(tmp_path / "hr" / f"{name}.bmp", image(24 + 3 * index, 30, index + 10))
    (tmp_path / "lr" / "notes.txt").touch()
    return tmp_path


def test_pairs_are_matched_by_name_whatever_the_suffix(folder: Path) -> None:
    names = ["a.x", "b", "sub/c"]
    assert list_pairs(folder).files == [(folder / "lr" / f"{n}.png", folder / "hr" / f"{n}.bmp") for n in names]
    write_image(folder / "hr" / "#recycle" / "b.png", image(8, 10))
    assert list_pairs(folder).left_out == ["lr: 1 other file ignored", "hr: 1 system folder passed over: #recycle"]


def test_of_pairs_the_side_is_taken_that_is_meant(folder: Path) -> None:
    assert local_folder(folder, side="hr") == folder / "hr"
    assert local_folder(folder) == local_folder(folder / "lr", side="hr").parent == folder
    assert {path.suffix for path in list_files([folder])[0]} == {".png"}
    assert {path.suffix for path in list_files([folder], "hr")[0]} == {".bmp"}
    for scale, suffix in ((None, ".png"), (3, ".bmp")):
        cut = patches_of(folder, "references", size=8, count=3, seed=0, clean_at=scale)
        assert {Path(file).suffix for file in cut.files} == {suffix}


def test_a_file_without_partner_is_named(folder: Path) -> None:
    (folder / "hr" / "b.bmp").unlink()
    with pytest.raises(DegcraftError, match=r"lr/b\.png: every image in lr .* in hr, but has none"):
        list_pairs(folder)
    (folder / "lr" / "b.png").unlink()
    (folder / "lr" / "a.x.png").unlink()
    (folder / "lr" / "sub" / "c.png").unlink()
    with pytest.raises(DegcraftError, match=r"hr/a\.x\.bmp \(and 1 more\): every image in hr"):
        list_pairs(folder)


def test_names_must_be_unique(folder: Path) -> None:
    write_image(folder / "lr" / "b.tiff", image(8, 10))
    with pytest.raises(DegcraftError, match=r"b\.tiff: names without suffix must be unique, but b\.png"):
        list_pairs(folder)


def test_both_folders_must_be_there_and_hold_images(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="has no lr"):
        list_pairs(tmp_path)
    (tmp_path / "lr").mkdir()
    with pytest.raises(DegcraftError, match="has no hr"):
        list_pairs(tmp_path)
    (tmp_path / "hr").mkdir()
    with pytest.raises(DegcraftError, match="has no images"):
        list_pairs(tmp_path)


def test_only_less_than_the_scale_is_cut_off() -> None:
    lr = image(8, 10)
    exact = image(32, 40)
    assert crop_to_scale(lr, exact, 4) is exact
    cropped = crop_to_scale(lr, image(35, 43), 4)
    assert cropped is not None
    assert torch.equal(cropped, image(35, 43)[:, :32, :40])
    for height, width, scale in ((36, 40, 4), (31, 40, 4), (32, 40, 3), (32, 40, 0)):
        assert crop_to_scale(lr, image(height, width), scale) is None
