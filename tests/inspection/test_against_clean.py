"""The blur of a pile against clean images: what content is soft by itself is no blur."""

from pathlib import Path

import pytest
import skimage.data
import torch

from degcraft.degradation import Degradation, degrade
from degcraft.features import load_degnet, make_extractor
from degcraft.images import read_image, write_image
from degcraft.inspection import inspect_clean, inspect_files, summarise
from degcraft.inspection.against_clean import blur_against
from tests.conftest import CLEAN

TRUTH, SOFTNESS = 1.5, 2.0


def blurred(image: torch.Tensor, sigma: float, scale: int) -> torch.Tensor:
    """(3, H, W) to (3, H/scale, W/scale)."""
    return degrade(image[None], Degradation({"blur_sigma": torch.tensor([sigma])}), scale, torch.Generator())[0]


@pytest.mark.parametrize(
    ("content", "clean", "expected"),
    [
        pytest.param(0.0, 0.0, TRUTH, id="sharp"),
        pytest.param(SOFTNESS, SOFTNESS, TRUTH, id="as soft as the clean images"),
        pytest.param(SOFTNESS, 0.0, (TRUTH**2 + SOFTNESS**2) ** 0.5, id="softer than they are"),
    ],
)
def test_blur_is_what_lies_between_the_clean_images_and_these(
    tmp_path: Path, content: float, clean: float, expected: float
) -> None:
    for name in CLEAN:
        image = read_image(Path(skimage.data.__file__).parent / name).rgb[:, :512, :512]
        write_image(tmp_path / "lr" / f"{name}.png", blurred(blurred(image, content, 1), TRUTH, 4))
        write_image(tmp_path / "hr" / f"{name}.png", blurred(image, clean, 1))
    network = load_degnet()
    lr, hr = (sorted((tmp_path / side).iterdir()) for side in ("lr", "hr"))
    pile = summarise(inspect_files(lr, network))
    found = blur_against(inspect_clean(hr, network), pile, make_extractor("degnet"))
    assert found.value == pytest.approx(expected, abs=0.3)
    assert found.low <= found.value <= found.high
