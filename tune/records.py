"""What a search tells MLflow, and when: a run per trial as it goes, the parent's table and figures at the end.

Everything goes through `tracking.Recorder`, whose outbox survives a killed driver and an absent server. What this
module keeps beside it (`recorded.json`) makes a resumed search tell each thing once.
"""

import csv
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from torch import Tensor

from degcraft.degradation import CraftedDistribution
from degcraft.figures import (
    RestoredImage,
    draw_contact_sheet,
    draw_learned,
    draw_restorations,
    draw_scores,
    draw_weight_map,
)
from degcraft.images import bicubic_enlarge
from degcraft.images.atomic import written_whole
from degcraft.learned import load_learned
from degcraft.matching import Reliability
from tracking import PARENT, Recorder
from tune.config import Kind, TrialConfig
from tune.data import Pair
from tune.held_out import SAMPLES_KEPT, HeldOut, to_image
from tune.outcome import TrialOutcome
from tune.registration import Registration
from tune.spec import SearchSpec
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


class Records:
    """Writes one search into MLflow.

    Args:
        recorder: The durable way to MLflow.
        spec: The search.
        held_out: Whose LR and HR images stand beside the restored samples.
        folder: The search's output folder.
        facts: What all runs of the search share: data hashes, versions, device.
        reliability: How far the weights can be relied on, by the features that they were measured with.
    """

    def __init__(
        self,
        recorder: Recorder,
        spec: SearchSpec,
        held_out: HeldOut,
        folder: Path,
        facts: Mapping[str, str],
        reliability: Mapping[str, Reliability],
    ) -> None:
        self._recorder, self._spec, self._held_out, self._facts = recorder, spec, held_out, dict(facts)
        self._folder, self._reliability = folder, reliability
        self._file = folder / "recorded.json"
        self._samples = folder / "samples"
        self._told: dict[str, Any] = {"steps": {}, "trials": {}, "shared": []}
        if self._file.exists():
            self._told = json.loads(self._file.read_text())

    def open(self, spec_text: str) -> None:
        """The parent run, with the specification."""
        self._recorder.open_parent(self._spec.name, self._spec.model_dump(mode="json"), self._facts)
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / "search.yaml"
            file.write_text(spec_text, encoding="utf-8")
            self._recorder.artifact(PARENT, file)
            file = Path(name) / "reliability.json"
            content = {features: found.to_dict() for features, found in self._reliability.items()}
            file.write_text(json.dumps(content, indent=2), encoding="utf-8")
            self._recorder.artifact(PARENT, file)
        for features, found in self._reliability.items():
            self._recorder.tag(PARENT, f"reliability.{features.replace(':', '.')}", " ".join(found.sentences()))

    def started(self, trial: Trial) -> None:
        """A child run; the same one however often the trial is started again."""
        config = TrialConfig.of(trial.config)
        params = self._spec.model_dump(mode="json") | {"trial": {"kind": config.kind, **config.values()}}
        self._recorder.open_child(trial.trial_id, config.title(), params, self._facts | {"kind": config.kind})

    def reported(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """A point on every curve, unless it was drawn before the trial was set back to its checkpoint."""
        step = int(result["step"])
        if step <= self._told["steps"].get(trial.trial_id, -1):
            return
        values = {name: float(result[name]) for name in CURVES if name in result and np.isfinite(result[name])}
        self._recorder.metrics(trial.trial_id, step, values)
        for name in ("device", "precision"):
            if name in result:
                self._recorder.tag(trial.trial_id, name, str(result[name]))
        self._told["steps"][trial.trial_id] = step
        self._keep()

    def outcomes(self) -> dict[str, TrialOutcome]:
        """Every trial whose end was told, in this sitting or before, in the order of their ends."""
        return {key: TrialOutcome.of(kept) for key, kept in self._told["trials"].items()}

    def has_ended(self, key: str) -> bool:
        """Whether a trial's end was told already."""
        return key in self._told["trials"]

    def ended(self, outcome: TrialOutcome, files: Path | None) -> None:
        """The end of a trial: its weights, figures and model, from a folder with the files of its last checkpoint and
        what `draw` made of them, if there is one.
        """
        key = outcome.key
        if self.has_ended(key):
            return
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
        self._recorder.finish(key, "FAILED" if outcome.status == "failed" else "FINISHED")
        self._told["trials"][key] = outcome.to_dict()
        self._keep()

    def shared_ended(self, key: str, failure: str | None) -> None:
        """The end of a shared network's training; its model is only a start, so it is not kept in MLflow."""
        if key not in self._told["shared"]:
            self._recorder.finish(key, "FAILED" if failure else "FINISHED")
            self._told["shared"].append(key)
            self._keep()

    def draw(self, files: Path, title: str) -> None:
        """Draw a trial's weight map, or what it learned, and samples beside the files of its checkpoint."""
        if (files / CRAFTED).exists():
            crafted = CraftedDistribution.load(files / CRAFTED)
            truth = None
            if self._spec.synthetic is not None:
                truth = crafted.space.overlap(self._spec.synthetic.bounds())
            draw_weight_map(
                crafted.space,
                crafted.weights,
                files / WEIGHT_MAP,
                title=title,
                true_weights=truth,
                distances=crafted.distances,
            )
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
            self._samples.mkdir(exist_ok=True)
            with written_whole(self._samples / f"{outcome.key}.npz") as temporary:
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
        spec = self._spec
        table, figure, content = (self._folder / name for name in ("trials.csv", "scores.png", "summary.json"))
        rows = summary.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        said = summary.sentences() + ([registration.sentence] if registration else [])
        summary.save(content, said)
        beside = {kind: summary.of_kind(kind, summary.best_crafted) for kind in LINES}
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
        named = {**{kind.replace(" ", "_"): row for kind, row in beside.items()}, "best": summary.best}
        scores = {f"score.{name}": row.score for name, row in named.items() if row is not None}
        scores |= {f"won.over_{kind}": difference.mean for kind, difference in summary.won().items()}
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
        for trial in summary.trials:
            if not self.has_ended(trial.key):
                self._recorder.finish(trial.key, "KILLED")
        self._recorder.finish(PARENT, status)

    def _draw_verdict(self, summary: Summary) -> Path | None:
        """The restored pictures side by side, where they differ most; None without a best."""
        best = summary.best
        if best is None:
            return None
        pairs = self._held_out.pairs[:SAMPLES_KEPT]
        columns = {"LR, bicubic": [self._enlarged(pair) for pair in pairs]}
        for kind in SHOWN:
            row = summary.of_kind(kind, best)
            if row is not None and row.key != best.key and (self._samples / f"{row.key}.npz").exists():
                columns[kind] = [to_image(image) for image in read_npz(self._samples / f"{row.key}.npz")]
        columns[f"best: {best.config.title()}"] = [to_image(image) for image in read_samples(self._folder / "best")]
        rows = [
            RestoredImage(pair.name, images, to_image(pair.hr), self._spec.border + pair.border)
            for pair, images in zip(pairs, zip(*columns.values(), strict=True), strict=True)
        ]
        picture = self._folder / "restored.png"
        draw_restorations(rows, picture, list(columns))
        return picture

    def _keep(self) -> None:
        with written_whole(self._file) as temporary:
            temporary.write_text(json.dumps(self._told))


def copy_files(source: Path, target: Path) -> None:
    """Replace a folder by a copy of another, so that a killed copy is never taken for a whole one."""
    temporary = target.with_name(f".{target.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def read_samples(files: Path) -> list[np.ndarray]:
    """The restored images, uint8 (3, H, W), in the files of a trial's checkpoint."""
    return read_npz(files / SAMPLES)


def read_npz(file: Path) -> list[np.ndarray]:
    """The arrays of an .npz in the order in which they were given."""
    with np.load(file) as kept:
        return [kept[name] for name in kept.files]
