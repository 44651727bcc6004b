"""Scoring networks, and what others made, on images: with ground truth or without."""

from degcraft.evaluation.evaluating import evaluate
from degcraft.evaluation.evaluation import Evaluation
from degcraft.evaluation.images import EvaluatedImage
from degcraft.evaluation.rows import BICUBIC

__all__ = ["BICUBIC", "EvaluatedImage", "Evaluation", "evaluate"]
