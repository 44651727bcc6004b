"""What a search tells MLflow, and when: a run per trial as it goes, the parent's table and figures at the end.

Everything goes through `tracking.Recorder`, whose queue lies in the search's state file. What happened and what MLflow
is to be told of it are kept in one transaction, so that each thing is told once, whatever is killed.
"""

import csv
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.figures import (
    RestoredImage,
    draw_contact_sheet,
    draw_crafted,
    draw_learned,
    draw_restorations,
    draw_scores,
)
from degcraft.images import bicubic_enlarge
from degcraft.images.atomic import writing_to, written_whole
from degcraft.learned import load_learned
from degcraft.matching import Reliability
from tracking import PARENT, Recorder
from tune.config import Kind, TrialConfig
from tune.data import Pair
from tune.folder import SearchFolder
from tune.held_out import SAMPLES_KEPT, HeldOut, to_image
from tune.outcome import TrialOutcome
from tune.registration import Registration
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.summary import Summary
from tune.trial import CRAFTED, LEARNED, MODEL, SAMPLES, SCORES, WEIGHTS

WEIGHT_MAP, KERNELS, SAMPLE_SHEET = "weights.png", "pdm.png", "samples.png"
"""Names of the pictures drawn of a trial."""

LINES: tuple[Kind, ...] = ("bicubic", "start", "uniform", "pdm", "upper bound")
"""Rows that are lines in the figure of the scores, and metrics of the parent."""

