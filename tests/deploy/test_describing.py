"""A distribution in a line, for whoever looks at the served model."""

from typing import Any

import numpy as np
import pytest

from degcraft.degradation import PAPER_SPACE, Axis, CraftedDistribution, DegradationSpace
from deploy.http.describing import crafted_for

SPACE = DegradationSpace((Axis("noise_level", 0, 20, 2), Axis("jpeg_quality", 30, 90, 3, none=True)))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({(0, 2): 1.0}, "noise 0 to 10, JPEG quality 70 to 90"),
        ({(0, 2): 0.5, (1, 3): 0.5}, "noise 0 to 20, JPEG quality 70 to 90 or none"),
        ({(1, 3): 1.0}, "noise 10 to 20, JPEG quality none"),
    ],
)
def test_the_bins_that_hold_most_are_named(cells: dict[tuple[int, int], float], said: str) -> None:
    weights = np.zeros(SPACE.shape)
    for cell, weight in cells.items():
        weights[cell] = weight
    assert crafted_for(CraftedDistribution(SPACE, weights.ravel()).to_dict()) == said


@pytest.mark.parametrize("crafted", [None, {}, {"axes": PAPER_SPACE.to_list()}, {"axes": 5, "weights": [1.0]}])
def test_what_is_not_told_is_not_said(crafted: dict[str, Any] | None) -> None:
    assert crafted_for(crafted) is None
