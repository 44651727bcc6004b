"""What each reference carries by itself, on the mild side of what the extractor believes of it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import find_operator
from degcraft.errors import DegcraftError
from degcraft.features import AxisPosterior, cell_borders, find_extractor
from degcraft.matching.measurement import Measurement


def reference_beliefs(measurement: Measurement) -> Mapping[str, AxisPosterior]:
    """What the extractor believes of every reference, by axis.

    Raises:
        DegcraftError: the extractor has no posterior, or none for some axis of the space.
    """
    read = find_extractor(measurement.extractor).posterior
    found = {} if read is None else read(measurement.references, measurement.scale)
    for axis in measurement.space.axes:
        if axis.name not in found:
            raise DegcraftError(f"estimates of {axis.name} need an extractor with a posterior, such as degnet")
    return found


def mild_values(name: str, belief: AxisPosterior, quantile: float) -> NDArray[np.float64]:
    """(m,) the quantile of every image's belief, counted from the mild side: towards the operator's identity.

    Args:
        name: Of the axis.
        belief: probabilities (m, cells).
        quantile: From 0, the mildest that is thought possible, to 1; 0.5 is the median.

    Returns:
        Values in the unit of the axis; the identity where the quantile falls on images without this degradation.
    """
    operator, finite = find_operator(name), np.isfinite(belief.values)
    borders = cell_borders(belief.values)
    share = quantile if operator.identity <= operator.low else 1 - quantile
    below = np.pad(belief.probabilities[:, finite].cumsum(axis=1), ((0, 0), (1, 0)))
    found = [operator.identity if share > row[-1] + 1e-9 else np.interp(share, row, borders) for row in below]
    return np.array(found, dtype=np.float64)
