"""One axis: its cells, that of none among them, and how it is written."""

import math

import numpy as np
import pytest
import torch

from degcraft.degradation import NO_JPEG, Axis, Degradation, DegradationSpace, degrade
from degcraft.errors import DegcraftError

QUALITY = Axis("jpeg_quality", 30, 90, 3, none=True)
NOISE = Axis.of_edges("noise_level", [0, 2, 10], none=True)


def test_none_stands_where_its_value_does() -> None:
    assert QUALITY.cells == ((30, 50), (50, 70), (70, 90), (NO_JPEG, NO_JPEG))
    assert NOISE.cells == ((0, 0), (0, 2), (2, 10))
    assert (QUALITY.none_cell, NOISE.none_cell, Axis("noise_level", 0, 10, 2).none_cell) == (3, 0, None)
    assert [NOISE.words(cell) for cell in range(3)] == ["none", "0 to 2", "2 to 10"]
    assert Axis.of_edges("noise_level", [0, 5, 10]).edges == Axis("noise_level", 0, 10, 2).edges


@pytest.mark.parametrize("axis", [QUALITY, NOISE, Axis("blur_sigma", 0.5, 4, 7), Axis.of_edges("blur_sigma", [0, 1])])
def test_text_and_json_give_the_axis_back(axis: Axis) -> None:
    assert Axis.parse(str(axis)) == axis
    assert Axis.from_dict(axis.to_dict()) == axis


def test_an_equal_axis_is_written_as_ever() -> None:
    assert Axis("blur_sigma", 0.0, 5.0, 5).to_dict() == {"name": "blur_sigma", "low": 0.0, "high": 5.0, "bins": 5}


def test_cells_are_drawn_by_weight_and_none_is_exactly_none() -> None:
    space = DegradationSpace((NOISE, QUALITY))
    weights = np.zeros(12)
    weights[[0, 3, 4 + 1, 8 + 3]] = 0.1, 0.2, 0.3, 0.4  # none and 30 to 50, none at all, 0 to 2 and …, 2 to 10 and none
    drawn = space.each_bin.sample(weights, 20_000, torch.Generator().manual_seed(0))
    noise, quality = drawn.parameters["noise_level"], drawn.parameters["jpeg_quality"]
    assert float((noise == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float((quality == NO_JPEG).float().mean()) == pytest.approx(0.6, abs=0.02)
    assert float(quality[noise == 0].isinf().float().mean()) == pytest.approx(2 / 3, abs=0.02)
    inside = noise[(quality > 50) & (quality < 70)]
    assert (float(inside.min()) > 0, float(inside.max()) <= 2) == (True, True)
    assert float(inside.mean()) == pytest.approx(1, abs=0.03)
    none = space.sample_bin(3, 5, torch.Generator().manual_seed(0))
    assert none.rows() == [{"noise_level": 0.0, "jpeg_quality": math.inf}] * 5


def test_none_does_nothing_to_an_image() -> None:
    hr = (torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    space = DegradationSpace((Axis("blur_sigma", 0, 5, 5, none=True), NOISE, QUALITY))
    drawn = space.sample_bin(3, 2, torch.Generator().manual_seed(0))
    assert torch.equal(degrade(hr, drawn, 1, torch.Generator().manual_seed(1)), hr)
    assert torch.equal(degrade(hr, Degradation(), 1, torch.Generator().manual_seed(1)), hr)


def test_the_overlap_with_a_box_knows_none() -> None:
    space = DegradationSpace((NOISE,))
    np.testing.assert_allclose(space.overlap({"noise_level": (0, 4)}), [0, 0.5, 0.5])
    np.testing.assert_allclose(space.overlap({"noise_level": (0, 0)}), [1, 0, 0])
    np.testing.assert_allclose(space.overlap({"noise_level": (2, 2)}), [0, 0, 1])
    np.testing.assert_allclose(DegradationSpace((QUALITY,)).overlap({"jpeg_quality": (NO_JPEG, NO_JPEG)}), [0, 0, 0, 1])
    with pytest.raises(DegcraftError, match="box must meet the space"):
        DegradationSpace((Axis("jpeg_quality", 30, 90, 3),)).overlap({"jpeg_quality": (NO_JPEG, NO_JPEG)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blur_sigma:0:3", "must be NAME:LOW:HIGH:BINS"),
        ("blur_sigma:0:3:x", "must be NAME:LOW:HIGH:BINS"),
        ("blur_sigma:0:3:2:1", "must be NAME:LOW:HIGH:BINS"),
        ("blur_sigma", "must be NAME:LOW:HIGH:BINS"),
        ("blur_sigma:0:3:0", "bins must be a whole number from 1 to 1000, but got 0"),
        ("blur_sigma:0:3:1000000000", "bins must be a whole number from 1 to 1000, but got 1000000000"),
        ("blur_sigma:0,2,1", "low must be below high|cuts must be 1 rising values"),
        ("blur_sigma:0,3,2,4", "cuts must be 2 rising values between 0 and 4"),
        ("blur_sigma:1", "edges must be at least 2 rising values"),
        ("rain:0:1:2", "axis name must be one of"),
    ],
)
def test_what_is_no_axis_is_refused(text: str, said: str) -> None:
    with pytest.raises(DegcraftError, match=said):
        Axis.parse(text)


@pytest.mark.parametrize("change", [{"none": "yes"}, {"cuts": 3}, {"cuts": ["a"]}, {"colour": 1}, {"low": True}])
def test_json_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DegcraftError, match="axes: "):
        Axis.from_dict({"name": "noise_level", "low": 0, "high": 10, "bins": 2} | change)
