"""How an image file should read, as arrays say it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from degcraft.images import image_size, read_image

Shows = Callable[..., None]


@pytest.fixture
def assert_shows() -> Shows:
    """Check that a file reads as an integer array (H, W, 3) or (H, W) over its white, and its alpha likewise."""

    def check(path: Path, pixels: np.ndarray, alpha: np.ndarray | None = None, white: int = 255) -> None:
        if pixels.ndim == 2:
            pixels = np.stack([pixels] * 3, axis=2)
        image = read_image(path)
        assert image.path == path
        assert image.rgb.dtype == torch.float32
        np.testing.assert_allclose(image.rgb.numpy(), pixels.transpose(2, 0, 1).astype(np.float64) / white, atol=1e-6)
        if alpha is None:
            assert image.alpha is None
        else:
            assert image.alpha is not None
            np.testing.assert_allclose(image.alpha.numpy(), alpha[None].astype(np.float64) / white, atol=1e-6)
        assert image_size(path) == pixels.shape[:2]

    return check
