"""What a search says came out."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tune.config import Kind, TrialConfig
from tune.outcome import TrialOutcome
from tune.summary import Summary

SMALL, LARGE = ({"name": "compact", "channels": channels, "convs": 2} for channels in (8, 16))


def trial(
    key: str, kind: Kind, scores: Sequence[float] | None, alpha: float | None = None, network: dict[str, Any] = SMALL
) -> TrialOutcome:
    """A row with a PSNR (or whatever the summary's metric is) for each image."""
    distribution = (
        {} if alpha is None else {"extractor": "degnet", "layer": "cells", "weighting": "eq4", "alpha": alpha}
    )
    config = TrialConfig(kind, {} if kind == "bicubic" else network, {"learning_rate": 2e-4}, distribution)
    if scores is None:
        return TrialOutcome(key, config, "done", 100, {}, 5.0, 1.0)
    mean = sum(scores) / len(scores)
    images = [
        {"image": f"image {number}", "scores": {"psnr": score, "lpips": score}, "fault": None, "reason": ""}
        for number, score in enumerate(scores)
    ]
    return TrialOutcome(key, config, "done", 100, {"score": mean, "psnr": mean}, 5.0, 1.0, images=images)


def summary(*trials: TrialOutcome, metric: str = "psnr") -> Summary:
    return Summary("s", metric, "ground truth", trials, "all done", 3.0)


def gap(uniform: float, bound: float, crafted: float) -> tuple[TrialOutcome, ...]:
    """The three rows between which there is a gap, of one image."""
    return (
        trial("u", "uniform", [uniform]),
        trial("b", "upper bound", [bound]),
        trial("c", "crafted", [crafted], 25.0),
    )


BICUBIC = trial("i", "bicubic", [22.0, 24.0, 26.0])
START = trial("s", "start", [23.0, 25.1, 27.0])
UNIFORM = trial("u", "uniform", [23.9, 25.0, 26.8])
CRAFTED = trial("c", "crafted", [24.0, 26.1, 28.0], 25.0)
BOUND = trial("b", "upper bound", [25.0, 26.0, 28.5])


def test_what_was_won_is_said_with_intervals() -> None:
    (first, *_) = summary(BICUBIC, START, UNIFORM, CRAFTED).sentences()
    assert first.startswith("best: degnet:cells eq4 alpha 25, psnr 26.03: +2.03 dB over bicubic (95 % interval ")
    assert "; +1.000 dB over the start (95 % interval 1.000 to 1.000" in first
    assert "; tie with uniform training: +0.80 dB (" in first


def test_a_score_on_proxies_is_called_so_wherever_it_stands() -> None:
    known, blind = (Summary("s", "psnr", kind, (BICUBIC, CRAFTED), "done", 3.0) for kind in ("ground truth", "proxy"))
    assert (known.axis, blind.axis) == ("psnr, dB", "psnr on proxies, dB")
    first, second, *_ = blind.sentences()
    assert first.startswith("best: degnet:cells eq4 alpha 25, psnr on proxies 26.03: +2.03 dB over bicubic")
    assert second == "without ground truth the score ranks trials by proxies; it does not say how good they are"
    assert not any("proxies" in sentence for sentence in known.sentences())
    assert blind.table().title == "s: means on proxies made of held-out clean images"
    assert "psnr on proxies" in blind.table().columns
    assert "psnr" in known.table().columns


def test_what_was_lost_is_said_too() -> None:
    (first, *_) = summary(BICUBIC, trial("c", "crafted", [21.0, 23.1, 25.0], 25.0)).sentences()
    assert "0.97 dB below bicubic (95 % interval" in first


def test_a_network_is_compared_with_the_start_and_the_baseline_of_its_own_architecture() -> None:
    other = trial("v", "uniform", [10.0, 10.0, 10.0], network=LARGE)
    won = summary(BICUBIC, other, UNIFORM, CRAFTED).won()
    assert won["uniform"].mean == pytest.approx(0.8)


def test_other_degradations_are_compared_with_and_may_win() -> None:
    named = {"degradation": "realesrgan"}
    real = trial("r", "comparator", [23.0, 25.1, 27.1])
    real = replace(real, config=replace(real.config, distribution=named))
    known = summary(BICUBIC, UNIFORM, CRAFTED, real)
    assert known.won()["realesrgan"].mean == pytest.approx(1.0, abs=0.05)
    assert "dB over realesrgan (95 % interval" in known.sentences()[0]
    first, second, *_ = summary(BICUBIC, START, real).sentences()
    assert first.startswith("best: realesrgan, psnr 25.07")
    assert second == "no crafted trial beat realesrgan: the best model was trained on that"


def test_the_share_of_the_gap_is_never_said_alone() -> None:
    done = summary(
        trial("u", "uniform", [24.0]), trial("b", "upper bound", [26.0]), trial("c", "crafted", [25.5], 25.0)
    )
    assert done.gap_closed == pytest.approx(0.75)
    assert "gap closed: 75% of the +2.00 dB from uniform training to the upper bound" in done.sentences()


def test_gap_closed_of_a_score_that_falls() -> None:
    rows = trial("u", "uniform", [0.4]), trial("b", "upper bound", [0.2]), trial("c", "crafted", [0.3], 1.0)
    assert summary(*rows, metric="lpips").gap_closed == pytest.approx(0.5)


def test_a_loss_is_said_as_it_is() -> None:
    done = summary(
        trial("u", "uniform", [24.0]), trial("b", "upper bound", [26.0]), trial("c", "crafted", [23.0], 25.0)
    )
    assert done.gap_closed == pytest.approx(-0.5)
    assert "no crafted trial beat the uniform baseline: the best model is the baseline itself" in done.sentences()
    assert done.best is not None
    assert done.best.key == "u"


def test_the_start_itself_can_be_the_best() -> None:
    done = summary(BICUBIC, trial("s", "start", [30.0, 30.0, 30.0]), CRAFTED)
    assert "no training beat the start: the best model is the start itself" in done.sentences()
    assert set(done.won()) == {"bicubic"}


def test_of_what_proxies_do_not_tell_apart_the_widest_is_the_best() -> None:
    top = trial("c", "crafted", [24.0, 26.2, 28.0], 25.0)
    wide = replace(trial("w", "crafted", [24.1, 26.0, 27.95], 5.0), effective_bins=20.0)
    worse = replace(trial("x", "uniform", [23.0, 25.2, 27.0]), effective_bins=75.0)
    known, blind = (Summary("s", "psnr", kind, (worse, top, wide), "done", 3.0) for kind in ("ground truth", "proxy"))
    assert known.best is top
    assert blind.best is wide
    assert blind.contenders == [wide, top]
    tie = "a tie, of which the widest is taken, as proxies do not tell them apart: degnet:cells eq4 alpha 5 26.02"
    assert any(sentence.startswith(tie) for sentence in blind.sentences())
    assert not any("a tie, of which" in sentence for sentence in known.sentences())
    start = trial("s", "start", [24.05, 26.1, 28.0])
    assert Summary("s", "psnr", "proxy", (top, start, wide), "done", 3.0).best is start


def test_an_upper_bound_below_the_baseline_leaves_the_gap_undefined() -> None:
    done = summary(
        trial("u", "uniform", [24.0]), trial("b", "upper bound", [23.0]), trial("c", "crafted", [25.0], 25.0)
    )
    assert done.gap_closed is None
    assert any("undefined" in sentence for sentence in done.sentences())


def test_the_upper_bound_is_never_the_best() -> None:
    done = summary(trial("b", "upper bound", [30.0]), trial("c", "crafted", [20.0], 25.0))
    assert done.best is not None
    assert done.best.key == "c"


def test_a_trial_that_was_left_is_not_the_best() -> None:
    left = replace(trial("x", "crafted", [30.0], 1.0), status="unfinished")
    done = summary(left, trial("u", "uniform", [20.0]))
    assert done.best is not None
    assert done.best.key == "u"
    assert done.best_crafted is None


def test_trials_without_a_score_rank_last() -> None:
    done = summary(
        trial("x", "crafted", None, 1.0), trial("y", "crafted", [20.0], 2.0), trial("z", "crafted", [21.0], 3.0)
    )
    assert [t.key for t in done.ranked()] == ["z", "y", "x"]


def test_every_row_stands_in_the_table_with_what_it_won() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(summary(BICUBIC, START, UNIFORM, CRAFTED, BOUND).table())
    text = console.export_text()
    assert all(word in text for word in ("bicubic", "start", "uniform", "upper bound", "degnet:cells"))
    assert "+2.03 (+" in text


def test_the_file_is_json_without_nan(tmp_path: Path) -> None:
    done = summary(trial("x", "crafted", None, 1.0), UNIFORM, BICUBIC)
    done.save(tmp_path / "summary.json", ["said"])
    content = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert content["best"] == "u"
    assert content["said"] == ["said"]
    assert content["won"]["bicubic"]["mean"] == pytest.approx(1.2333, abs=1e-3)
    assert len(content["trials"]) == 3


def test_an_image_that_tells_nothing_costs_no_row_its_mean() -> None:
    blank = {"image": "blank", "scores": {}, "fault": "image", "reason": "its ground truth is one flat colour"}
    rows = [replace(row, images=[*row.images, blank]) for row in (BICUBIC, CRAFTED)]
    done = summary(*rows)
    assert done.won()["bicubic"].mean == pytest.approx(2.0333, abs=1e-3)
    assert "left out: blank, its ground truth is one flat colour" in done.sentences()
