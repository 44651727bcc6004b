"""The file of distances, and the key that says when they need not be measured again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degcraft.degradation import PAPER_SPACE, Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching import BinDistances, cache_key

SPACE = DegradationSpace((Axis("noise_level", 0, 50, 3),))


def record(**changes: Any) -> BinDistances:
    fields: dict[str, Any] = {
        "distances": np.array([1 / 3, 2e-300, 7.0]),
        "low": np.array([0.0, 0.0, 6.0]),
        "high": np.array([1.0, 1e-3, 8.0]),
        "excess": np.array([0.1, -1e-5, 0.2]),
        "extractor": "squeezenet",
        "layer": "fire5",
        "extractor_identity": "e" * 64,
        "n": 100,
        "m": 90,
        "seed": -4,
        "scale": 4,
        "space": SPACE.to_list(),
        "hr_hash": "a" * 64,
        "reference_hash": "b" * 64,
    }
    return BinDistances(**{**fields, **changes})


def test_a_file_gives_every_number_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "distances.json"
    original = record()
    original.save(path)
    loaded = BinDistances.load(path)
    for name in BinDistances.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(original, name))
    assert loaded.distances.dtype == np.float64
    assert json.loads(path.read_text())["format"] == "degcraft-distances/2"
    assert [file.name for file in path.parent.iterdir()] == ["distances.json"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "degcraft-distances/9"}, "format must be 'degcraft-distances/2', but got 'degcraft-distances/9'"),
        ({"layer": None}, "layer must be a JSON string, but got None"),
        ({"n": 1.5}, "n must be a JSON integer, but got 1.5"),
        ({"seed": True}, "seed must be a JSON integer, but got True"),
        ({"distances": 3.0}, "distances must be a JSON list, but got 3.0"),
        ({"low": [1, 2]}, r"low must be 3 finite numbers, one per bin, but got 2 finite ones in shape \(2,\)"),
        ({"low": [1, 2, "x"]}, "low must hold numbers only"),
        ({"high": [1, 2, float("inf")]}, "high must be 3 finite numbers, one per bin, but got 2 finite ones"),
        ({"alpha": 25}, "field 'alpha' is unknown"),
        ({"space": [{"name": "noise_level"}]}, "d.json: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_files_that_differ_from_the_format_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    record().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DegcraftError, match=words):
        BinDistances.load(path)


def test_missing_fields_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    with pytest.raises(DegcraftError, match=r"d\.json: cannot be read"):
        BinDistances.load(path)
    record().save(path)
    content = json.loads(path.read_text())
    del content["hr_hash"]
    path.write_text(json.dumps(content))
    with pytest.raises(DegcraftError, match=r"d\.json: field hr_hash is missing"):
        BinDistances.load(path)
    for text in ("{", "[]", '"degcraft-distances/2"'):
        path.write_text(text)
        with pytest.raises(DegcraftError, match=r"d\.json: "):
            BinDistances.load(path)


def test_key_changes_with_everything_that_decides_the_distances() -> None:
    base: dict[str, Any] = {
        "space": PAPER_SPACE,
        "scale": 4,
        "seed": 0,
        "hr_hash": "a",
        "reference_hash": "b",
        "extractor_identity": "c",
    }
    changes: list[dict[str, Any]] = [
        {},
        {"space": SPACE},
        {"space": DegradationSpace(PAPER_SPACE.axes[::-1])},
        {"scale": 2},
        {"seed": 1},
        {"hr_hash": "b", "reference_hash": "a"},
        {"hr_hash": "x"},
        {"reference_hash": "x"},
        {"extractor_identity": "x"},
    ]
    assert len({cache_key(**{**base, **change}) for change in changes}) == len(changes)


def test_key_does_not_depend_on_how_the_space_is_written() -> None:
    whole, real = (DegradationSpace((Axis("noise_level", low, high, 3),)) for low, high in ((0, 50), (0.0, 50.0)))
    keys = {
        cache_key(space=space, scale=4, seed=0, hr_hash="a", reference_hash="b", extractor_identity="c")
        for space in (whole, real, whole.to_list())
    }
    assert len(keys) == 1
    assert record().key == record(distances=np.zeros(3), n=3).key
