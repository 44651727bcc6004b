"""What came out of a search: its rows, the best, and what was won, as a table, as JSON, as sentences."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from degcraft.images.atomic import written_whole
from degcraft.matching import Reliability
from degcraft.matching.distribution_distance import DistributionDistance
from degcraft.metrics import Difference, ScoreTable, find_metric
from degcraft.results import Table
from tune.config import Kind, network_label
from tune.outcome import TrialOutcome, best_of, contenders

COMPARED: tuple[Kind, ...] = ("bicubic", "start", "uniform", "pdm")
"""What the best network is compared with, image by image."""

CAVEAT = "without ground truth the score ranks trials by proxies; it does not say how good they are"
"""What belongs beside every score on proxies, or it is taken for what the network is worth on real images."""

_NAMES = {"start": "the start", "uniform": "uniform training", "pdm": "a learned degradation"}


def on_proxies(held_out: str) -> str:
    """What the name of a score ends in, where it is not of the images that it is wanted for."""
    return " on proxies" if held_out == "proxy" else ""


@dataclass(frozen=True)
class Summary:
    """A whole search."""

    name: str
    metric: str
    held_out: str
    """`ground truth` or `proxy`."""
    trials: tuple[TrialOutcome, ...]
    ended_by: str
    """Why the search ended, in words."""
    seconds: float
    reliability: Mapping[str, Reliability] = field(default_factory=dict)
    """How far the weights can be relied on, by the features that they were measured with."""
    from_truth: DistributionDistance | None = None
    """In synthetic runs: how far the best crafted distribution is from the hidden one."""

    @property
    def higher_is_better(self) -> bool:
        return find_metric(self.metric).higher_is_better

    @property
    def axis(self) -> str:
        """What a figure of the scores is labelled with."""
        unit = find_metric(self.metric).unit
        return self.metric + self._on + (f", {unit}" if unit else "")

    @property
    def _on(self) -> str:
        return on_proxies(self.held_out)

    @property
    def best(self) -> TrialOutcome | None:
        """The best trial that a user could have, never the upper bound, which knows the truth; of several that proxies
        do not tell apart, the widest.
        """
        found = self.contenders
        return found[0] if found else None

    @cached_property
    def contenders(self) -> list[TrialOutcome]:
        """See `tune.outcome.contenders`."""
        return contenders(self.trials, self.metric, ties=self.held_out == "proxy")

    @property
    def best_crafted(self) -> TrialOutcome | None:
        return best_of([trial for trial in self.trials if trial.config.kind == "crafted"], self.higher_is_better)

    @property
    def comparators(self) -> list[str]:
        """What the comparators were trained on."""
        return list(dict.fromkeys(trial.config.label() for trial in self.trials if trial.config.kind == "comparator"))

    def of_kind(self, kind: str, beside: TrialOutcome | None = None) -> TrialOutcome | None:
        """The row of a kind, or of one of `comparators`, that has a score; of several, one of the same network and
        training as another row.
        """
        found = [trial for trial in self.trials if kind in (trial.config.kind, trial.config.label()) and trial.is_over]
        if beside is not None:
            wanted = beside.config
            for alike in (
                lambda c: c.network == wanted.network and c.training == wanted.training,
                lambda c: c.network == wanted.network,
            ):
                if same := [trial for trial in found if alike(trial.config)]:
                    return same[0]
        return found[0] if found else None

    @cached_property
    def _scores(self) -> ScoreTable | None:
        rows = {trial.key: trial.image_scores for trial in self.trials if trial.is_over and trial.images}
        return ScoreTable(rows) if rows else None

    def difference(self, trial: TrialOutcome, other: TrialOutcome, metric: str | None = None) -> Difference | None:
        """By how much one row is better than another, image by image; None where their images were not kept."""
        if self._scores is None or not {trial.key, other.key} <= self._scores.rows.keys():
            return None
        return self._scores.difference(trial.key, other.key, metric or self.metric)

    def won(self, trial: TrialOutcome | None = None) -> dict[str, Difference]:
        """What a network, or the best, won over bicubic, the start, uniform training, a learned degradation, others."""
        trial = trial or self.best
        if trial is None:
            return {}
        others = {kind: self.of_kind(kind, trial) for kind in (*COMPARED, *self.comparators)}
        found = {
            kind: self.difference(trial, other)
            for kind, other in others.items()
            if other is not None and other.key != trial.key
        }
        return {kind: difference for kind, difference in found.items() if difference is not None}

    def won_words(self, trial: TrialOutcome) -> list[str]:
        """The same in words."""
        unit, places = find_metric(self.metric).unit, decimals(self.metric)
        return [won.sentence(_NAMES.get(kind, kind), unit, places) for kind, won in self.won(trial).items()]

    @property
    def gap_closed(self) -> float | None:
        """Share of the way from the uniform baseline to the upper bound that the best crafted trial went.

        None without an upper bound, or where the upper bound is no better than the baseline; negative where the
        crafted trials fell behind the baseline.
        """
        crafted = self.best_crafted
        if crafted is None:
            return None
        uniform, bound = self.of_kind("uniform", crafted), self.of_kind("upper bound", crafted)
        if uniform is None or bound is None:
            return None
        sign = 1 if self.higher_is_better else -1
        gap = sign * (bound.score - uniform.score)
        return sign * (crafted.score - uniform.score) / gap if gap > 0 else None

    def save(self, path: Path, said: Sequence[str]) -> None:
        """Write the summary as JSON, with what was said of it in words."""
        won = {
            kind: {"mean": d.mean, "low": d.low, "high": d.high, "images": d.n, "tie": d.is_tie}
            for kind, d in self.won().items()
        }
        content = {
            "format": "degcraft-summary/3",
            "name": self.name,
            "metric": self.metric,
            "direction": "max" if self.higher_is_better else "min",
            "held_out": self.held_out,
            "ended_by": self.ended_by,
            "seconds": round(self.seconds, 1),
            "best": self.best.key if self.best else None,
            "won": won,
            "gap_closed": self.gap_closed,
            "said": list(said),
            "from_truth": self.from_truth.to_dict() if self.from_truth else None,
            "reliability": {name: found.to_dict() for name, found in self.reliability.items()},
            "trials": [trial.to_dict() for trial in self.trials],
        }
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per trial, the best first; for CSV files."""
        bicubic = self.of_kind("bicubic")
        made_of = dict.fromkeys(name for trial in self.trials for name in trial.config.values())
        rows = []
        for trial in self.ranked():
            over = None if bicubic is None else self.difference(trial, bicubic)
            shown = over is not None and trial is not bicubic
            rows.append(
                {
                    "trial": trial.key,
                    "kind": trial.config.kind,
                    **made_of,
                    **trial.config.values(),
                    "status": trial.status,
                    "step": trial.step,
                    "effective_bins": trial.effective_bins,
                    "seconds": round(trial.seconds, 1),
                    **{name: value for name, value in trial.scores.items() if name != "score"},
                    **({"over_bicubic": over.mean, "low": over.low, "high": over.high} if over and shown else {}),
                    "failure": trial.failure,
                }
            )
        return rows

    def ranked(self) -> list[TrialOutcome]:
        """All trials, the best first, those without a score last."""
        sign = -1 if self.higher_is_better else 1
        return sorted(
            self.trials,
            key=lambda t: (not math.isfinite(t.score), sign * t.score if math.isfinite(t.score) else 0),
        )

    def table(self) -> Table:
        """The table that ends a search: every row with all its scores, and what it won over bicubic."""
        metrics = list(
            dict.fromkeys([self.metric, *(name for t in self.trials for name in t.scores if name != "score")])
        )
        network = len({str(trial.config.network) for trial in self.trials if trial.config.network}) > 1
        columns = ["trial", "trained on", *(["network"] if network else []), "weighting"]
        columns += [name + self._on * find_metric(name).needs_reference for name in metrics]
        columns += ["over bicubic (95 %)", "bins", "status"]
        bicubic, rows, marked = self.of_kind("bicubic"), [], set()
        for place, trial in enumerate(self.ranked()):
            over = None if bicubic is None or trial is bicubic else self.difference(trial, bicubic)
            is_best = self.best is not None and trial.key == self.best.key
            marked |= {place} if is_best else set()
            rows.append(
                [
                    trial.key,
                    trial.config.label(),
                    *([network_label(trial.config.network)] if network else []),
                    trial.config.weighting_words(),
                    *(f"{trial.scores[name]:.{decimals(name)}f}" if name in trial.scores else "" for name in metrics),
                    "" if over is None else _shown(over, decimals(self.metric)),
                    "" if trial.effective_bins is None else f"{trial.effective_bins:.1f}",
                    trial.status + (" (best)" if is_best else ""),
                ]
            )
        scored_on = "proxies made of held-out clean images" if self._on else f"held-out {self.held_out}"
        return Table(f"{self.name}: means on {scored_on}", columns, rows, frozenset(marked))

    def sentences(self) -> list[str]:
        """What there is to say about it, in plain words."""
        said = []
        best = self.best
        if best is None:
            said.append("no trial has a score, so there is no best model")
        else:
            won = self.won_words(best)
            score = f"{self.metric}{self._on} {best.score:.{decimals(self.metric)}f}"
            said.append(f"best: {best.config.title()}, {score}" + (f": {'; '.join(won)}" if won else ""))
            if self._on:
                said.append(CAVEAT)
            if len(self.contenders) > 1:
                places = decimals(self.metric)
                tied = ", ".join(f"{one.config.title()} {one.score:.{places}f}" for one in self.contenders)
                said.append(f"a tie, of which the widest is taken, as proxies do not tell them apart: {tied}")
            if best.config.kind == "uniform":
                said.append("no crafted trial beat the uniform baseline: the best model is the baseline itself")
            elif best.config.kind == "pdm":
                said.append("no crafted trial beat the learned degradation: the best model was trained along with it")
            elif best.config.kind == "comparator":
                said.append(f"no crafted trial beat {best.config.label()}: the best model was trained on that")
            elif best.config.kind == "start":
                said.append("no training beat the start: the best model is the start itself")
        said += self._gap()
        if self.from_truth is not None:
            found = self.from_truth
            said.append(
                f"the best crafted distribution against the hidden one: total variation {found.total_variation:.2f}, "
                f"Wasserstein {found.wasserstein:.2f} bin widths, most apart in {found.farthest}"
            )
        for name, told in self.reliability.items():
            said += [f"{name}: {sentence}" for sentence in told.sentences()] if told.cautions else []
        if self._scores is not None:
            said += self._scores.notes()
        said += [f"failed: {t.key} ({t.config.label()}): {t.failure}" for t in self.trials if t.status == "failed"]
        said.append(f"ended: {self.ended_by}")
        return said

    def _gap(self) -> list[str]:
        """How far the crafted trials went from uniform to the upper bound, never without what the gap is."""
        crafted = self.best_crafted
        uniform, bound = self.of_kind("uniform", crafted), self.of_kind("upper bound", crafted)
        if crafted is None or uniform is None or bound is None:
            return []
        unit, places = find_metric(self.metric).unit or "", decimals(self.metric)
        width = f"{bound.score - uniform.score:+.{places}f} {unit}".strip()
        if self.gap_closed is None:
            return [f"gap closed: undefined, because the upper bound is no better than uniform ({width})"]
        return [f"gap closed: {100 * self.gap_closed:.0f}% of the {width} from uniform training to the upper bound"]


def decimals(metric: str) -> int:
    """How many are shown of a metric."""
    return 2 if find_metric(metric).unit == "dB" else 4


def _shown(difference: Difference, places: int) -> str:
    if math.isinf(difference.low):
        return f"{difference.mean:+.{places}f}"
    return f"{difference.mean:+.{places}f} ({difference.low:+.{places}f} to {difference.high:+.{places}f})"


def _finite(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
