"""The four test degradations of the paper's Table 1 (arXiv 2305.18107, section 4.2)."""

TEST_SETTINGS: dict[int, dict[str, tuple[float, float]]] = {
    1: {"blur_sigma": (0.0, 1.0), "noise_level": (0.0, 10.0), "jpeg_quality": (80.0, 90.0)},
    2: {"blur_sigma": (0.5, 1.5), "noise_level": (15.0, 25.0), "jpeg_quality": (75.0, 85.0)},
    3: {"blur_sigma": (1.5, 2.5), "noise_level": (5.0, 15.0), "jpeg_quality": (75.0, 85.0)},
    4: {"blur_sigma": (2.5, 3.5), "noise_level": (25.0, 35.0), "jpeg_quality": (65.0, 75.0)},
}
"""Setting number → axis name → (low, high); a degradation is drawn uniformly from the box."""
