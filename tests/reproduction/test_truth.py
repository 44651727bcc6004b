"""Settings, and mixtures of them."""

import numpy as np
import pytest
import torch

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource
from degcraft.errors import DegcraftError
from degcraft.images import Patches
from degcraft.reproduction import Truth


def test_a_setting_and_a_mixture() -> None:
    one, two = Truth.parse("3"), Truth.parse("0.7*1+0.3*4")
    assert (one.setting, str(one)) == (3, "3")
    assert (two.setting, str(two)) == (None, "0.7*1+0.3*4")
    assert one.source() == BoxSource(TEST_SETTINGS[3])
    weights = two.weights()
    assert weights.sum() == pytest.approx(1)
    expected = 0.7 * PAPER_SPACE.overlap(TEST_SETTINGS[1]) + 0.3 * PAPER_SPACE.overlap(TEST_SETTINGS[4])
    np.testing.assert_allclose(weights, expected)
    assert two.source().describe()["kind"] == "space"


@pytest.mark.parametrize("text", ["", "5", "1+2", "0.5*1+0.6*2", "0.5*1+0.5*1", "-1*1+2*2", "x*1", "1*"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(DegcraftError, match="a setting must be one of 1, 2, 3, 4, or a mixture"):
        Truth.parse(text)


def test_crops_are_dealt_to_the_settings() -> None:
    pixels = torch.full((20, 3, 128, 128), 128, dtype=torch.uint8)
    clean = Patches(pixels, tuple(f"{n}.png" for n in range(20)))
    found = Truth.parse("0.7*1+0.3*4").patches(clean, 4, 5)
    again = Truth.parse("0.7*1+0.3*4").patches(clean, 4, 5)
    assert torch.equal(found.pixels, again.pixels)
    assert not torch.equal(found.pixels, Truth.parse("0.7*1+0.3*4").patches(clean, 4, 6).pixels)
    noisy = found.pixels.float().std(dim=(1, 2, 3)) > 12  # setting 1 has up to 10, setting 4 at least 25
    assert int(noisy.sum()) == 6
