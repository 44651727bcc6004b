"""Four narrow test degradations, each a box inside the paper's space.

In the manner of the paper's Table 1 each is a small block of neighbouring bins of the 75-bin space: two bins
of blur, two of noise, one of JPEG quality. The bounds are ours and not the table's numbers, so scores on them
are comparable with each other and not with the paper's.
"""

TEST_SETTINGS: dict[int, dict[str, tuple[float, float]]] = {
    1: {"blur_sigma": (0.0, 2.0), "noise_level": (0.0, 20.0), "jpeg_quality": (70.0, 90.0)},
    2: {"blur_sigma": (1.0, 3.0), "noise_level": (20.0, 40.0), "jpeg_quality": (50.0, 70.0)},
    3: {"blur_sigma": (2.0, 4.0), "noise_level": (0.0, 20.0), "jpeg_quality": (50.0, 70.0)},
    4: {"blur_sigma": (3.0, 5.0), "noise_level": (30.0, 50.0), "jpeg_quality": (30.0, 50.0)},
}
"""Setting number → axis name → (low, high); a degradation is drawn uniformly from the box."""
