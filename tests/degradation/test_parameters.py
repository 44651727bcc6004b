"""The parameters of a batch."""

import pytest
import torch

from degcraft.degradation import NO_JPEG, Degradation
from degcraft.errors import DegcraftError


def test_a_part_of_a_batch_keeps_its_rows_together() -> None:
    whole = Degradation({"blur_sigma": torch.tensor([1.0, 2, 3]), "noise_level": torch.tensor([10.0, 20, 30])})
    assert whole[1:].rows() == [
        {"blur_sigma": 2.0, "noise_level": 20.0},
        {"blur_sigma": 3.0, "noise_level": 30.0},
    ]
    assert whole[torch.tensor([2, 0])].rows() == [whole.rows()[2], whole.rows()[0]]
    assert len(whole) == 3
    assert whole.get("jpeg_quality") is None


def test_no_parameters_fit_any_batch() -> None:
    assert len(Degradation()) == 0
    assert Degradation().rows() == []


def test_no_jpeg_is_a_legal_quality() -> None:
    assert Degradation({"jpeg_quality": torch.tensor([NO_JPEG, 90.0])}).rows()[0]["jpeg_quality"] == NO_JPEG


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"sharpness": torch.ones(2)}, "sharpness"),
        ({"blur_sigma": torch.ones(2, 1)}, r"shape \(B,\)"),
        ({"blur_sigma": torch.ones(2), "noise_level": torch.ones(3)}, "one length"),
        ({"blur_sigma": torch.tensor([1.0, -0.5])}, "-0.5"),
        ({"noise_level": torch.tensor([torch.nan])}, "nan"),
        ({"noise_level": torch.tensor([torch.inf])}, "inf"),
        ({"jpeg_quality": torch.tensor([0.0])}, r"\[1, 100\], but got 0"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        Degradation(parameters)
