"""The metrics by name: a new one is its own file and one line in `METRICS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degcraft.errors import DegcraftError
from degcraft.later import Later
from degcraft.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from degcraft.metrics.lpips import LpipsMetric
    from degcraft.metrics.niqe import NiqeModel

psnr, ssim = Later("degcraft.metrics.signal_to_noise:psnr"), Later("degcraft.metrics.similarity:ssim")


@dataclass(frozen=True)
class Scored:
    """What a metric may look at."""

    sr: Tensor
    hr: Tensor | None
    border: int
    lpips: LpipsMetric | None
    niqe: NiqeModel | None

    def truth(self, metric: str) -> Tensor:
        """The ground truth; a metric that needs it where there is none is an error."""
        if self.hr is None:
            raise DegcraftError(f"the metric {metric} compares with ground truth, but there is none")
        return self.hr


@dataclass(frozen=True)
class Metric:
    """A score of a restored image."""

    name: str
    higher_is_better: bool
    needs_reference: bool
    """Whether it compares with ground truth."""
    unit: str
    """'' for a plain number."""
    describe: str
    """One clause for tables and help."""
    compute: Callable[[Scored], float]
    label: str = ""
    """What tables call it, with the channels it looks at; '' for its name."""
    decimals: int = 4
    """Decimals that tables show."""

    @property
    def title(self) -> str:
        """The heading of a table's column: label, direction and unit."""
        return f"{self.label or self.name} {'↑' if self.higher_is_better else '↓'}" + (
            f" ({self.unit})" if self.unit else ""
        )


def _lpips(scored: Scored) -> float:
    if scored.lpips is None:
        raise DegcraftError("the metric lpips needs a loaded LpipsMetric, but got none")
    return scored.lpips(scored.sr, scored.truth("lpips"), border=scored.border)


def _niqe(scored: Scored) -> float:
    if scored.niqe is None:
        raise DegcraftError("the metric niqe needs a NiqeModel fitted on clean images, but got none")
    height, width = scored.sr.shape[-2:]
    border = scored.border
    return scored.niqe.score(scored.sr[..., border : height - border, border : width - border])


METRICS: Registry[Metric] = Registry(
    "the metric",
    (
        Metric(
            "psnr", True, True, "dB", "peak signal-to-noise ratio on RGB",
            lambda s: psnr(s.sr, s.truth("psnr"), border=s.border), "PSNR RGB", 2,
        ),
        Metric(
            "psnr_y", True, True, "dB", "peak signal-to-noise ratio on BT.601 luma",
            lambda s: psnr(s.sr, s.truth("psnr_y"), border=s.border, channel="y"), "PSNR Y", 2,
        ),
        Metric(
            "ssim", True, True, "", "structural similarity on RGB, 1 for equal images",
            lambda s: ssim(s.sr, s.truth("ssim"), border=s.border), "SSIM RGB", 4,
        ),
        Metric(
            "ssim_y", True, True, "", "structural similarity on BT.601 luma, 1 for equal images",
            lambda s: ssim(s.sr, s.truth("ssim_y"), border=s.border, channel="y"), "SSIM Y", 4,
        ),
        Metric("lpips", False, True, "", "learned perceptual distance, 0 for equal images", _lpips, "LPIPS", 4),
        Metric("niqe", False, False, "", "distance from the statistics of clean images", _niqe, "NIQE", 2),
    ),
)  # fmt: skip
"""All metrics; the border is cut from the image before any of them."""

find_metric = METRICS.find


def compute_scores(
    names: Iterable[str],
    sr: Tensor,
    hr: Tensor | None,
    *,
    border: int,
    lpips: LpipsMetric | None = None,
    niqe: NiqeModel | None = None,
) -> dict[str, float]:
    """Several scores of one restored image, by name.

    Args:
        names: of `METRICS`.
        sr: the restored image (3, H, W) with values in [0, 1].
        hr: its ground truth, of the same shape; None will do where no named metric needs it.
        border: pixels cut from every side before anything is computed; 0 keeps all.
        lpips: needed for `lpips`.
        niqe: needed for `niqe`.

    Raises:
        DegcraftError: an unknown name, something needed that is missing, or images that do not fit.
    """
    scored = Scored(sr, hr, border, lpips, niqe)
    return {name: find_metric(name).compute(scored) for name in names}
