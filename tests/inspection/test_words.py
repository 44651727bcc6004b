"""Estimates in words that need no manual."""

import math

import pytest

from degcraft.inspection import AxisEstimate, axis_words, sentence


@pytest.mark.parametrize(
    ("axis", "estimate", "expected"),
    [
        ("blur_sigma", (1.23, 0.81, 1.68), "blur sigma 1.2 px (0.8–1.7)"),
        ("noise_level", (6.2, 3.6, 9.4), "noise 6/255 (4–9)"),
        ("blur_sigma", (0.1, 0.0, 1.3), "blur sigma below 1.3 px"),
        ("noise_level", (0.8, 0.04, 1.9), "noise 0.8/255 (0.0–1.9)"),
        ("noise_level", (0.3, 0.02, 2.3), "noise below 2/255"),
        ("noise_level", (12.1, 12.0, 12.2), "noise 12/255"),
        ("jpeg_quality", (70.4, 60, 80), "JPEG quality 70 (60–80)"),
        ("jpeg_quality", (92, 85, math.inf), "JPEG quality 92 (85–none)"),
        ("jpeg_quality", (math.inf, 91, math.inf), "no JPEG compression (or quality above 91)"),
        ("jpeg_quality", (math.inf, 33, math.inf), "JPEG quality anywhere from 33 to none"),
        ("jpeg_quality", (math.inf, math.inf, math.inf), "no JPEG compression"),
    ],
)
def test_an_axis(axis: str, estimate: tuple[float, float, float], expected: str) -> None:
    assert axis_words(axis, AxisEstimate(*estimate)) == expected


def test_without_the_name() -> None:
    assert axis_words("noise_level", AxisEstimate(6, 4, 9), named=False) == "6/255 (4–9)"
    assert axis_words("jpeg_quality", AxisEstimate(math.inf, 91, math.inf), named=False) == "none (or quality above 91)"
    assert axis_words("jpeg_quality", AxisEstimate(math.inf, 33, math.inf), named=False) == "anywhere from 33 to none"


def test_a_sentence() -> None:
    axes = {"blur_sigma": AxisEstimate(1.2, 0.8, 1.7), "jpeg_quality": AxisEstimate(70, 60, 80)}
    assert sentence(axes) == "blur sigma 1.2 px (0.8–1.7), JPEG quality 70 (60–80)"
