"""Images to learn from."""

import numpy as np

from degcraft.images import HrPool


def pool(side: int, seed: int, count: int = 32) -> HrPool:
    """Coloured squares of 4 pixels."""
    random = np.random.default_rng(seed)
    coarse = [random.integers(0, 255, (3, side // 4, side // 4), dtype=np.uint8) for _ in range(count)]
    return HrPool([np.kron(one, np.ones((1, 4, 4), dtype=np.uint8)) for one in coarse])
