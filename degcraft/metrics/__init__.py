"""How good a restored image is, with ground truth or without."""

from degcraft.metrics.colour import rgb_to_y
from degcraft.metrics.lpips import LpipsMetric
from degcraft.metrics.niqe import NiqeModel
from degcraft.metrics.psnr import psnr
from degcraft.metrics.registry import METRICS, Metric, compute_scores, direction, find_metric
from degcraft.metrics.ssim import ssim

__all__ = [
    "METRICS",
    "LpipsMetric",
    "Metric",
    "NiqeModel",
    "compute_scores",
    "direction",
    "find_metric",
    "psnr",
    "rgb_to_y",
    "ssim",
]
