"""Training of degcraft's own features: clean content, and what tells its degradations."""

from degcraft.features.training.content import CleanContent
from degcraft.features.training.degnet import DegNetObjective, cell_targets, degnet_task
from degcraft.features.training.recipes import LARGEST_CROP, RECIPES, Recipe

__all__ = [
    "LARGEST_CROP",
    "RECIPES",
    "CleanContent",
    "DegNetObjective",
    "Recipe",
    "cell_targets",
    "degnet_task",
]