SHOWN: tuple[Kind, ...] = ("start", "uniform")
"""Rows whose restored images stand between bicubic and the best in the picture of the verdict."""

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
        facts: What all runs of the search share: data hashes, versions, device.
        reliability: How far the weights can be relied on, by the features that they were measured with.
    """

    def __init__(
        self,
        recorder: Recorder,
        spec: SearchSpec,
        held_out: HeldOut,
        folder: SearchFolder,
        state: SearchState,
        facts: Mapping[str, str],
        reliability: Mapping[str, Reliability],
    ) -> None:
        self._recorder, self._spec, self._held_out, self._facts = recorder, spec, held_out, dict(facts)
        self._folder, self._state, self._reliability = folder, state, reliability
        self._said = False

    def open(self, spec_text: str) -> None:
        """The parent run, with the specification."""
        with self._state.file.transaction(), tempfile.TemporaryDirectory() as name:
            self._recorder.open_parent(self._spec.name, self._spec.model_dump(mode="json"), self._facts)
            file = Path(name) / "search.yaml"
            file.write_text(spec_text, encoding="utf-8")
            self._recorder.artifact(PARENT, file)
            file = Path(name) / "reliability.json"
            content = {features: found.to_dict() for features, found in self._reliability.items()}
            file.write_text(json.dumps(content, indent=2), encoding="utf-8")
            self._recorder.artifact(PARENT, file)
            for features, found in self._reliability.items():
                label = features.replace(":", ".")
                self._recorder.tag(PARENT, f"reliability.{label}", " ".join(found.sentences()))

    def started(self, key: str, config: TrialConfig) -> None:
        """A child run; the same one however often the trial is started again."""
        params = self._spec.model_dump(mode="json") | {"trial": {"kind": config.kind, **config.values()}}
        with self._state.file.transaction():
            self._recorder.open_child(key, config.title(), params, self._facts | {"kind": config.kind})
            self._state.mark(key, finished=False)

    def reported(self, key: str, result: Mapping[str, Any]) -> None:
        """A point on every curve, unless it was drawn before the trial was set back to its checkpoint."""
        with self._state.file.transaction():
            if not self._state.report(key, {name: result[name] for name in REPORTED if name in result}):
                return
            values = {name: float(result[name]) for name in CURVES if name in result and np.isfinite(result[name])}
            self._recorder.metrics(key, int(result["step"]), values)
            for name in ("device", "precision"):
                if name in result:
                    self._recorder.tag(key, name, str(result[name]))

    def ended(self, outcome: TrialOutcome, files: Path | None) -> None:
        """The end of a trial: its weights, figures and model, from a folder with the files of its last checkpoint and
        what `draw` made of them, if there is one.
        """
        with self._state.file.transaction():
            self._tell_end(outcome, files)
            self._finish(outcome.key, "FAILED" if outcome.status == "failed" else "FINISHED")
            self._state.end(outcome)

    def _tell_end(self, outcome: TrialOutcome, files: Path | None) -> None:
        key = outcome.key
        if files is not None:
            for name in (WEIGHTS, CRAFTED, LEARNED, SCORES, WEIGHT_MAP, KERNELS, SAMPLE_SHEET):
                # A row that is only scored has no distribution.
                if (files / name).exists():
                    self._recorder.artifact(key, files / name)
            if (files / MODEL).exists():
                crafted = files / CRAFTED
                kept = json.loads(crafted.read_text(encoding="utf-8")) if crafted.exists() else None
                self._recorder.model(key, files / MODEL, self._spec.scale, crafted=kept)
        if outcome.effective_bins is not None:
            self._recorder.metrics(key, max(outcome.step, 1), {"effective_bins": outcome.effective_bins})
        self._recorder.tag(key, "status", outcome.status)
        if outcome.failure:
            self._recorder.tag(key, "failure", outcome.failure)

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

    def draw(self, files: Path, title: str) -> None:
        """Draw a trial's weight map, or what it learned, and samples beside the files of its checkpoint."""
        if (files / CRAFTED).exists():
            crafted = CraftedDistribution.load(files / CRAFTED)
            truth = None if self._spec.synthetic is None else self._spec.synthetic.bounds()
            draw_crafted(crafted, files / WEIGHT_MAP, title=title, truth=truth)
        if (files / LEARNED).exists():
            draw_learned(load_learned(files / LEARNED).model, files / KERNELS)
        rows = [
            (pair.name, [self._enlarged(pair), to_image(restored), to_image(pair.hr)])
            for pair, restored in zip(self._held_out.pairs, read_samples(files), strict=False)
        ]
        draw_contact_sheet(rows, files / SAMPLE_SHEET, ["LR, bicubic", title, "HR"])

    def keep_samples(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep what a row restored, if the verdict's picture shows it."""
        if outcome.config.kind in SHOWN:
            with written_whole(self._folder.samples / f"{outcome.key}.npz") as temporary:
                shutil.copyfile(files / SAMPLES, temporary)

    def _enlarged(self, pair: Pair) -> Tensor:
        return bicubic_enlarge(to_image(pair.lr), self._spec.scale)

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
                points, figure, metric=summary.metric, higher_is_better=summary.higher_is_better,
                lines={kind: row.score for kind, row in beside.items() if row is not None},
            )  # fmt: skip
            written.append(figure)
        if (picture := self._draw_verdict(summary)) is not None:
            written.append(picture)
        for file_path in written:
            self._recorder.artifact(PARENT, file_path)
        named = {**{_word(kind): row for kind, row in beside.items()}, "best": summary.best}
        scores = {f"score.{name}": row.score for name, row in named.items() if row is not None}
        scores |= {f"won.over_{_word(kind)}": difference.mean for kind, difference in summary.won().items()}
        self._recorder.metrics(PARENT, spec.training.steps, scores)
        for sentence, number in zip(said, range(10), strict=False):
            self._recorder.tag(PARENT, f"said.{number}", sentence)
        if summary.best is not None and status == "FINISHED":
            self._recorder.tag(PARENT, "best", summary.best.key)
        if registration is not None and registration.alias is not None and summary.best is not None:
            self._recorder.register_best(
                summary.best.key,
                spec.tracking.register_as,
                alias=registration.alias,
                tags={summary.metric: summary.best.score, "verdict": registration.sentence},
            )
        self._end_runs(status)

    def _draw_verdict(self, summary: Summary) -> Path | None:
        """The restored pictures side by side, where they differ most; None without a best."""
        best = summary.best
        if best is None:
            return None
        pairs = self._held_out.pairs[:SAMPLES_KEPT]
        columns = {"LR, bicubic": [self._enlarged(pair) for pair in pairs]}
        for kind in SHOWN:
            row = summary.of_kind(kind, best)
            file = self._folder.samples / f"{row.key}.npz" if row is not None else None
            if row is not None and row.key != best.key and file is not None and file.exists():
                columns[kind] = [to_image(image) for image in read_npz(file)]
        columns[f"best: {best.config.title()}"] = [to_image(image) for image in read_samples(self._folder.best)]
        rows = [
            RestoredImage(pair.name, images, to_image(pair.hr), self._spec.border + pair.border)
            for pair, images in zip(pairs, zip(*columns.values(), strict=True), strict=True)
        ]
        picture = self._folder.restored
        draw_restorations(rows, picture, list(columns))
        return picture


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


def read_samples(files: Path) -> list[np.ndarray]:
    """The restored images, uint8 (3, H, W), in the files of a trial's checkpoint."""
    return read_npz(files / SAMPLES)


def read_npz(file: Path) -> list[np.ndarray]:
    """The arrays of an .npz in the order in which they were given; raises DegcraftError for one that is damaged."""
    try:
        with np.load(file) as kept:
            return [kept[name] for name in kept.files]
    except Exception as error:  # a damaged archive makes its readers raise nearly anything
        raise DegcraftError(f"{file}: is damaged ({error!r})") from error
