"""Figures: weight maps, comparisons, contact sheets and score curves, each written as one PNG file."""

from degcraft.figures.comparison import draw_spread, draw_weight_maps
from degcraft.figures.contact_sheet import draw_contact_sheet
from degcraft.figures.crafted import draw_crafted
from degcraft.figures.curves import draw_scores
from degcraft.figures.inspection import draw_inspection
from degcraft.figures.learned import draw_learned
from degcraft.figures.restorations import RestoredImage, draw_restorations
from degcraft.figures.weight_map import draw_weight_map

__all__ = [
    "RestoredImage",
    "draw_contact_sheet",
    "draw_crafted",
    "draw_inspection",
    "draw_learned",
    "draw_restorations",
    "draw_scores",
    "draw_spread",
    "draw_weight_map",
    "draw_weight_maps",
]
