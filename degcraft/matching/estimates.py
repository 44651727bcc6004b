"""What each reference carries by itself, on the mild side of what the extractor believes of it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.degradation import ListedSource, find_parameter
from degcraft.errors import DegcraftError
from degcraft.features import AxisPosterior, cell_borders, find_extractor
from degcraft.matching.measurement import Measurement


def reference_beliefs(measurement: Measurement) -> Mapping[str, AxisPosterior]:
    """What the extractor believes of every reference, by axis.

    Raises:
        DegcraftError: the extractor has no posterior, or none for some axis of the space.
    """
    names = [axis.name for axis in measurement.space.axes]
    return beliefs(measurement.extractor, measurement.references, measurement.scale, names)


def beliefs(
    extractor: str, features: NDArray[np.floating], scale: int, axes: Sequence[str] = ()
) -> Mapping[str, AxisPosterior]:
    """What an extractor believes of images, by axis.

    Args:
        extractor: Its name.
        features: (m, c) of the images.
        scale: Of the images, see `ExtractorSpec.posterior`.
        axes: Those that it must have a belief of.

    Raises:
        DegcraftError: it has none at all, or none of one of these.
    """
    read = find_extractor(extractor).posterior
    found = {} if read is None else read(features, scale)
    lacking = [name for name in axes if name not in found]
    if lacking or not found:
        what = lacking[0] if lacking else "degradations"
        raise DegcraftError(f"estimates of {what} need an extractor with a posterior, such as degnet, not {extractor}")
    return found


def mild_degradations(
    found: Mapping[str, AxisPosterior],
    quantile: float | NDArray[np.float64],
    *,
    blur: float = 1.0,
) -> ListedSource:
    """Each image's own estimate, as something to draw from: on every axis the quantile that `mild_values` takes.

    Args:
        found: By axis, of the same m images.
        quantile: See `mild_values`.
        blur: What the sigmas of the blur are multiplied by; below 1 for proxies of PSNR, which rewards caution.
    """
    values = {name: mild_values(name, belief, quantile) for name, belief in found.items()}
    if "blur_sigma" in values:
        values["blur_sigma"] = values["blur_sigma"] * blur
    return ListedSource({name: torch.from_numpy(one).float() for name, one in values.items()})


def mild_values(name: str, belief: AxisPosterior, quantile: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) the quantile of every image's belief, counted from the mild side: towards the operator's identity.

    Args:
        name: Of the axis.
        belief: probabilities (m, cells).
        quantile: From 0, the mildest that is thought possible, to 1; 0.5 is the median. One for all, or (m,).

    Returns:
        Values in the unit of the axis; the identity where the quantile falls on images without this degradation.
    """
    parameter, finite = find_parameter(name), np.isfinite(belief.values)
    borders = cell_borders(belief.values)
    below = np.pad(belief.probabilities[:, finite].cumsum(axis=1), ((0, 0), (1, 0)))
    shares = np.broadcast_to(quantile if parameter.identity <= parameter.low else 1 - quantile, len(below))
    found = np.array([
        parameter.identity if share > row[-1] + 1e-9 else np.interp(share, row, borders)
        for share, row in zip(shares, below, strict=True)
    ])  # fmt: skip
    # The cell of the identity reaches half-way to its neighbour, but stands for images without this degradation.
    for cell in np.flatnonzero(belief.values[finite] == parameter.identity):
        found[(borders[cell] <= found) & (found <= borders[cell + 1])] = parameter.identity
    return found
