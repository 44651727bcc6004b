"""The comparison measures what `degcraft weights` measures, and degrades each bin once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degcraft.comparison import (
    Choice,
    compare,
    compare_extractors,
    compare_once,
    known_references,
    median_rows,
    score_rows,
)
from degcraft.degradation import Axis, Box, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.images import Patches, cut_structured, scan_folder
from degcraft.matching import measure
from tests.comparison.light import SCALE, SETTINGS, SPACE

Extractors = dict[Choice, FeatureExtractor]


def test_every_distance_is_that_of_measuring_alone(extractors: Extractors, hr: Patches, clean: Patches) -> None:
    run = compare_once(SPACE, hr, clean, SETTINGS, extractors, scale=SCALE, seed=3)
    assert [(one.choice, one.setting) for one in run.measurements] == [
        (choice, number) for choice in extractors for number in SETTINGS
    ]
    for one in run.measurements:
        references = known_references(clean, SETTINGS[one.setting], SCALE, seed=3)
        alone = measure(SPACE, hr, references, extractors[one.choice], scale=SCALE, seed=3)
        np.testing.assert_allclose(one.distances, alone.distances, rtol=2e-3)  # half precision
        assert one.seed == 3
        assert one.seconds > 0
    assert (run.hr_hash, run.clean_hash) == (hr.content_hash, clean.content_hash)


def test_each_bin_is_degraded_once_for_all(
    extractors: Extractors, hr: Patches, clean: Patches, monkeypatch: pytest.MonkeyPatch
) -> None:
    degraded = []
    degrade_bin = compare.degrade_bin

    def counted(space: Any, index: int, *args: Any, **kwargs: Any) -> Any:
        degraded.append(index)
        return degrade_bin(space, index, *args, **kwargs)

    monkeypatch.setattr(compare, "degrade_bin", counted)
    done = []
    run = compare_once(
        SPACE, hr, clean, SETTINGS, extractors, scale=SCALE, progress=lambda bins, of: done.append((bins, of))
    )  # fmt: skip
    assert len(run.measurements) == 4
    assert degraded == [0, 1, 2, 3]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_features_that_see_the_degradation_find_it(extractors: Extractors, hr: Patches, clean: Patches) -> None:
    space = DegradationSpace((Axis("noise_level", 0, 60, 3),))
    settings: dict[int, Box] = {1: {"noise_level": (0.0, 20.0)}, 2: {"noise_level": (20.0, 60.0)}}
    run = compare_once(space, hr, clean, settings, extractors, scale=SCALE)
    rows = score_rows(space, settings, run.measurements, [2])
    scores = {(row.choice.name, row.setting): row.score for row in rows}
    for number, bins in ((1, 1), (2, 2)):
        assert scores["differences", number].top_hits == scores["differences", number].true_bins == bins
        assert scores["differences", number].on_true_bins > 0.7
    # Mean colours know nothing of noise, so that what they say of both settings is nearly the same.
    colour = [one.distances for one in run.measurements if one.choice.name == "colour"]
    assert np.argmin(colour[0]) == np.argmin(colour[1])


def test_every_seed_has_crops_of_its_own(extractors: Extractors, photographs: Path) -> None:
    hr_files, clean_files = (scan_folder(photographs / part).files for part in ("clean", "others"))
    told = []
    runs = compare_extractors(
        SPACE, hr_files, clean_files, SETTINGS, extractors, size=24, count=9, scale=SCALE, seeds=(0, 5),
        progress=lambda bins, of: told.append((bins, of)),
    )  # fmt: skip
    assert runs[0].hr_hash != runs[1].hr_hash
    assert runs[1].hr_hash == cut_structured(hr_files, size=48, count=9, seed=5, scale=SCALE).content_hash
    assert [one.seed for run in runs for one in run.measurements] == [0] * 4 + [5] * 4
    assert told == [(bins, 8) for bins in range(1, 9)]


def test_medians_are_over_seeds_alone(extractors: Extractors, photographs: Path) -> None:
    hr_files, clean_files = (scan_folder(photographs / part).files for part in ("clean", "others"))
    runs = compare_extractors(
        SPACE, hr_files, clean_files, SETTINGS, extractors, size=24, count=9, scale=SCALE, seeds=(0, 1, 2)
    )
    rows = score_rows(SPACE, SETTINGS, [one for run in runs for one in run.measurements], [5, 25])
    medians = median_rows(rows)
    assert len(rows) == 3 * len(medians) == 3 * 2 * 2 * 2
    assert [(row.setting, row.alpha) for row in medians] == [
        (number, alpha) for number in SETTINGS for alpha in (5, 25) for _ in extractors
    ]
    chosen = next(row for row in medians if (row.choice.name, row.setting, row.alpha) == ("colour", 2, 5))
    of_it = [row for row in rows if (row.choice.name, row.setting, row.alpha) == ("colour", 2, 5)]
    assert len({row.seed for row in of_it}) == 3
    assert chosen.seed is None
    assert chosen.score.total_variation == sorted(row.score.total_variation for row in of_it)[1]
    assert chosen.seconds == sorted(row.seconds for row in of_it)[1]


def test_sides_that_do_not_fit_are_refused(extractors: Extractors, hr: Patches, photographs: Path) -> None:
    larger = cut_structured(scan_folder(photographs / "others").files, size=80, count=5, seed=0)
    with pytest.raises(DegcraftError, match="HR patches must have 80 pixels a side"):
        compare_once(SPACE, hr, larger, SETTINGS, extractors, scale=SCALE)
