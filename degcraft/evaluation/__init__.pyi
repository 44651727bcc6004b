from .evaluating import evaluate
from .evaluation import Evaluation
from .images import EvaluatedImage
from .names import BICUBIC, metric_names, row_names

__all__ = ["BICUBIC", "EvaluatedImage", "Evaluation", "evaluate", "metric_names", "row_names"]
