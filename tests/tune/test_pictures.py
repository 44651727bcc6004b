"""The pictures of rows, from what rows keep."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from torch import Tensor

import tune.pictures
import tune.trial_pictures
from tests.tune.test_summary import BICUBIC, CRAFTED, START, UNIFORM, summary
from tune.checkpoints import SAMPLES
from tune.data import Pair
from tune.folder import SearchFolder
from tune.held_out import HeldOut
from tune.pictures import Pictures
from tune.spec import SearchSpec


def image(level: int, side: int) -> np.ndarray:
    return np.full((3, side, side), level, np.uint8)


PAIRS = tuple(Pair(f"proxy-{number}", image(10 + number, 16), image(20 + number, 32)) for number in range(2))
PHOTOS = tuple((f"beach-{number}.jpg", image(30 + number, 16)) for number in range(3))


def held_out(photos: tuple[tuple[str, np.ndarray], ...] = PHOTOS) -> HeldOut:
    return HeldOut("proxy", PAIRS, (), "psnr", 2, 2, cast("Any", None), None, photos)


def pictures(folder: Path) -> Pictures:
    spec = SearchSpec.model_validate({"name": "s", "references": "r", "hr": "h", "output": "o", "scale": 2})
    return Pictures(spec, held_out(), SearchFolder(folder))


def keep(file: Path, level: int, count: int = len(PAIRS) + len(PHOTOS)) -> None:
    """What a row restored: of the pairs, then of the photos."""
    file.parent.mkdir(exist_ok=True)
    np.savez(file, *(image(level + number, 32) for number in range(count)))


def levels(images: Any) -> list[int]:
    return [round(float(one.max()) * 255) for one in images]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], list[Any]]]:
    """Name, titles and rows of each picture, which is drawn all the same."""
    seen: list[tuple[str, list[str], list[Any]]] = []
    for module, name in ((tune.trial_pictures, "draw_contact_sheet"), (tune.pictures, "draw_restorations")):
        draw = getattr(module, name)

        def watched(rows: list[Any], path: Path, titles: list[str], draw: Any = draw) -> None:
            seen.append((path.name, titles, list(rows)))
            draw(rows, path, titles)

        monkeypatch.setattr(module, name, watched)
    return seen


def test_a_row_s_own_picture_begins_with_photos_which_have_no_truth(tmp_path: Path, drawn: list[Any]) -> None:
    keep(tmp_path / SAMPLES, 100)
    pictures(tmp_path).draw(tmp_path, "uniform")
    ((_, _, rows),) = drawn
    assert [name for name, _ in rows] == ["beach-0.jpg", "beach-1.jpg", "beach-2.jpg", "proxy-0", "proxy-1"]
    shown: list[list[Tensor]] = [images for _, images in rows]
    assert levels(shown[0]) == [30, 102]
    assert levels(shown[-1]) == [11, 101, 21]


def test_the_verdict_shows_photos_by_every_row_and_no_truth(tmp_path: Path, drawn: list[Any]) -> None:
    for row, level in ((START, 50), (UNIFORM, 70)):
        keep(tmp_path / "samples" / f"{row.key}.npz", level)
    keep(tmp_path / "best" / SAMPLES, 90)
    files = pictures(tmp_path).verdict(summary(BICUBIC, START, UNIFORM, CRAFTED))
    assert [file.name for file in files] == ["restored.png", "photos.png", "preview.png"]
    assert all(file.exists() for file in files)
    (_, _, proxies), (name, titles, photos) = drawn
    assert name == "photos.png"
    assert titles == ["LR, bicubic", "start", "uniform", "best: eq4 alpha 25"]
    assert [row.name for row in photos] == [name for name, _ in PHOTOS]
    assert [levels(row.images) for row in photos] == [[30 + n, 52 + n, 72 + n, 92 + n] for n in range(3)]
    assert all(row.truth is None for row in photos)
    assert [levels([row.truth]) for row in proxies] == [[20], [21]]


def test_a_row_that_kept_no_photos_is_left_out(tmp_path: Path, drawn: list[Any]) -> None:
    keep(tmp_path / "samples" / f"{START.key}.npz", 50, count=len(PAIRS))
    keep(tmp_path / "best" / SAMPLES, 90)
    pictures(tmp_path).verdict(summary(BICUBIC, START, CRAFTED))
    assert [titles for _, titles, _ in drawn] == [["LR, bicubic", "best: eq4 alpha 25"]] * 2
