"""The picture of restorations: crops whose pixels are repeated, where the columns differ most."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.figures import RestoredImage, draw_restorations
from degcraft.figures.restorations import differing_crop

HR = torch.rand(3, 200, 240, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255


def spoilt(top: int, left: int, side: int = 40, by: float = 0.3) -> torch.Tensor:
    """HR with an error in one square."""
    image = HR.clone()
    part = image[:, top : top + side, left : left + side]
    part += torch.where(part < 0.5, by, -by)
    return image


def test_the_crop_lies_where_the_errors_differ_most() -> None:
    rows, columns = differing_crop(spoilt(120, 150), HR, HR, side=40)
    assert (rows, columns) == (slice(120, 160), slice(150, 190))
    # An error that both make says nothing; one that only the second makes does.
    both = spoilt(120, 150)
    second = both.clone()
    second[:, 20:60, 30:70] = spoilt(20, 30, by=0.2)[:, 20:60, 30:70]
    assert differing_crop(both, second, HR, side=40) == (slice(20, 60), slice(30, 70))


def test_without_a_truth_it_lies_where_the_values_differ_most() -> None:
    assert differing_crop(spoilt(30, 60), HR, None, side=40) == (slice(30, 70), slice(60, 100))


def test_a_pixel_that_sticks_out_moves_no_crop() -> None:
    first = spoilt(100, 100, by=0.2)
    first[:, 5, 5] = 1 - HR[:, 5, 5].round()
    assert differing_crop(first, HR, HR, side=40) == (slice(100, 140), slice(100, 140))


def test_the_border_is_left_out_as_far_as_there_is_room() -> None:
    first = spoilt(0, 0)
    rows, columns = differing_crop(first, HR, HR, side=40, border=8)
    assert (rows.start, columns.start) == (8, 8)
    assert differing_crop(first, HR, HR, side=196, border=8)[0].start == 2
    assert differing_crop(first, HR, HR, side=500) == (slice(0, 200), slice(0, 240))


def test_equal_columns_give_the_first_crop() -> None:
    assert differing_crop(HR, HR, HR, side=40) == (slice(0, 40), slice(0, 40))


def test_the_picture_repeats_pixels_of_the_crop_in_every_column(tmp_path: Path) -> None:
    first, second = spoilt(120, 150), spoilt(10, 10, by=0.1)
    row = RestoredImage("beach", [first, second], HR)
    draw_restorations([row, row], tmp_path / "a" / "shown.png", ["LR, bicubic", "champion"], side=40, enlarge=3)
    picture = np.asarray(Image.open(tmp_path / "a" / "shown.png"))
    place = (slice(120, 160), slice(150, 190))
    for column, image in enumerate((first, second, HR)):
        crop = (image[:, place[0], place[1]] * 255).round().byte().permute(1, 2, 0).numpy()
        large = crop.repeat(3, axis=0).repeat(3, axis=1)
        left = 16 + (120 + 8) * (column + 1)
        for top in (54, 54 + 120 + 46):
            np.testing.assert_array_equal(picture[top : top + 120, left : left + 120], large)


def test_without_a_truth_there_is_no_column_for_it_and_no_score(tmp_path: Path) -> None:
    first, second = spoilt(120, 150), spoilt(10, 10, by=0.1)
    for name, truth in (("with", HR), ("without", None)):
        draw_restorations(
            [RestoredImage("beach", [first, second], truth)], tmp_path / f"{name}.png", ["a", "b"], side=40
        )
    known, blind = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("with", "without"))
    assert known.shape[1] - blind.shape[1] == 80 + 8
    # Below the crops of 80 pixels, right of the whole image with its name.
    assert known[54 + 80 :, 16 + 88 :].min() < 255
    assert blind[54 + 80 :, 16 + 88 :].min() == 255


def test_a_long_title_is_broken_into_lines(tmp_path: Path) -> None:
    heights = []
    for title in ("best: the start", "best: estimates on a network", "best: " + "estimates of a network " * 9):
        draw_restorations([RestoredImage("x", [spoilt(9, 9), HR])], tmp_path / "x.png", ["a", title], side=40)
        with Image.open(tmp_path / "x.png") as picture:
            heights.append(picture.height)
    assert heights == [heights[0] + 19 * more for more in (0, 1, 1)]


def test_wide_images_leave_no_blank_rows(tmp_path: Path) -> None:
    wide = [image[:, :30] for image in (spoilt(5, 50, side=20), HR)]
    draw_restorations([RestoredImage("x", wide)] * 2, tmp_path / "x.png", ["a", "b"], side=100, enlarge=2)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.height == 2 * 16 + 2 * 19 + 2 * (60 + 46)


def test_the_frame_shows_where_the_crop_lies(tmp_path: Path) -> None:
    grey = torch.full((3, 80, 80), 0.5)
    other = grey.clone()
    other[:, 40:60, 20:40] = 0.7
    draw_restorations([RestoredImage("x", [grey, other])], tmp_path / "x.png", ["a", "b"], side=20, enlarge=4)
    picture = np.asarray(Image.open(tmp_path / "x.png"))
    assert picture[:54, 16 : 16 + 80].min() < 255  # says what it is
    whole = picture[54 : 54 + 80, 16 : 16 + 80]
    frame = np.argwhere((whole == (0xD5, 0x5E, 0x00)).all(axis=2))
    assert frame.min(axis=0).tolist() == [40, 20]
    assert frame.max(axis=0).tolist() == [59, 39]


def test_the_same_images_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_restorations([RestoredImage("x", [spoilt(9, 9), HR], HR)], tmp_path / name, ["a", "b"], side=32)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_values_outside_the_range_and_long_names_do_no_harm(tmp_path: Path) -> None:
    row = RestoredImage("a very long name " * 30, [HR * 3 - 1, HR], HR)
    draw_restorations([row], tmp_path / "x.png", ["title " * 40, "b"], side=32, enlarge=1)
    assert Image.open(tmp_path / "x.png").width == 2 * 16 + 4 * 32 + 3 * 8


def test_bad_input_is_named(tmp_path: Path) -> None:
    row, path = RestoredImage("beach", [HR, HR], HR), tmp_path / "x.png"
    wrong = {
        "at least one image, but got none": ([], ["a", "b"], {}),
        "at least two columns, but got 1": ([row], ["a"], {}),
        "focus must be one of the columns 1 to 1, but is 2": ([row], ["a", "b"], {"focus": 2}),
        "focus must be one of the columns 1 to 1, but is 0": ([row], ["a", "b"], {"focus": 0}),
        "at least 1, but are 0 and 2": ([row], ["a", "b"], {"side": 0}),
        "beach: needs an image for each of the 3 columns, but has 2": ([row], ["a", "b", "c"], {}),
        r"beach: images must be \(3, H, W\)": ([RestoredImage("beach", [HR, HR[:, 1:]])], ["a", "b"], {}),
    }
    for message, (rows, columns, options) in wrong.items():
        with pytest.raises(DegcraftError, match=message):
            draw_restorations(rows, path, columns, **options)  # type: ignore[arg-type]
    assert not path.exists()
