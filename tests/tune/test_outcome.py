"""What a search says came out."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from tune.outcome import Summary, TrialOutcome, outcome_of
from tune.spec import SearchSpec
from tune.trial import Kind, TrialConfig

SPEC = SearchSpec.model_validate({"name": "s", "references": "r", "hr": "h", "output": "o", "training": {"steps": 100}})


def trial(key: str, kind: Kind, score: float | None, alpha: float | None = None) -> TrialOutcome:
    scores = {} if score is None else {"score": score, "psnr": score}
    return TrialOutcome(key, TrialConfig(kind, 32, 4, 2e-4, alpha), "done", 100, scores, 5.0, 1.0)


def summary(*trials: TrialOutcome, higher: bool = True) -> Summary:
    return Summary("s", "psnr", higher, "ground truth", trials, "all done", 3.0)


def test_gap_closed_is_the_share_of_the_way() -> None:
    done = summary(trial("u", "uniform", 24.0), trial("b", "upper bound", 26.0), trial("c", "crafted", 25.5, 25.0))
    assert done.gap_closed == pytest.approx(0.75)
    assert "gap closed: 75% of the way from uniform to upper bound" in done.sentences()


def test_gap_closed_of_a_score_that_falls() -> None:
    done = summary(
        trial("u", "uniform", 0.4), trial("b", "upper bound", 0.2), trial("c", "crafted", 0.3, 1.0), higher=False
    )
    assert done.gap_closed == pytest.approx(0.5)


def test_a_loss_is_said_as_it_is() -> None:
    done = summary(trial("u", "uniform", 24.0), trial("b", "upper bound", 26.0), trial("c", "crafted", 23.0, 25.0))
    assert done.gap_closed == pytest.approx(-0.5)
    assert "no crafted trial beat the uniform baseline: the best model is the baseline itself" in done.sentences()
    assert done.best is not None
    assert done.best.key == "u"


def test_an_upper_bound_below_the_baseline_leaves_the_gap_undefined() -> None:
    done = summary(trial("u", "uniform", 24.0), trial("b", "upper bound", 23.0), trial("c", "crafted", 25.0, 25.0))
    assert done.gap_closed is None
    assert any("undefined" in sentence for sentence in done.sentences())


def test_the_upper_bound_is_never_the_best() -> None:
    done = summary(trial("b", "upper bound", 30.0), trial("c", "crafted", 20.0, 25.0))
    assert done.best is not None
    assert done.best.key == "c"


def test_a_trial_that_was_left_is_not_the_best() -> None:
    left = replace(trial("x", "crafted", 30.0, 1.0), status="unfinished")
    done = summary(left, trial("u", "uniform", 20.0))
    assert done.best is not None
    assert done.best.key == "u"
    assert done.best_crafted is None


def test_trials_without_a_score_rank_last() -> None:
    done = summary(trial("x", "crafted", None, 1.0), trial("y", "crafted", 20.0, 2.0), trial("z", "crafted", 21.0, 3.0))
    assert [t.key for t in done.ranked()] == ["z", "y", "x"]


def test_the_file_is_json_without_nan(tmp_path: Path) -> None:
    done = summary(trial("x", "crafted", None, 1.0), trial("u", "uniform", 20.0))
    done.save(tmp_path / "summary.json")
    content = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert content["best"] == "u"
    assert len(content["trials"]) == 2


def test_an_outcome_from_what_ray_knows() -> None:
    config = vars(TrialConfig("crafted", 32, 4, 2e-4, 25.0, "squeezenet", "fire5"))
    whole = outcome_of("a", config, {"step": 100, "score": 25.0, "psnr": 25.0, "ssim": 0.7}, None, SPEC)
    assert (whole.status, whole.score, whole.scores["ssim"]) == ("done", 25.0, 0.7)
    early = outcome_of("a", config, {"step": 40, "score": 20.0}, None, SPEC)
    assert (early.status, early.score) == ("stopped early", 20.0)
    failed = outcome_of("a", config, {"step": 40, "score": 20.0}, "out of memory", SPEC)
    assert failed.status == "failed"
    assert math.isnan(failed.score)
    diverged = outcome_of("a", config, {"step": 40, "score": math.nan, "failed": "loss is NaN"}, None, SPEC)
    assert (diverged.status, diverged.failure) == ("failed", "loss is NaN")
