"""How good a restored image is, with ground truth or without."""

from degcraft.metrics.alignment import Alignment, aligned_truth, describe_alignments, estimate_alignment
from degcraft.metrics.colour import rgb_to_y
from degcraft.metrics.lpips import LpipsMetric
from degcraft.metrics.niqe import NiqeModel
from degcraft.metrics.paired import Difference, paired_difference
from degcraft.metrics.psnr import psnr
from degcraft.metrics.registry import METRICS, Metric, compute_scores, find_metric
from degcraft.metrics.rows import ImageScore, ScoreTable, score_image
from degcraft.metrics.ssim import ssim

__all__ = [
    "METRICS",
    "Alignment",
    "Difference",
    "ImageScore",
    "LpipsMetric",
    "Metric",
    "NiqeModel",
    "ScoreTable",
    "aligned_truth",
    "compute_scores",
    "describe_alignments",
    "estimate_alignment",
    "find_metric",
    "paired_difference",
    "psnr",
    "rgb_to_y",
    "score_image",
    "ssim",
]
