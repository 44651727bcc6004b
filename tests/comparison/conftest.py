"""Light extractors and small clean crops."""

from pathlib import Path

import pytest

from degcraft.comparison import Choice
from degcraft.features import FeatureExtractor
from degcraft.images import Patches, cut_patches, scan_folder
from tests.comparison.light import make_light


@pytest.fixture(scope="session")
def extractors() -> dict[Choice, FeatureExtractor]:
    """One that sees degradations, and one that sees only the mean colour."""
    return {Choice(name, "only"): make_light(name) for name in ("differences", "colour")}


@pytest.fixture(scope="session")
def hr(photographs: Path) -> Patches:
    return cut_patches(scan_folder(photographs / "clean").files, size=64, count=16, seed=0)


@pytest.fixture(scope="session")
def clean(photographs: Path) -> Patches:
    return cut_patches(scan_folder(photographs / "others").files, size=64, count=12, seed=0)
