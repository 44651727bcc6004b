"""Training of degcraft's own feature networks: clean content, degradations wider than the paper's, and the losses."""

from degcraft.encoders.content import CleanContent
from degcraft.encoders.dead_leaves import dead_leaves
from degcraft.encoders.degnet import DegNetObjective, cell_targets, degnet_task
from degcraft.encoders.recipes import LARGEST_CROP, RECIPES, Recipe
from degcraft.encoders.wide import WideBatch, WideDegradations, WideSource

__all__ = [
    "LARGEST_CROP",
    "RECIPES",
    "CleanContent",
    "DegNetObjective",
    "Recipe",
    "WideBatch",
    "WideDegradations",
    "WideSource",
    "cell_targets",
    "dead_leaves",
    "degnet_task",
]
