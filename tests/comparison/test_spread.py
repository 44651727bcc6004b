"""The spread of a distance falls as images are added."""

from pathlib import Path

import numpy as np
import pytest

from degcraft.comparison import Choice, measure_spread
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import HrPool, scan_folder
from tests.comparison.light import SCALE, SETTINGS, SPACE

Extractors = dict[Choice, FeatureExtractor]
SEES = Choice("differences", "only")


@pytest.fixture(scope="module")
def pools(photographs: Path) -> tuple[HrPool, HrPool]:
    hr, clean = (HrPool.from_files(scan_folder(photographs / part).files, min_side=48) for part in ("clean", "others"))
    return hr, clean


def test_mean_and_spread_fall_with_the_images(extractors: Extractors, pools: tuple[HrPool, HrPool]) -> None:
    told = []
    spread = measure_spread(
        SPACE, *pools, SETTINGS[1], extractors, counts=(4, 64), draws=12, size=24, scale=SCALE,
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    assert list(spread) == list(extractors)
    for values in spread.values():
        assert values.shape == (2, 12)
        assert len(set(values[1])) == 12
        assert values[0].mean() > values[1].mean()
        assert values[0].std() > 1.5 * values[1].std()
    assert told[-1] == (12, 12)


def test_fewer_images_are_the_first_of_more(extractors: Extractors, pools: tuple[HrPool, HrPool]) -> None:
    both, few = (
        measure_spread(SPACE, *pools, SETTINGS[1], extractors, counts=counts, draws=2, size=24, scale=SCALE, seed=7)
        for counts in ((8, 25), (25,))
    )
    np.testing.assert_array_equal(both[SEES][1], few[SEES][0])
    other = measure_spread(SPACE, *pools, SETTINGS[1], extractors, counts=(25,), draws=2, size=24, scale=SCALE, seed=8)
    assert not np.array_equal(other[SEES], few[SEES])


def test_the_setting_lies_nearer_to_its_own_bin_than_another(
    extractors: Extractors, pools: tuple[HrPool, HrPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = measure_spread(SPACE, *pools, SETTINGS[1], extractors, counts=(25,), draws=3, size=24, scale=SCALE)
    monkeypatch.setattr(type(SPACE), "overlap", lambda self, box: np.eye(4)[2])
    other = measure_spread(SPACE, *pools, SETTINGS[1], extractors, counts=(25,), draws=3, size=24, scale=SCALE)
    assert own[SEES].max() < other[SEES].min()


@pytest.mark.parametrize(("counts", "draws"), [((1, 10), 5), ((), 5), ((10,), 0)])
def test_too_little_is_refused(
    counts: tuple[int, ...], draws: int, extractors: Extractors, pools: tuple[HrPool, HrPool]
) -> None:
    with pytest.raises(DegcraftError, match="at least 2 images and at least 1 draw"):
        measure_spread(SPACE, *pools, SETTINGS[1], extractors, counts=counts, draws=draws, size=24, scale=SCALE)
