"""How a row ended, from what Ray knows of it."""

import json
import math

from tune.config import TrialConfig
from tune.outcome import TrialOutcome, best_of, outcome_of
from tune.spec import SearchSpec

SPEC = SearchSpec.model_validate({"name": "s", "references": "r", "hr": "h", "output": "o", "training": {"steps": 100}})
NETWORK = {"name": "compact", "channels": 8, "convs": 2}
CRAFTED = TrialConfig(
    "crafted",
    NETWORK,
    {"learning_rate": 2e-4},
    {"extractor": "squeezenet", "layer": "fire5", "weighting": "eq4", "alpha": 25.0},
).to_dict()


def test_a_trial_is_done_when_it_has_all_its_steps() -> None:
    whole = outcome_of("a", CRAFTED, {"step": 100, "score": 25.0, "psnr": 25.0, "ssim": 0.7}, None, SPEC)
    assert (whole.status, whole.score, whole.scores["ssim"]) == ("done", 25.0, 0.7)
    early = outcome_of("a", CRAFTED, {"step": 40, "score": 20.0}, None, SPEC)
    assert (early.status, early.score) == ("stopped early", 20.0)


def test_a_row_that_is_only_scored_is_done_without_a_step() -> None:
    scored = outcome_of("b", TrialConfig("bicubic").to_dict(), {"step": 0, "score": 24.0}, None, SPEC)
    assert scored.status == "done"


def test_a_failed_trial_has_no_score() -> None:
    failed = outcome_of("a", CRAFTED, {"step": 40, "score": 20.0}, "out of memory", SPEC)
    assert failed.status == "failed"
    assert math.isnan(failed.score)
    diverged = outcome_of("a", CRAFTED, {"step": 40, "score": math.nan, "failed": "loss is NaN"}, None, SPEC)
    assert (diverged.status, diverged.failure) == ("failed", "loss is NaN")


def test_an_outcome_survives_json() -> None:
    whole = outcome_of("a", CRAFTED, {"step": 100, "score": 25.0, "images": [{"image": "x"}]}, None, SPEC)
    again = TrialOutcome.of(json.loads(json.dumps(whole.to_dict())))
    assert again.config == whole.config
    assert list(again.images) == [{"image": "x"}]


def test_only_what_a_user_could_have_is_best() -> None:
    rows = [
        outcome_of(kind, TrialConfig(kind, NETWORK).to_dict(), {"step": 100, "score": score}, None, SPEC)
        for kind, score in (("upper bound", 30.0), ("bicubic", 29.0), ("start", 28.0), ("uniform", 27.0))
    ]
    best = best_of(rows, higher_is_better=True)
    assert best is not None
    assert best.key == "start"
