"""What a notebook calls: the tutorial runs from its first line to its last, and so do the examples of the functions."""

import base64
import doctest
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import degcraft
from degcraft.errors import DegcraftError
from degcraft.results import Result

TUTORIAL = Path(__file__).parents[1] / ".readme" / "tutorial.md"
BLOCKS = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The names that the tutorial has made, in the folder that it was run in."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("tutorial"))
    made: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, TUTORIAL.name, "exec"), made)
    yield made
    os.chdir(before)


def test_the_tutorial_finds_what_was_hidden(names: dict[str, Any]) -> None:
    noise = names["photos"].axes["noise_level"]
    assert noise.low < 20 < noise.high
    crafted, by_distance = names["crafted"], names["by_distance"]
    heaviest = crafted.space.axes[1].words(int(crafted.parts.marginal(crafted.weights, 1).argmax()))
    assert heaviest in ("10 to 20", "20 to 30")
    assert by_distance.weighting == {"name": "eq4", "alpha": 10.0}
    assert (by_distance.distances == crafted.distances).all()
    means = names["found"].scores.means()
    assert means["start:x4"]["psnr"] > means["bicubic"]["psnr"] + 1
    assert Path("restored/chelsea.png").is_file()


def test_a_saved_distribution_still_warns(names: dict[str, Any]) -> None:
    from degcraft.degradation import CraftedDistribution

    read = CraftedDistribution.load("crafted.json")
    assert read.warnings == names["crafted"].warnings
    assert any("Add other images." in warning for warning in read.warnings)
    assert read.sentences() == names["crafted"].sentences()
    assert CraftedDistribution.uniform(read.space).warnings == []


@pytest.mark.parametrize("name", ["photos", "crafted", "restored", "found"])
def test_a_notebook_shows_every_result(names: dict[str, Any], name: str) -> None:
    result = names[name]
    assert isinstance(result, Result)
    shown = result._repr_html_()
    picture = shown.partition('src="data:image/png;base64,')[2].partition('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(picture))).width > 200
    assert result.sentences()[0].split()[0] in shown
    assert repr(result).startswith(f"<{type(result).__name__}: {result.sentences()[0].split()[0]}")
    assert len(repr(result)) < 250
    table = result.table()
    assert (name == "restored") == (table is None)
    if table is not None:
        assert shown.count("<tr") == 1 + len(table.rows)
        assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("name", degcraft.__all__)
def test_the_examples_of_the_functions_are_true(names: dict[str, Any], name: str) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(degcraft, name), name, globs={})
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert outcome.attempted > 1
    assert outcome.failed == 0


def test_importing_loads_no_more_than_names() -> None:
    asked = "import sys, degcraft; assert 'craft' in dir(degcraft); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "matplotlib", "rich"} & set(done.stdout.split())


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="restore_all"):
        degcraft.restore_all  # noqa: B018


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(20, 20), r"must be \(3, h, w\) float, but is \(20, 20\)"),
        (torch.zeros(3, 0, 20), r"must be \(3, h, w\) float, but is \(3, 0, 20\)"),
        (torch.zeros(3, 20, 20, dtype=torch.uint8), "float, but is .* torch.uint8"),
        (torch.full((3, 20, 20), 255.0), r"must have values in \[0, 1\], but has 255 to 255"),
        (torch.full((3, 20, 20), torch.nan), "but has nan to nan"),
        (np.zeros((3, 20, 20), np.float32), "must be a file or a tensor, but is ndarray"),
        ("gone.png", r"gone\.png: no such file"),
    ],
)
def test_what_is_no_image_is_said(image: Any, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        degcraft.load("start:x4", "cpu")(image)


def test_a_network_says_what_it_is_in_a_line() -> None:
    assert repr(degcraft.load("start:x4", "cpu")) == "<LoadedNetwork: compact, x4, 325,488 parameters>"


def test_slips_in_calls_are_said_in_a_sentence() -> None:
    with pytest.raises(DegcraftError, match="inspect needs an image or a folder to look at, but got none"):
        degcraft.inspect()
    for name, value in (("scale", 1.5), ("scale", 5), ("reduce", 9)):
        with pytest.raises(DegcraftError, match=rf"{name} must be a whole number from 1 to [48], but got {value}"):
            degcraft.craft(".", ".", **{name: value})
    with pytest.raises(DegcraftError, match=r"a\.xyz: the suffix must be one of \.png"):
        degcraft.load("start:x4", "cpu")(torch.zeros(3, 9, 9), into="a.xyz")
