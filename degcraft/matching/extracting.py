"""Features of many images, and of clean crops as a distribution degrades them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation import CraftedDistribution, DegradationSource
from degcraft.degradation.space import PART
from degcraft.features import FeatureExtractor
from degcraft.images import Patches
from degcraft.matching.measurement import Measurement

BATCH = 25
"""Images per pass: what a CPU core's cache likes."""

DRAWS = 5
"""Times that the clean crops are degraded by a distribution for them to be compared with the references."""


def image_features(
    images: Tensor, extractor: FeatureExtractor, *, device: str | torch.device = "cpu", batch: int = BATCH
) -> NDArray[np.float32]:
    """Features of many images, a batch at a time.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1].
        extractor: Which features.
        device: Where the images are put before the extractor sees them.
        batch: Images at once.

    Returns:
        (n, c).

    Raises:
        DegcraftError: what the extractor refuses.
    """
    parts = [extractor(as_float(part.to(device))).cpu() for part in images.split(batch)]
    return torch.cat(parts).numpy()


def crafted_features(
    crafted: CraftedDistribution,
    measurement: Measurement,
    hr: Patches,
    extractor: FeatureExtractor,
    *,
    device: str | torch.device = "cpu",
) -> NDArray[np.float32]:
    """(DRAWS, n, c) features of the clean crops as a distribution that was found in a measurement degrades them.

    Drawn from the measurement where its bins are what is trained on; otherwise each crop is degraded anew.

    Args:
        crafted: The distribution.
        measurement: Where it was found.
        hr: The clean crops of the measurement.
        extractor: Its features.
        device: Where to degrade and extract.
    """
    if crafted.listed is None and not measurement.space.is_sampled:
        return measurement.drawn(crafted.parts.spread(crafted.weights), DRAWS, measurement.seed)
    source, generator = crafted.source(), torch.Generator().manual_seed(measurement.seed)
    found = [
        made_features(source, hr.pixels, extractor, scale=measurement.scale, generator=generator, device=device)
        for _ in range(DRAWS)
    ]
    return np.stack(found)


def made_features(
    source: DegradationSource,
    hr: Tensor,
    extractor: FeatureExtractor,
    *,
    scale: int,
    generator: torch.Generator,
    device: str | torch.device = "cpu",
) -> NDArray[np.float32]:
    """(n, c) features of clean crops as a source degrades them, a part at a time.

    Args:
        source: What degrades them.
        hr: (n, 3, h, w), uint8 or float in [0, 1].
        extractor: Which features.
        scale: The downsampling factor.
        generator: Of what is drawn.
        device: Where to degrade and extract.
    """
    made = (source.degrade(as_float(part.to(device)), scale, generator)[0] for part in hr.split(PART))
    return np.concatenate([image_features(lr, extractor, device=device) for lr in made])


def as_float(images: Tensor) -> Tensor:
    """uint8 levels as float in [0, 1]; what is float already stays."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
