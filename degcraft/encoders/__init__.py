"""Training of degcraft's own feature networks: clean content, degradations wider than the paper's, and the losses."""

from degcraft.encoders.content import CleanContent
from degcraft.encoders.contrast import ContrastBatch, MocoObjective, contrast_batch, contrast_pairs, moco_task
from degcraft.encoders.dead_leaves import dead_leaves
from degcraft.encoders.degnet import DegNetObjective, cell_targets, degnet_task
from degcraft.encoders.recipes import LARGEST_CROP, RECIPES, Recipe
from degcraft.encoders.wide import WideBatch, WideDegradations, WideSource

__all__ = [
    "LARGEST_CROP",
    "RECIPES",
    "CleanContent",
    "ContrastBatch",
    "DegNetObjective",
    "MocoObjective",
    "Recipe",
    "WideBatch",
    "WideDegradations",
    "WideSource",
    "cell_targets",
    "contrast_batch",
    "contrast_pairs",
    "dead_leaves",
    "degnet_task",
    "moco_task",
]
