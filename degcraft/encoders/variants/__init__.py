"""Blurs, resizings, noises and compressions beyond the paper's equation 2, each a registry by name."""

from degcraft.encoders.variants.blurs import BLURS, blur_at_half
from degcraft.encoders.variants.compressions import COMPRESSIONS, on_shifted_grid
from degcraft.encoders.variants.noises import NOISES
from degcraft.encoders.variants.reducers import REDUCERS, SCREEN_REDUCERS, Reducer, reducer, through_screen

__all__ = [
    "BLURS",
    "COMPRESSIONS",
    "NOISES",
    "REDUCERS",
    "SCREEN_REDUCERS",
    "Reducer",
    "blur_at_half",
    "on_shifted_grid",
    "reducer",
    "through_screen",
]
