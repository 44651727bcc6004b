"""The contact sheet shows the images' own pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.figures import draw_contact_sheet


def picture(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random colours with whole 8-bit levels, dark enough to tell from the paper."""
    return torch.randint(0, 200, (3, *shape), generator=torch.Generator().manual_seed(seed)) / 255


def found_at(sheet: np.ndarray, image: torch.Tensor, enlarged: int = 1) -> list[tuple[int, int]]:
    """Where an image, with its pixels repeated, stands on the sheet: (top, left) of every place."""
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    pixels = pixels.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    height, width = pixels.shape[:2]
    candidates = np.argwhere((sheet[: -height + 1, : -width + 1] == pixels[0, 0]).all(-1))
    return [
        (int(top), int(left))
        for top, left in candidates
        if np.array_equal(sheet[top : top + height, left : left + width], pixels)
    ]


def test_lr_is_enlarged_by_repeating_pixels_and_hr_is_left_alone(tmp_path: Path) -> None:
    lr, sr, hr = picture(12, 16, seed=1), picture(48, 64, seed=2), picture(48, 64, seed=3)
    draw_contact_sheet([("σ 2.0", [lr, sr, hr])], tmp_path / "a" / "sheet.png", ["LR", "SR", "HR"])
    sheet = np.asarray(Image.open(tmp_path / "a" / "sheet.png"))
    places = [found_at(sheet, lr, 4), found_at(sheet, sr), found_at(sheet, hr)]
    assert [len(place) for place in places] == [1, 1, 1]
    tops, lefts = zip(*(place[0] for place in places), strict=True)
    assert len(set(tops)) == 1
    assert lefts[1] - lefts[0] == lefts[2] - lefts[1] >= 64


def test_rows_stand_below_each_other_in_their_columns(tmp_path: Path) -> None:
    first, second, third = (picture(20, 20, seed=seed) for seed in (1, 2, 3))
    draw_contact_sheet([("one", [first, second]), ("two", [third])], tmp_path / "sheet.png", ["A", "B"])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    (top_first, left_first), (top_third, left_third) = found_at(sheet, first)[0], found_at(sheet, third)[0]
    assert left_first == left_third
    assert top_third > top_first + 20


def test_of_large_images_the_same_part_of_the_middle_is_shown(tmp_path: Path) -> None:
    lr, hr = picture(50, 50, seed=1), picture(200, 200, seed=2)
    draw_contact_sheet([("", [lr, hr])], tmp_path / "sheet.png", ["LR", "HR"], max_side=80)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert len(found_at(sheet, lr[:, 15:35, 15:35], 4)) == 1
    assert len(found_at(sheet, hr[:, 60:140, 60:140])) == 1


def test_a_caption_is_written_and_a_long_one_is_broken(tmp_path: Path) -> None:
    image = picture(30, 30)
    heights = []
    for words in (0, 3, 40):
        draw_contact_sheet([("word " * words, [image])], tmp_path / "sheet.png", ["A"])
        with Image.open(tmp_path / "sheet.png") as sheet:
            heights.append(sheet.height)
    assert heights[0] < heights[1] < heights[2]


def test_a_long_title_is_broken_and_widens_no_gap(tmp_path: Path) -> None:
    first, second = picture(40, 90, seed=1), picture(40, 90, seed=2)
    places = []
    for title in ("best", "best of them all on what was held out"):
        draw_contact_sheet([("", [first, second])], tmp_path / "sheet.png", [title, "HR"])
        sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
        places.append((found_at(sheet, first)[0], found_at(sheet, second)[0]))
    (top, left), (_, beside) = places[0]
    assert beside - left == 98
    assert [place[1] for place in places[1]] == [left, beside]
    assert places[1][0][0] > top, "the title takes more lines"


def test_values_outside_the_range_are_clipped(tmp_path: Path) -> None:
    draw_contact_sheet([("", [torch.full((3, 8, 8), -0.5)])], tmp_path / "sheet.png", ["A"])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert len(found_at(sheet, torch.zeros(3, 8, 8))) == 1


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    with pytest.raises(DegcraftError, match="at least one row"):
        draw_contact_sheet([], path, ["A"])
    with pytest.raises(DegcraftError, match="'one' must not have more images than the 1 titles, but has 2"):
        draw_contact_sheet([("one", [picture(4, 4)] * 2)], path, ["A"])
    with pytest.raises(DegcraftError, match=r"\(3,h,w\), but got \(1, 4, 4\)"):
        draw_contact_sheet([("one", [torch.zeros(1, 4, 4)])], path, ["A"])
    assert not path.exists()


def test_many_rows_stand_in_blocks_beside_each_other(tmp_path: Path) -> None:
    rows = [(str(seed), [picture(100, 150, seed=seed), picture(100, 150, seed=seed + 50)]) for seed in range(8)]
    draw_contact_sheet(rows, tmp_path / "sheet.png", ["LR", "HR"])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] < 1.5 * sheet.shape[1]
    places = [found_at(sheet, image) for _, images in rows for image in images]
    assert [len(place) for place in places] == [1] * 16
    assert places[0][0][0] == places[8][0][0], "the fifth row begins the second block"
