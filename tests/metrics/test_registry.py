"""Metrics by name, with their direction and what they need."""

import pytest
import torch

from degcraft.errors import DegcraftError
from degcraft.metrics import METRICS, NiqeModel, compute_scores, find_metric, psnr, ssim

RANDOM = torch.Generator().manual_seed(0)
HR = torch.rand(3, 220, 210, generator=RANDOM)
SR = (HR + 0.1 * torch.randn(HR.shape, generator=RANDOM)).clamp(0, 1)
NIQE = NiqeModel.fit([HR])


def worse(metric: str) -> tuple[float, float]:
    """The scores of a good and of a bad image."""
    good, bad = (compute_scores([metric], image, HR, border=0)[metric] for image in (SR, 1 - SR))
    return good, bad


def test_the_names_are_those_the_project_speaks_of() -> None:
    assert list(METRICS) == ["psnr", "psnr_y", "ssim", "ssim_y", "lpips", "niqe"]
    for name, metric in METRICS.items():
        assert find_metric(name) is metric
        assert metric.name == name
        assert metric.describe
        assert metric.needs_reference == (name != "niqe")
        assert metric.higher_is_better == (name not in ("lpips", "niqe"))


@pytest.mark.parametrize("name", ["psnr", "psnr_y", "ssim", "ssim_y"])
def test_the_direction_is_that_of_better_images(name: str) -> None:
    good, bad = worse(name)
    assert (good > bad) == METRICS[name].higher_is_better


def test_scores_come_by_name_with_the_border_cut() -> None:
    scores = compute_scores(["ssim_y", "psnr", "niqe"], SR, HR, border=4, niqe=NIQE)
    assert scores == {
        "ssim_y": ssim(SR, HR, border=4, channel="y"),
        "psnr": psnr(SR, HR, border=4),
        "niqe": NIQE.score(SR[:, 4:-4, 4:-4]),
    }
    assert compute_scores(["niqe"], SR, None, border=0, niqe=NIQE) == {"niqe": NIQE.score(SR)}


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DegcraftError, match="ssim compares with ground truth"):
        compute_scores(["ssim"], SR, None, border=0)
    with pytest.raises(DegcraftError, match="needs a NiqeModel"):
        compute_scores(["niqe"], SR, HR, border=0)
    with pytest.raises(DegcraftError, match="needs a loaded LpipsMetric"):
        compute_scores(["lpips"], SR, HR, border=0)
    for call in (find_metric, lambda name: compute_scores([name], SR, HR, border=0)):
        with pytest.raises(DegcraftError, match="psnr, psnr_y, ssim, ssim_y, lpips, niqe, but got 'fid'"):
            call("fid")
