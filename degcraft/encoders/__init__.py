"""Training of degcraft's own feature networks: clean content, degradations wider than the paper's, and the losses."""

from degcraft.encoders.content import CleanContent
from degcraft.encoders.contrast import ContrastBatch, MocoTraining, contrast_batch, contrast_pairs
from degcraft.encoders.dead_leaves import dead_leaves
from degcraft.encoders.wide import WideBatch, WideDegradations

__all__ = [
    "CleanContent",
    "ContrastBatch",
    "MocoTraining",
    "WideBatch",
    "WideDegradations",
    "contrast_batch",
    "contrast_pairs",
    "dead_leaves",
]
