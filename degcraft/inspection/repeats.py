"""Images of a pile that show the same and carry the same: they count once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csgraph, csr_array

from degcraft.images.thumbnails import SAME_SCENE, thumbnail
from degcraft.inspection.estimate import ImageEstimate

SAME_DEGRADATION = 1.0
"""Images of one scene repeat each other up to this distance: a small but visible difference."""


def find_repeats(images: Sequence[ImageEstimate], distances: NDArray[np.floating]) -> NDArray[np.intp]:
    """Numbers the contents of a pile: near-duplicates have one number.

    Two images repeat each other if their grey thumbnails correlate as `degcraft.matching.scenes` asks of one scene,
    and their estimates are not told apart. So a copy that was compressed again is an image of its own.

    Args:
        images: n of them.
        distances: (n, n) between the estimates, in units of what can be told apart.

    Returns:
        (n,) numbers from 0.
    """
    thumbnails = np.stack([thumbnail(Image.fromarray(image.thumbnail)) for image in images])
    same = (thumbnails @ thumbnails.T >= SAME_SCENE) & (distances <= SAME_DEGRADATION)
    return csgraph.connected_components(csr_array(same), directed=False)[1].astype(np.intp)
