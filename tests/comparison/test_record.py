"""A comparison's files hold all of it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from degcraft.comparison import Choice, Comparison, Measurement, SeedRun
from degcraft.degradation import DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching import craft_weights
from tests.comparison.light import SETTINGS, SPACE

ALPHAS = [5.0, 25.0]


@pytest.fixture
def comparison() -> Comparison:
    rng = np.random.default_rng(0)
    choice = Choice("colour", "only")
    runs = [
        SeedRun(
            tuple(Measurement(choice, number, seed, rng.random(4), seconds=0.5 + seed) for number in SETTINGS),
            degrading_seconds=1.0 + seed,
            hr_hash=f"hr {seed}",
            clean_hash=f"clean {seed}",
        )
        for seed in range(3)
    ]
    return Comparison(
        SPACE,
        SETTINGS,
        runs,
        missing={Choice("alexnet", "relu2"): "no file"},
        spread={choice: np.array([[1.0, 2.0], [0.5, 0.6]])},
        spread_counts=(10, 20),
        provenance={"count": 100},
    )


def test_the_json_file_gives_everything_back(comparison: Comparison, tmp_path: Path) -> None:
    comparison.save_json(tmp_path / "new" / "comparison.json", ALPHAS)
    content = json.loads((tmp_path / "new" / "comparison.json").read_text(encoding="utf-8"))
    assert content["format"] == "degcraft-comparison/1"
    assert DegradationSpace.from_list(content["axes"]) == SPACE
    assert content["settings"]["2"] == {"blur_sigma": [2.5, 3.5], "noise_level": [5.0, 15.0]}
    assert content["missing"] == {"alexnet:relu2": "no file"}
    assert content["degrading_seconds"] == 2.0
    assert content["crops"][1] == {"hr": "hr 1", "references": "clean 1"}
    assert content["spread"] == {"counts": [10, 20], "distances": {"colour:only": [[1.0, 2.0], [0.5, 0.6]]}}
    assert content["provenance"] == {"count": 100}
    assert (len(content["rows"]), len(content["medians"])) == (3 * 2 * 2, 2 * 2)
    # The figures can be had again from the distances: setting 1 lies in bin 1 alone.
    first = content["distances"][0]
    assert (first["setting"], first["seed"]) == (1, 0)
    row = next(row for row in content["rows"] if (row["setting"], row["seed"], row["alpha"]) == (1, 0, 25))
    assert row["on_true_bins"] == pytest.approx(craft_weights(first["distances"], 25)[1])
    assert row["total_variation"] == pytest.approx(1 - row["on_true_bins"])


def test_the_csv_file_holds_a_line_per_row(comparison: Comparison, tmp_path: Path) -> None:
    comparison.save_csv(tmp_path / "comparison.csv", ALPHAS)
    with (tmp_path / "comparison.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = comparison.rows(ALPHAS)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert (line["extractor"], line["layer"], line["setting"]) == ("colour", "only", str(row.setting))
        assert (float(line["alpha"]), int(line["seed"])) == (row.alpha, row.seed)
        assert float(line["on_true_bins"]) == row.score.on_true_bins
        assert float(line["effective_bins"]) == row.score.effective_bins


def test_a_place_that_cannot_be_written_is_named(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(DegcraftError, match=r"comparison\.csv: cannot be written"):
        comparison.save_csv(tmp_path / "file" / "comparison.csv", ALPHAS)
