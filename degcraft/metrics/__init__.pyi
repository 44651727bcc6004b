from .alignment import Alignment, aligned_truth, describe_alignments, estimate_alignment
from .colour import rgb_to_y
from .lpips import LpipsMetric
from .niqe import NiqeModel
from .paired import Difference, paired_difference
from .registry import METRICS, Metric, compute_scores, find_metric
from .rows import ImageScore, ScoreTable, score_image
from .signal_to_noise import psnr
from .similarity import ssim

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
