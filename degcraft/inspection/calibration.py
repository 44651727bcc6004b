"""How far the network's distributions may be trusted, as measured.

Made by `python tests/benchmarks/benchmark_inspect.py --images DIR --calibrate`, which prints this table, and to be made
again whenever these axes' weights of degnet change. It makes the intervals right nine times in ten over three suites
together: 36 photographs that degnet was not trained on, degraded 18 times each. So they are wide enough within equation
2 and too narrow beyond it (rotated blurs, other resizing, correlated noise, screenshots). Share of truths inside,
paper's space / what cameras do / beyond: blur 0.94 / 0.95 / 0.81, noise 0.99 / 0.94 / 0.76, quality 1.00 / 1.00 / 0.95.
"""

from typing import NamedTuple


class Trust(NamedTuple):
    """What the patches of one image are worth together on an axis."""

    patch: float
    """Power of a single patch's distribution at which 90 % intervals hold the truth in 90 % of the images."""
    correlation: float
    """Of the errors of two patches of one image, 0 to 1: what they share, a further patch does not mend."""

    def of(self, patches: float) -> float:
        """How many independent distributions `patches` patches are worth."""
        return self.patch * patches / (1 + max(patches - 1, 0) * self.correlation)


TRUST = {
    "blur_sigma": Trust(1, 0.53),
    "noise_level": Trust(0.89, 0.7),
    "jpeg_quality": Trust(1, 0.1),
}
