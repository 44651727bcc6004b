"""What a search tells MLflow, and when: a run per trial as it goes, the parent's table and figures at the end.

Everything goes through `tracking.Recorder`, whose queue lies in the search's state file. What happened and what MLflow
is to be told of it are kept in one transaction, so that each thing is told once, whatever is killed.
"""

import csv
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from degcraft.degradation import CraftedDistribution
from degcraft.figures import draw_scores
from degcraft.images.atomic import writing_to, written_whole
from degcraft.matching import Reliability
from tracking import PARENT, Recorder
from tracking.champion import HELD_OUT_TAG
from tracking.notes import VERDICT
from tune.checkpoints import CRAFTED, KERNELS, LEARNED, MODEL, SAMPLE_SHEET, SCORES, WEIGHT_MAP, WEIGHTS
from tune.config import TRAINED, Kind, TrialConfig
from tune.folder import SearchFolder
from tune.held_out import HeldOut
from tune.notes import REGISTERED, run_name, search_note, trial_note, view_of
from tune.outcome import TrialOutcome
from tune.pictures import Pictures
from tune.registration import CHAMPION, Registration
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.summary import Summary
from tune.trial import steps_of

LINES: tuple[Kind, ...] = ("bicubic", "start", "uniform", "pdm", "upper bound")
"""Rows that are lines in the figure of the scores, and metrics of the parent."""

CURVES = ("loss", "score", "psnr", "psnr_y", "ssim", "ssim_y", "lpips", "niqe")
"""Reported values that are drawn as curves over the steps."""

REPORTED = ("step", *CURVES, "seconds", "effective_bins", "images", "failed")
"""Reported values that are kept."""


