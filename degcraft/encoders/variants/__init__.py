"""Blurs, resizings, noises and compressions beyond the paper's equation 2, each a registry by name."""

from degcraft.encoders.variants.blurs import BLURS
from degcraft.encoders.variants.compressions import COMPRESSIONS, compress_variously, on_shifted_grid
from degcraft.encoders.variants.noises import NOISES, draw_noise
from degcraft.encoders.variants.reducers import REDUCERS, SCREEN_REDUCERS, reducer, through_screen
from degcraft.encoders.variants.resizing import blur_and_resize, resize

__all__ = [
    "BLURS",
    "COMPRESSIONS",
    "NOISES",
    "REDUCERS",
    "SCREEN_REDUCERS",
    "blur_and_resize",
    "compress_variously",
    "draw_noise",
    "on_shifted_grid",
    "reducer",
    "resize",
    "through_screen",
]
