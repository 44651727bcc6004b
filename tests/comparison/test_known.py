"""References of a known setting: degraded as asked, and drawn apart from the bins."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS
from degcraft.errors import DegcraftError
from degcraft.images import Patches
from degcraft.matching import degrade_bin


def test_noise_has_the_level_of_the_setting(clean: Patches) -> None:
    quiet, noisy = (known_references(clean, {"noise_level": (level, level)}, 2, seed=0) for level in (0.0, 20.0))
    inside = (quiet.pixels > 70) & (quiet.pixels < 185)  # elsewhere clipping takes some of it away
    added = (noisy.pixels.float() - quiet.pixels.float())[inside]
    assert float(added.std()) == pytest.approx(20, rel=0.03)
    assert float(added.mean()) == pytest.approx(0, abs=0.5)


def test_jpeg_is_what_pillow_would_write(clean: Patches) -> None:
    plain = known_references(clean, {"noise_level": (0.0, 0.0)}, 2, seed=0)
    compressed = known_references(clean, {"jpeg_quality": (40.0, 40.0)}, 2, seed=0)
    for before, after in zip(plain.pixels, compressed.pixels, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(before.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=40, subsampling="4:2:0")
        expected = np.asarray(Image.open(buffer)).transpose(2, 0, 1).astype(int)
        assert np.abs(after.numpy().astype(int) - expected).mean() < 1


def test_they_are_eight_bit_patches_of_the_same_files(clean: Patches) -> None:
    references = known_references(clean, TEST_SETTINGS[2], 4, seed=0)
    assert references.pixels.dtype == torch.uint8
    assert references.pixels.shape == (len(clean), 3, 16, 16)
    assert references.files == clean.files


def test_seed_and_setting_decide_them(clean: Patches) -> None:
    first, again, other = (known_references(clean, TEST_SETTINGS[2], 4, seed=seed) for seed in (0, 0, 1))
    assert first.content_hash == again.content_hash != other.content_hash
    reordered = dict(reversed(TEST_SETTINGS[2].items()))
    wider = known_references(clean, {**TEST_SETTINGS[2], "noise_level": (20.0, 41.0)}, 4, seed=0)
    assert wider.content_hash != first.content_hash
    assert len(known_references(clean, reordered, 4, seed=0)) == len(first)


def test_a_bin_that_equals_the_setting_draws_otherwise(clean: Patches) -> None:
    """Equal noise on both sides would make a distance too small."""
    bin_index = 0
    references = known_references(clean, PAPER_SPACE.bounds(bin_index), 4, seed=0)
    lr, _ = degrade_bin(PAPER_SPACE, bin_index, clean.images(), scale=4, seed=0)
    assert not torch.equal(references.pixels, (lr * 255).round().byte())


def test_a_box_that_cannot_be_is_refused(clean: Patches) -> None:
    with pytest.raises(DegcraftError, match="noise_level"):
        known_references(clean, {"noise_level": (5.0, 1.0)}, 4, seed=0)