class Records:
    """Writes one search into MLflow.

    Args:
        recorder: The durable way to MLflow.
        spec: The search.
        held_out: Whose LR and HR images stand beside the restored samples.
        folder: The search's output folder.
        state: What is known of the search.
        datasets: What the search was given, see `tracking.notes.inputs`.
        environment: Versions, machine and device.
        reliability: How far the weights can be relied on, by the features that they were measured with.
    """

    def __init__(
        self,
        recorder: Recorder,
        spec: SearchSpec,
        held_out: HeldOut,
        folder: SearchFolder,
        state: SearchState,
        datasets: Sequence[Mapping[str, Any]],
        environment: Mapping[str, str],
        reliability: Mapping[str, Reliability],
    ) -> None:
        self._recorder, self._spec, self._held_out = recorder, spec, held_out.kind
        self.pictures = Pictures(spec, held_out, folder)
        self._datasets, self._environment = datasets, environment
        self._folder, self._state, self._reliability = folder, state, reliability
        self._said = False
        self._last: Summary | None = None

    def open(self, spec_text: str) -> None:
        """The parent run, with the specification."""
        with self._state.file.transaction(), tempfile.TemporaryDirectory() as name:
            tags = {HELD_OUT_TAG: self._held_out}
            self._recorder.open_parent(self._spec.name, self._spec.model_dump(mode="json"), tags)
            self._recorder.made_with(PARENT, self._datasets, self._environment)
            file = Path(name) / "search.yaml"
            file.write_text(spec_text, encoding="utf-8")
            self._recorder.artifact(PARENT, file)
            file = Path(name) / "reliability.json"
            content = {features: found.to_dict() for features, found in self._reliability.items()}
            file.write_text(json.dumps(content, indent=2), encoding="utf-8")
            self._recorder.artifact(PARENT, file)

    def started(self, key: str, config: TrialConfig) -> None:
        """A child run; the same one however often the trial is started again."""
        with self._state.file.transaction():
            self._recorder.open_child(key, config.title(), trial_params(config, self._spec), {"kind": config.kind})
            self._recorder.made_with(key, self._datasets, self._environment)
            self._state.mark(key, finished=False)

    def reported(self, key: str, result: Mapping[str, Any]) -> None:
        """A point on every curve, unless it was drawn before the trial was set back to its checkpoint."""
        with self._state.file.transaction():
            if not self._state.report(key, {name: result[name] for name in REPORTED if name in result}):
                return
            values = {name: float(result[name]) for name in CURVES if name in result and np.isfinite(result[name])}
            if not self._is_ranked(key):
                values.pop("score", None)
            self._recorder.metrics(key, int(result["step"]), values)
            for name in ("device", "precision"):
                if name in result:
                    self._recorder.tag(key, name, str(result[name]))

    def _is_ranked(self, key: str) -> bool:
        """Whether a row stands in MLflow's table by its score: one that knows the truth would stand above the best, and
        a shared network is only a start. What they reached has the metric's own name.
        """
        trial = self._state.trials.get(key)
        return trial is not None and trial.config.kind != "upper bound"

    def ended(self, outcome: TrialOutcome, files: Path | None) -> None:
        """The end of a trial: its weights, figures and model, from a folder with the files of its last checkpoint and
        what `draw` made of them, if there is one.
        """
        with self._state.file.transaction():
            before = self._known().best
            crafted = self._tell_end(outcome, files)
            self._finish(outcome.key, "FAILED" if outcome.status == "failed" else "FINISHED")
            self._state.end(outcome)
            known = self._known()
            # The star moves with the end that moves it, or not at all.
            for row in {row.key: row for row in (before, known.best, outcome) if row is not None}.values():
                is_best = known.best is not None and row.key == known.best.key
                self._recorder.name(row.key, run_name(row, known.metric, best=is_best))
            self._recorder.note(outcome.key, trial_note(known, outcome, self._spec, crafted))

    def _known(self) -> Summary:
        """The trials that are over; the same one until there is another end, with what it found out about them."""
        spec, ends = self._spec, tuple(self._state.ends.values())
        if self._last is None or self._last.trials != ends:
            self._last = Summary(spec.name, spec.held_out.metric, self._held_out, ends, ended_by="", seconds=0.0)
        return self._last

    def _tell_end(self, outcome: TrialOutcome, files: Path | None) -> CraftedDistribution | None:
        """Returns what it was trained on, if that has weights."""
        key, crafted = outcome.key, None
        if files is not None:
            for name in (WEIGHTS, CRAFTED, LEARNED, SCORES, WEIGHT_MAP, KERNELS, SAMPLE_SHEET):
                # A row that is only scored has no distribution.
                if (files / name).exists():
                    self._recorder.artifact(key, files / name)
            if (files / CRAFTED).exists():
                crafted = CraftedDistribution.load(files / CRAFTED)
            if (files / MODEL).exists():
                kept = None if crafted is None else json.loads((files / CRAFTED).read_text(encoding="utf-8"))
                self._recorder.model(key, files / MODEL, self._spec.scale, crafted=kept)
        if outcome.effective_bins is not None:
            self._recorder.metrics(key, max(outcome.step, 1), {"effective_bins": outcome.effective_bins})
        self._recorder.tag(key, "status", outcome.status)
        if outcome.failure:
            self._recorder.tag(key, "failure", outcome.failure)
        return crafted

    def _finish(self, key: str, status: str) -> None:
        self._recorder.finish(key, status)
        self._state.mark(key, finished=True)

    def shared_ended(self, key: str, failure: str | None) -> None:
        """The end of a shared network's training; its model is only a start, so it is not kept in MLflow."""
        if self._state.opened.get(key) is False:
            with self._state.file.transaction():
                self._finish(key, "FAILED" if failure else "FINISHED")

    def waiting(self) -> str | None:
        """Why nothing reaches MLflow just now, said once; None while all goes well, or when it was said."""
        reason = self._recorder.waiting()
        said, self._said = self._said, reason is not None
        return None if said else reason

    def interrupted(self) -> None:
        """No run is left open, until the search goes on."""
        with self._state.file.transaction():
            self._end_runs("KILLED")

    def _end_runs(self, status: str) -> None:
        for key, finished in list(self._state.opened.items()):
            if not finished:
                self._finish(key, "KILLED")
        self._recorder.finish(PARENT, status)

    def close(self, summary: Summary, status: str, registration: Registration | None) -> None:
        """The parent's table and figures; the best model registered; no run left open.

        Args:
            summary: Of the search.
            status: MLflow's word for how it ended.
            registration: Under which alias the best is registered, if the search came to its end.
        """
        spec, table, figure, content = self._spec, self._folder.table, self._folder.scores, self._folder.summary
        rows = summary.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with written_whole(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        said = summary.sentences() + ([registration.sentence] if registration else [])
        summary.save(content, said)
        beside = {kind: summary.of_kind(kind, summary.best_crafted) for kind in (*LINES, *summary.comparators)}
        points = [
            {"extractor": t.config.label(), "knob": f"{knob} of {weighting['name']}", "value": value, "score": t.score}
            for t in summary.trials
            if t.config.kind == "crafted" and t.is_over
            for weighting in [t.config.weighting()]
            for knob, value in weighting.items()
            if knob != "name"
        ]
        written = [table, content]
        if points:
            draw_scores(
                points, figure, metric=summary.axis, higher_is_better=summary.higher_is_better, joined=False,
                lines={kind: row.score for kind, row in beside.items() if row is not None},
            )  # fmt: skip
            written.append(figure)
        written += self.pictures.verdict(summary)
        for file_path in written:
            self._recorder.artifact(PARENT, file_path)
        named = {**{_word(kind): row for kind, row in beside.items()}, "best": summary.best}
        scores = {f"score.{name}": row.score for name, row in named.items() if row is not None}
        scores |= {f"won.over_{_word(kind)}": difference.mean for kind, difference in summary.won().items()}
        self._recorder.metrics(PARENT, spec.training.steps, scores)
        champion = registration is not None and registration.alias == CHAMPION
        self._recorder.tag(PARENT, VERDICT, said[0])
        self._recorder.note(PARENT, search_note(summary, said, spec.tracking.register_as if champion else None))
        view, shown = view_of(summary.metric)
        self._recorder.overview(view, shown, ascending=not summary.higher_is_better)
        if summary.best is not None and status == "FINISHED":
            self._recorder.tag(PARENT, "best", summary.best.key)
        if registration is not None and registration.alias is not None and summary.best is not None:
            self._recorder.register_best(
                summary.best.key,
                spec.tracking.register_as,
                alias=registration.alias,
                tags={
                    summary.metric: summary.best.score,
                    HELD_OUT_TAG: summary.held_out,
                    "verdict": registration.sentence,
                },
                about=REGISTERED.replace("NAME", spec.tracking.register_as),
            )
        self._end_runs(status)


def trial_params(config: TrialConfig, spec: SearchSpec) -> dict[str, Any]:
    """What MLflow tells a trial's run by: what may differ within a search, or between two in one experiment. The rest
    of the specification is the parent's, as a table of what all runs share says nothing.
    """
    whole = spec.model_dump(mode="json", include={"name", "scale", "seed"})
    whole["held_out"] = {"metric": spec.held_out.metric}
    if config.network:
        whole["network"] = {"start": spec.network.start}
    if config.kind in TRAINED:
        whole["training"] = {"steps": steps_of(config, spec), "batch": spec.training.batch}
    return {"trial": {"kind": config.kind, **config.values()}, **whole}


def _word(label: str) -> str:
    """A label as a part of a metric's name in MLflow, which knows few signs."""
    return re.sub(r"[^\w.-]+", "_", label).strip("_")


def copy_files(source: Path, target: Path) -> None:
    """Replace a folder by a copy of another, so that a killed copy is never taken for a whole one."""
    temporary = target.with_name(f".{target.name}.new")
    target.parent.mkdir(exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    with writing_to(target):
        shutil.copytree(source, temporary)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
