"""What a trainer draws from."""

import json

import numpy as np
import pytest
import torch

from degcraft.degradation import (
    NO_JPEG,
    PAPER_SPACE,
    BoxSource,
    DegradationSource,
    ListedSource,
    SpaceSource,
    degrade,
)
from degcraft.errors import DegcraftError

BOX = {"blur_sigma": (2.0, 4.0), "noise_level": (0.0, 20.0), "jpeg_quality": (50.0, 70.0)}
SOURCES = [SpaceSource(PAPER_SPACE, PAPER_SPACE.overlap(BOX)), BoxSource(BOX)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("source", SOURCES, ids=["space", "box"])
def test_a_source_says_what_it_did(source: DegradationSource) -> None:
    assert isinstance(source, DegradationSource)
    hr = torch.rand(6, 3, 32, 48, generator=generator())
    lr, degradation = source.degrade(hr, 4, generator(1))
    assert lr.shape == (6, 3, 8, 12)
    for name, (low, high) in BOX.items():
        assert low <= degradation.get(name).min() <= degradation.get(name).max() <= high

    # The parameters are drawn first and the noise after them, from one generator.
    replay = generator(1)
    if isinstance(source, SpaceSource):
        source.space.each_bin.sample(source.weights, 6, replay)
    else:
        torch.rand(3, 6, generator=replay, dtype=torch.float64)
    assert torch.equal(degrade(hr, degradation, 4, replay), lr)


@pytest.mark.parametrize("source", SOURCES, ids=["space", "box"])
def test_a_source_describes_itself_in_json(source: DegradationSource) -> None:
    description = source.describe()
    assert json.loads(json.dumps(description)) == description
    assert description["kind"] in ("space", "box")


def test_a_side_without_width_fixes_its_parameter() -> None:
    _, degradation = BoxSource({"blur_sigma": (1.5, 1.5)}).degrade(torch.zeros(3, 3, 8, 8), 4, generator())
    assert degradation.rows() == [{"blur_sigma": 1.5}] * 3


def test_weights_are_normalised_and_checked() -> None:
    assert SpaceSource(PAPER_SPACE, np.full(75, 3.0)).weights.sum() == pytest.approx(1)
    with pytest.raises(DegcraftError, match="shape"):
        SpaceSource(PAPER_SPACE, np.ones(74))
    with pytest.raises(DegcraftError, match="low <= high"):
        BoxSource({"blur_sigma": (3.0, 1.0)})


def test_a_list_keeps_together_what_is_done_together() -> None:
    rows = {"noise_level": torch.tensor([0.0, 10.0, 20.0]), "jpeg_quality": torch.tensor([NO_JPEG, 50.0, 30.0])}
    source = ListedSource(rows)
    lr, drawn = source.degrade(torch.full((400, 3, 8, 8), 0.5), 2, torch.Generator().manual_seed(0))
    assert lr.shape == (400, 3, 4, 4)
    together = {(row["noise_level"], row["jpeg_quality"]) for row in drawn.rows()}
    assert together == {(0.0, NO_JPEG), (10.0, 50.0), (20.0, 30.0)}
    counts = torch.stack([(drawn.parameters["noise_level"] == level).sum() for level in (0, 10, 20)])
    assert sorted(counts.tolist()) == [133, 133, 134]
    assert not len(source.degrade(torch.empty(0, 3, 8, 8), 2, torch.Generator())[0])
    assert json.loads(json.dumps(source.describe(), allow_nan=False))["parameters"]["jpeg_quality"] == [None, 50, 30]
    with pytest.raises(DegcraftError, match="at least one row"):
        ListedSource({"noise_level": torch.tensor([])})
