"""One row of a search as it ended."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from degcraft.metrics import ImageScore, ScoreTable, find_metric
from tune.config import CANDIDATES, TrialConfig
from tune.spec import SearchSpec
from tune.trial import steps_of

Status = Literal["done", "stopped early", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialOutcome:
    """One trial as it ended."""

    key: str
    """Of the trial in the search's state."""
    config: TrialConfig
    status: Status
    step: int
    scores: Mapping[str, float]
    """Held-out scores by name; `score` is the one that was searched for. Empty if there was none."""
    effective_bins: float | None
    seconds: float
    failure: str | None = None
    images: Sequence[Mapping[str, Any]] = ()
    """The scores image by image, as `degcraft.metrics.ImageScore.to_json` gives them."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "TrialOutcome":
        """From what `to_dict` gave."""
        return cls(**{**kept, "config": TrialConfig.of(kept["config"])})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, save that a number may be NaN."""
        return asdict(self)

    @cached_property
    def image_scores(self) -> tuple[ImageScore, ...]:
        """`images`, read once: with every trial that ends, those of all trials are compared."""
        return tuple(map(ImageScore.from_json, self.images))

    @property
    def score(self) -> float:
        """The held-out score; NaN if there is none."""
        return self.scores.get("score", math.nan)

    @property
    def is_over(self) -> bool:
        """Whether it came to an end with a score."""
        return self.status in ("done", "stopped early") and math.isfinite(self.score)


def best_of(trials: Iterable[TrialOutcome], higher_is_better: bool) -> TrialOutcome | None:
    """The trial that is over with the best score, of those that a user could have; the earliest of equals."""
    scored = [trial for trial in trials if trial.is_over and trial.config.kind in CANDIDATES]
    if not scored:
        return None
    return (max if higher_is_better else min)(scored, key=lambda trial: trial.score)


def contenders(trials: Iterable[TrialOutcome], metric: str, *, ties: bool) -> list[TrialOutcome]:
    """What may be the best, the one to take first; empty without a score.

    Proxies are no truth: where they do not tell rows apart, the score is not to choose between them. Then all that tie
    with the best score are contenders, and the widest is taken, as what goes wrong least if the estimates are wrong:
    the start before all, then the more effective bins.

    Args:
        trials: Rows of a search.
        metric: That is searched for.
        ties: Whether differences within their interval are ties; otherwise the best score stands alone.
    """
    known = list(trials)
    top = best_of(known, find_metric(metric).higher_is_better)
    if top is None:
        return []
    if not ties:
        return [top]
    scored = [trial for trial in known if trial.is_over and trial.config.kind in CANDIDATES and trial.images]
    table = ScoreTable({trial.key: trial.image_scores for trial in scored}) if scored else None
    alike = [
        trial
        for trial in scored
        if trial is not top and table is not None and top.images and table.difference(top.key, trial.key, metric).is_tie
    ]
    return sorted([top, *alike], key=_width, reverse=True)


def _width(trial: TrialOutcome) -> float:
    return math.inf if trial.config.kind == "start" else trial.effective_bins or 0.0


def outcome_of(
    key: str, config: Mapping[str, Any], result: Mapping[str, Any], failure: str | None, spec: SearchSpec
) -> TrialOutcome:
    """From what Ray Tune knows of a trial that is over, or was left.

    Args:
        key: Of the trial.
        config: Ray Tune's configuration of the trial.
        result: Its last report; empty if it never reported.
        failure: Why it failed, or None.
        spec: The search.
    """
    trial = TrialConfig.of(config)
    step = int(result.get("step", 0))
    status: Status = "done" if step >= steps_of(trial, spec) else "stopped early"
    failure = failure or result.get("failed")
    if failure is not None:
        status = "failed"
    names = ("score", spec.held_out.metric, "psnr", "ssim", "niqe")
    scores = {name: float(result[name]) for name in names if name in result and math.isfinite(result[name])}
    # Scores from before a failure are not those of the model that the trial was to make.
    failed = status == "failed"
    return TrialOutcome(
        key=key,
        config=trial,
        status=status,
        step=step,
        scores={} if failed else scores,
        effective_bins=result.get("effective_bins"),
        seconds=float(result.get("seconds", 0.0)),
        failure=failure,
        images=() if failed else tuple(result.get("images", ())),
    )
