"""What the registry knows of an extractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from degcraft.features.base import AxisPosterior, FeatureExtractor


@dataclass(frozen=True)
class ExtractorSpec:
    """What the registry knows of an extractor before it is made."""

    name: str
    """The name it is chosen by."""
    description: str
    """One line for people: what the features are and where the weights come from."""
    layers: tuple[str, ...]
    """The layers it can be cut at, shallow to deep."""
    default_layer: str
    """The layer it is cut at unless another is asked for."""
    weights_file: str | None
    """The file name its weights have in the weights folder; None where it draws them from a seed."""
    build: Callable[[str, Path | None, int, torch.device], FeatureExtractor]
    """Makes it from (layer, weights file or None, seed, device)."""
    missing: Callable[[Path | None], str | None]
    """Why it cannot be made with this weights file (None: the one found by itself), or None if it can."""
    posterior: Callable[[NDArray[np.floating], int], Mapping[str, AxisPosterior]] | None = None
    """Reads (features (…, c), scale) as beliefs by axis name; None where the features do not say."""
    axes: tuple[str, ...] = ()
    """The axes that `posterior` speaks of."""
