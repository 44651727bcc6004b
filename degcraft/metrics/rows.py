"""Scores of several methods on the same images: what counts, what is left out and why, means and differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.pixels import to_uint8
from degcraft.metrics.lpips import LpipsMetric
from degcraft.metrics.niqe import NiqeModel
from degcraft.metrics.paired import Difference, paired_difference
from degcraft.metrics.registry import compute_scores, find_metric

FLAT = "its ground truth is one flat colour"
EXACT = "restored without any error, so that its PSNR is infinite"
NOT_FINITE = "the network gave values that are not finite"


@dataclass(frozen=True)
class ImageScore:
    """One image as one method restored it."""

    image: str
    scores: Mapping[str, float] = field(default_factory=dict)
    """Metric → score; finite ones only, so that they can be written as JSON."""
    fault: Literal["image", "network"] | None = None
    """`image`: nothing can be learned from this image. `network`: the method failed on it."""
    reason: str = ""
    """Why there is a fault, as a clause."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` takes."""
        return {"image": self.image, "scores": dict(self.scores), "fault": self.fault, "reason": self.reason}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ImageScore:
        """What `to_json` gave.

        Raises:
            DegcraftError: a field is missing or of another kind.
        """
        try:
            fault = values["fault"]
            if fault not in (None, "image", "network"):
                raise ValueError(f"fault {fault!r}")
            scores = {str(name): float(score) for name, score in values["scores"].items()}
            return cls(str(values["image"]), scores, fault, str(values["reason"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DegcraftError(
                f"the scores of an image must have image, scores, fault and reason, but are {values!r} ({error})"
            ) from error


def score_image(
    image: str,
    metrics: Iterable[str],
    sr: Tensor,
    hr: Tensor | None,
    *,
    border: int,
    lpips: LpipsMetric | None = None,
    niqe: NiqeModel | None = None,
) -> ImageScore:
    """Score one restored image as a file would hold it (8 bits), and say where its scores mean nothing.

    A ground truth of one flat colour and an exact reproduction are faults of the image; a restored image that is not
    finite is a fault of the network, unless the ground truth is flat anyway. A score that does not exist (NIQE of
    an image without structure) is missing from `scores`.

    Args:
        image: its name.
        metrics: of `METRICS`.
        sr: the restored image (3, H, W), not rounded: rounding would make NaN black.
        hr: its ground truth, or None.
        border: pixels cut from every side first.
        lpips: needed for `lpips`.
        niqe: needed for `niqe`.

    Raises:
        DegcraftError: as in `compute_scores`, with the name of the image.
    """
    inner = None if hr is None else hr[..., border : hr.shape[-2] - border, border : hr.shape[-1] - border]
    flat = inner is not None and inner.numel() > 0 and bool((inner == inner[..., :1, :1]).all())
    if not torch.isfinite(sr).all():
        return ImageScore(image, {}, "image", FLAT) if flat else ImageScore(image, {}, "network", NOT_FINITE)
    try:
        found = compute_scores(metrics, to_uint8(sr).float() / 255, hr, border=border, lpips=lpips, niqe=niqe)
    except DegcraftError as error:
        raise DegcraftError(f"{image}: {error}") from error
    scores = {name: score for name, score in found.items() if math.isfinite(score)}
    if flat:
        return ImageScore(image, scores, "image", FLAT)
    if any(math.isinf(score) for score in found.values()):
        return ImageScore(image, scores, "image", EXACT)
    return ImageScore(image, scores)


@dataclass(frozen=True)
class ScoreTable:
    """Methods (rows) by images, all of the same images in the same order.

    A mean is over the images that count in every row, so that all rows are means over the same images: one that is
    degenerate in any row is left out of all. A row whose network failed on some image has no means and takes no
    image from the others.
    """

    rows: Mapping[str, Sequence[ImageScore]]

    def __post_init__(self) -> None:
        if not self.rows:
            raise DegcraftError("a table of scores needs at least one row, but got none")
        first = next(iter(self.rows))
        names = [score.image for score in self.rows[first]]
        for row, scores in self.rows.items():
            if [score.image for score in scores] != names:
                raise DegcraftError(f"row {row!r}: must be of the same images as {first!r}, but is of others")

    @classmethod
    def from_json(cls, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> ScoreTable:
        """What `to_json` gave: row → a list of what `ImageScore.to_json` gives.

        Raises:
            DegcraftError: not of that form, or rows of different images.
        """
        return cls({row: tuple(ImageScore.from_json(values) for values in scores) for row, scores in rows.items()})

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Plain values that `from_json` takes."""
        return {row: [score.to_json() for score in scores] for row, scores in self.rows.items()}

    @cached_property
    def images(self) -> tuple[str, ...]:
        """All images, those that are left out too."""
        return tuple(score.image for score in next(iter(self.rows.values())))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """All metrics of which some row has a score."""
        return tuple(dict.fromkeys(name for scores in self.rows.values() for score in scores for name in score.scores))

    @cached_property
    def failed(self) -> dict[str, str]:
        """Row → why it has no means: its network failed on an image."""
        reasons = {}
        for row, scores in self.rows.items():
            bad = [score for score in scores if score.fault == "network"]
            if bad:
                more = f" and {len(bad) - 1} more of {len(scores)}" if len(bad) > 1 else ""
                reasons[row] = f"{bad[0].reason} on {bad[0].image}{more}"
        return reasons

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Image → why it counts in no row."""
        reasons: dict[str, str] = {}
        for row in self._sound:
            for score in self.rows[row]:
                if score.fault == "image":
                    reasons.setdefault(score.image, score.reason)
        return {image: reasons[image] for image in self.images if image in reasons}

    @property
    def _sound(self) -> list[str]:
        return [row for row in self.rows if row not in self.failed]

    def counted(self, metric: str) -> tuple[str, ...]:
        """The images that a mean of this metric is over: not left out, and scored in every row that has the metric."""
        if metric not in self._counted:
            lacking = {
                score.image
                for row in self._sound
                if any(metric in score.scores for score in self.rows[row])
                for score in self.rows[row]
                if metric not in score.scores
            }
            self._counted[metric] = tuple(i for i in self.images if i not in self.left_out and i not in lacking)
        return self._counted[metric]

    @cached_property
    def _counted(self) -> dict[str, tuple[str, ...]]:
        """What is known of that by metric: every difference asks, and to say it all rows are gone through."""
        return {}

    def scores(self, row: str, metric: str) -> list[float | None]:
        """(images,) of one row; None where an image does not count, and throughout where the row failed.

        Raises:
            DegcraftError: there is no such row.
        """
        if row not in self.rows:
            raise DegcraftError(f"the row must be one of {', '.join(self.rows)}, but is {row!r}")
        if row in self.failed:
            return [None] * len(self.images)
        counted = set(self.counted(metric))
        return [score.scores.get(metric) if score.image in counted else None for score in self.rows[row]]

    def means(self) -> dict[str, dict[str, float]]:
        """Row → metric → mean over the images that count; finite, and absent where no image counts."""
        means: dict[str, dict[str, float]] = {}
        for row in self.rows:
            means[row] = {}
            for metric in self.metrics:
                scores = [score for score in self.scores(row, metric) if score is not None]
                if scores:
                    means[row][metric] = math.fsum(scores) / len(scores)
        return means

    def difference(self, row: str, other: str, metric: str) -> Difference:
        """By how much `row` is better than `other`, image by image; positive is better, whatever the metric.

        Raises:
            DegcraftError: no such row or metric.
        """
        higher = find_metric(metric).higher_is_better
        return paired_difference(self.scores(row, metric), self.scores(other, metric), higher_is_better=higher)

    def notes(self) -> list[str]:
        """A line for each failed row, each image that is left out, and each metric that more images lack."""
        lines = [f"{row}: failed, {reason}" for row, reason in self.failed.items()]
        lines += [f"left out: {image}, {reason}" for image, reason in self.left_out.items()]
        for metric in self.metrics:
            lacking = [i for i in self.images if i not in self.left_out and i not in self.counted(metric)]
            if lacking:
                lines.append(f"{metric}: has no value for {', '.join(lacking)}")
        return lines
