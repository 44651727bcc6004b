"""What came out of a search: one row per trial, the best, the gap closed; as a table, as JSON, as sentences."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from tune.spec import SearchSpec
from tune.trial import TrialConfig

Status = Literal["done", "stopped early", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialOutcome:
    """One trial as it ended."""

    key: str
    """Ray Tune's id of the trial."""
    config: TrialConfig
    status: Status
    step: int
    scores: Mapping[str, float]
    """Held-out scores by name; `score` is the one that was searched for. Empty if there was none."""
    effective_bins: float | None
    seconds: float
    failure: str | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "TrialOutcome":
        """From what `dataclasses.asdict` made of one."""
        return cls(**{**kept, "config": TrialConfig.of(kept["config"])})

    @property
    def score(self) -> float:
        """The held-out score; NaN if there is none."""
        return self.scores.get("score", math.nan)


@dataclass(frozen=True)
class Summary:
    """A whole search."""

    name: str
    metric: str
    higher_is_better: bool
    held_out: str
    """`ground truth` or `proxy`."""
    trials: tuple[TrialOutcome, ...]
    ended_by: str
    """Why the search ended, in words."""
    seconds: float

    def of_kind(self, kind: str) -> TrialOutcome | None:
        """The trial of a kind that there is one of, if it has a score."""
        return next((t for t in self.trials if t.config.kind == kind and math.isfinite(t.score)), None)

    @property
    def best(self) -> TrialOutcome | None:
        """The best trial that a user could have: crafted or uniform, never the upper bound, which knows the truth."""
        return best_of(self.trials, self.higher_is_better)

    @property
    def best_crafted(self) -> TrialOutcome | None:
        return best_of([t for t in self.trials if t.config.kind == "crafted"], self.higher_is_better)

    @property
    def gap_closed(self) -> float | None:
        """Share of the way from the uniform baseline to the upper bound that the best crafted trial went.

        None without an upper bound, or where the upper bound is no better than the baseline; negative where the
        crafted trials fell behind the baseline.
        """
        uniform, bound, crafted = self.of_kind("uniform"), self.of_kind("upper bound"), self.best_crafted
        if uniform is None or bound is None or crafted is None:
            return None
        sign = 1 if self.higher_is_better else -1
        gap = sign * (bound.score - uniform.score)
        return sign * (crafted.score - uniform.score) / gap if gap > 0 else None

    def save(self, path: Path) -> None:
        """Write the summary as JSON."""
        content = {
            "format": "degcraft-summary/1",
            "name": self.name,
            "metric": self.metric,
            "direction": "max" if self.higher_is_better else "min",
            "held_out": self.held_out,
            "ended_by": self.ended_by,
            "seconds": round(self.seconds, 1),
            "best": self.best.key if self.best else None,
            "gap_closed": self.gap_closed,
            "trials": [asdict(trial) for trial in self.trials],
        }
        path.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per trial, the best first; for tables and CSV files."""
        return [
            {
                "trial": trial.key,
                "kind": trial.config.kind,
                "extractor": trial.config.extractor,
                "layer": trial.config.layer,
                "alpha": trial.config.alpha,
                "learning_rate": trial.config.learning_rate,
                "channels": trial.config.channels,
                "blocks": trial.config.blocks,
                "status": trial.status,
                "step": trial.step,
                "effective_bins": trial.effective_bins,
                "seconds": round(trial.seconds, 1),
                **{name: value for name, value in trial.scores.items() if name != "score"},
                "failure": trial.failure,
            }
            for trial in self.ranked()
        ]

    def ranked(self) -> list[TrialOutcome]:
        """All trials, the best first, those without a score last."""
        sign = -1 if self.higher_is_better else 1
        return sorted(
            self.trials,
            key=lambda t: (not math.isfinite(t.score), sign * t.score if math.isfinite(t.score) else 0),
        )

    def table(self) -> Table:
        """The table that ends a search."""
        table = Table(title=f"{self.name}: {self.metric} on held-out {self.held_out}", title_justify="left")
        for column in ("trial", "trained on", "alpha", self.metric, "effective bins", "status"):
            table.add_column(column, justify="left" if column in ("trial", "trained on", "status") else "right")
        for trial in self.ranked():
            is_best = self.best is not None and trial.key == self.best.key
            table.add_row(
                trial.key,
                trial.config.label(),
                "" if trial.config.alpha is None else f"{trial.config.alpha:.4g}",
                "" if math.isnan(trial.score) else f"{trial.score:.4f}",
                "" if trial.effective_bins is None else f"{trial.effective_bins:.1f}",
                trial.status + (" (best)" if is_best else ""),
                style="bold green" if is_best else None,
            )
        return table

    def sentences(self) -> list[str]:
        """What there is to say about it, in plain words."""
        said = []
        uniform, best = self.of_kind("uniform"), self.best
        if best is None:
            said.append("no trial has a score, so there is no best model")
        elif best.config.kind == "uniform":
            said.append("no crafted trial beat the uniform baseline: the best model is the baseline itself")
        if self.gap_closed is not None:
            said.append(f"gap closed: {100 * self.gap_closed:.0f}% of the way from uniform to upper bound")
        elif self.of_kind("upper bound") is not None and uniform is not None:
            said.append("gap closed: undefined, because the upper bound is no better than uniform")
        elif uniform is not None and self.best_crafted is not None:
            gain = self.best_crafted.score - uniform.score
            said.append(f"best crafted trial against the uniform baseline: {gain:+.4f} {self.metric}")
        if self.held_out == "proxy":
            said.append(
                "without ground truth the score is on proxies: it ranks trials, it does not say how good they are"
            )
        said += [f"failed: {t.key} ({t.config.label()}): {t.failure}" for t in self.trials if t.status == "failed"]
        said.append(f"ended: {self.ended_by}")
        return said


def best_of(trials: Iterable[TrialOutcome], higher_is_better: bool) -> TrialOutcome | None:
    """The trial that is over with the best score, the upper bound apart; the earliest of equals."""
    over = [trial for trial in trials if trial.status in ("done", "stopped early")]
    scored = [t for t in over if math.isfinite(t.score) and t.config.kind in ("crafted", "uniform")]
    if not scored:
        return None
    return (max if higher_is_better else min)(scored, key=lambda trial: trial.score)


def outcome_of(
    key: str, config: Mapping[str, Any], result: Mapping[str, Any], failure: str | None, spec: SearchSpec
) -> TrialOutcome:
    """From what Ray Tune knows of a trial that is over, or was left.

    Args:
        key: Ray Tune's id.
        config: Ray Tune's configuration of the trial.
        result: Its last report; empty if it never reported.
        failure: Why it failed, or None.
        spec: The search.
    """
    step = int(result.get("step", 0))
    status: Status = "done" if step >= spec.training.steps else "stopped early"
    failure = failure or result.get("failed")
    if failure is not None:
        status = "failed"
    names = ("score", spec.held_out.metric, "psnr", "ssim", "niqe")
    scores = {name: float(result[name]) for name in names if name in result and math.isfinite(result[name])}
    return TrialOutcome(
        key=key,
        config=TrialConfig.of(config),
        status=status,
        step=step,
        # A score from before the failure is not the score of the model that the trial was to make.
        scores={} if status == "failed" else scores,
        effective_bins=result.get("effective_bins"),
        seconds=float(result.get("time_total_s", 0.0)),
        failure=failure,
    )


def _finite(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
