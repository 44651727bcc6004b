"""The JSON file of a crafted distribution."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy

from degcraft.degradation import PAPER_SPACE, CraftedDistribution
from degcraft.errors import DegcraftError


def example() -> CraftedDistribution:
    rng = np.random.default_rng(0)
    return CraftedDistribution(
        PAPER_SPACE,
        rng.random(75),
        rng.random(75) * 40,
        weighting={"name": "eq4", "alpha": 25.0},
        extractor="squeezenet",
        n=100,
        provenance={"seed": 0, "note": "σ"},
    )


def test_it_survives_its_file(tmp_path: Path) -> None:
    crafted = example()
    crafted.save(tmp_path / "new" / "crafted.json")
    loaded = CraftedDistribution.load(tmp_path / "new" / "crafted.json")
    np.testing.assert_array_equal(loaded.distances, crafted.distances)
    np.testing.assert_allclose(loaded.weights, crafted.weights, rtol=1e-15)
    assert loaded.space == PAPER_SPACE
    assert (loaded.weighting, loaded.extractor, loaded.n) == ({"name": "eq4", "alpha": 25.0}, "squeezenet", 100)
    assert loaded.provenance == {"seed": 0, "note": "σ"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["crafted.json"]


def test_the_file_names_everything_that_others_need(tmp_path: Path) -> None:
    example().save(tmp_path / "crafted.json")
    content = json.loads((tmp_path / "crafted.json").read_text(encoding="utf-8"))
    assert content["format"] == "degcraft-crafted/2"
    assert content["axes"][0] == {"name": "blur_sigma", "low": 0.0, "high": 5.0, "bins": 5}
    assert len(content["weights"]) == len(content["distances"]) == 75
    assert sum(content["weights"]) == pytest.approx(1)
    assert content["entropy"] == pytest.approx(entropy(content["weights"]))
    assert content["effective_bins"] == pytest.approx(np.exp(entropy(content["weights"])))


def test_the_first_format_is_still_read(tmp_path: Path) -> None:
    content = example().to_dict() | {"format": "degcraft-crafted/1", "alpha": 12}
    for key in ("low", "high", "weighting"):
        del content[key]
    (tmp_path / "old.json").write_text(json.dumps(content), encoding="utf-8")
    loaded = CraftedDistribution.load(tmp_path / "old.json")
    assert loaded.weighting == {"name": "eq4", "alpha": 12}
    np.testing.assert_allclose(loaded.weights, example().weights)


def test_uniform_uses_every_bin_and_one_bin_uses_one() -> None:
    assert CraftedDistribution.uniform(PAPER_SPACE).effective_bins == pytest.approx(75)
    assert CraftedDistribution(PAPER_SPACE, np.eye(75)[3]).effective_bins == pytest.approx(1)


def test_its_source_has_its_weights() -> None:
    crafted = example()
    assert np.array_equal(crafted.source().weights, crafted.weights)


def broken(**changes: Any) -> dict[str, Any]:
    content = {**example().to_dict(), **changes}
    return {key: value for key, value in content.items() if value != "absent"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1, 2], "format must be"),
        (broken(format="degcraft-crafted/9"), "degcraft-crafted/9"),
        (broken(weights="absent"), "weights is missing"),
        (broken(alhpa=3), "'alhpa' is unknown"),
        (broken(weights=[1.0]), "weights must have the shape"),
        (broken(weights=["1"] * 75), "weights must be a list of numbers"),
        (broken(weights=[1.0] * 75), "weights must sum to 1"),
        (broken(weights=[float("nan")] * 75), "weights must"),
        (broken(distances=[1.0] * 74), "distances must be 75"),
        (broken(axes=[]), "at least one axis"),
        (broken(axes=None), "list of axes"),
        (broken(weighting="eq4"), "weighting must be an object"),
        (broken(low=[0.0]), "low must be 75"),
        (broken(weights=[1e308, 1e308] + [0.0] * 73), "weights must sum to 1, but got inf"),
        (broken(weights=[10**400] * 75), "weights must be numbers of double precision"),
        (broken(low=[2.0] * 75, high=[2.0] * 75), "low must be shares from 0 to 1, but got 2"),
        (broken(low=[0.0] * 75, high=[-1.0] * 75), "high must be shares from 0 to 1, but got -1"),
        (broken(low=[0.5] * 75, high=[0.25] * 75), "low must not lie above high, but got 0.5 and 0.25"),
        (broken(high=[1.0] * 75), "low must be given with high, but is null"),
        (broken(low=[0.0] * 75), "high must be given with low, but is null"),
        (broken(n=1.5), "n must be int or null"),
        (broken(n=-3), "n must be at least 1, but got -3"),
        (broken(provenance={"scale": "x"}), "provenance.scale must be a whole number from 1 to 8, but got 'x'"),
        (broken(provenance={"scale": -4}), "provenance.scale must be .*, but got -4"),
        (broken(provenance=[]), "provenance must be an object"),
    ],
)
def test_a_file_that_is_not_right_is_refused_by_name(tmp_path: Path, content: Any, complaint: str) -> None:
    path = tmp_path / "crafted.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DegcraftError, match=complaint) as error:
        CraftedDistribution.load(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_json_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crafted.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(DegcraftError, match="must be a JSON file"):
        CraftedDistribution.load(tmp_path / "crafted.json")
    with pytest.raises(DegcraftError, match="cannot be read"):
        CraftedDistribution.load(tmp_path / "missing.json")


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        CraftedDistribution(PAPER_SPACE, np.ones(75), provenance={"x": float("nan")}).save(tmp_path / "a.json")
    assert not list(tmp_path.iterdir())
