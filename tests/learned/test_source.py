"""A learned degradation's file, and what can be drawn from it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.learned import LearnedDegradation, LearnedSource, load_learned, save_learned

SMALL = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}


@pytest.fixture
def source() -> LearnedSource:
    return LearnedSource(LearnedDegradation(2, seed=3, **SMALL), {"steps": 5})


def test_the_file_gives_it_back(source: LearnedSource, tmp_path: Path) -> None:
    save_learned(tmp_path / "new" / "a.safetensors", source)
    loaded = load_learned(tmp_path / "new" / "a.safetensors")
    assert isinstance(loaded, DegradationSource)
    assert loaded.identity == source.identity
    assert loaded.training == {"steps": 5}
    assert json.loads(json.dumps(loaded.describe())) == source.describe()


def test_draws_follow_the_generator_alone(source: LearnedSource) -> None:
    hr = torch.rand(3, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    first, again, other = (source.degrade(hr, 2, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == (3, 3, 10, 10)
    assert first[1] is None
    assert torch.equal(before, torch.get_rng_state())


def test_what_does_not_fit_is_refused(source: LearnedSource, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="reduces by 2, and not by 4"):
        source.degrade(torch.rand(1, 3, 16, 16), 4, torch.Generator())
    with pytest.raises(DegcraftError, match="larger than half a kernel"):
        source.degrade(torch.rand(1, 3, 4, 4), 2, torch.Generator())
    with pytest.raises(DegcraftError, match=r"saved as \.safetensors"):
        save_learned(tmp_path / "a.pt", source)
    with pytest.raises(DegcraftError, match="there is no such file"):
        load_learned(tmp_path / "none.safetensors")
    (tmp_path / "rubbish.safetensors").write_bytes(b"rubbish")
    with pytest.raises(DegcraftError, match="must be a learned degradation"):
        load_learned(tmp_path / "rubbish.safetensors")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"format": "other"}, "format must be 'degcraft-pdm/1', but is 'other'"),
        ({"scale": 10**9}, "scale must be a whole number from 1 to 8"),
        ({"knobs": {**SMALL, "channels": 10**9}}, "channels must be at most 512"),
        ({"knobs": {**SMALL, "channels": 256}}, "not the weights of a pdm"),
        ({"knobs": 5}, "must be a learned degradation"),
    ],
)
def test_a_hostile_header_builds_nothing(
    source: LearnedSource, header: dict[str, object], said: str, tmp_path: Path
) -> None:
    known = {"format": "degcraft-pdm/1", "scale": 2, "knobs": SMALL, "training": {}}
    file = tmp_path / "a.safetensors"
    save_file(source.model.state_dict(), file, metadata={"degcraft": json.dumps({**known, **header})})
    with pytest.raises(DegcraftError, match=said):
        load_learned(file)
