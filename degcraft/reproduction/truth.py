"""The degradation that test images and references carry: a setting of the paper's Table 1, or a mixture of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, DegradationSource, SpaceSource
from degcraft.errors import DegcraftError
from degcraft.images import Patches


@dataclass(frozen=True)
class Truth:
    """Settings, each with its share."""

    shares: Mapping[int, float]

    @classmethod
    def parse(cls, text: str) -> "Truth":
        """`3`, or `0.7*1+0.3*4`.

        Raises:
            DegcraftError: another form, a setting that there is not, or shares that do not sum to 1.
        """
        shares: dict[int, float] = {}
        try:
            for part in text.split("+"):
                share, star, number = part.rpartition("*")
                setting = int(number)
                if setting not in TEST_SETTINGS or setting in shares:
                    raise ValueError
                shares[setting] = float(share) if star else 1.0
        except ValueError:
            shares = {}
        if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
            known = ", ".join(map(str, TEST_SETTINGS))
            raise DegcraftError(f"a setting must be one of {known}, or a mixture such as 0.7*1+0.3*4, but got {text!r}")
        return cls(shares)

    def __str__(self) -> str:
        if self.setting is not None:
            return str(self.setting)
        return "+".join(f"{share:g}*{number}" for number, share in self.shares.items())

    @property
    def setting(self) -> int | None:
        """The number of the one setting; None for a mixture."""
        return next(iter(self.shares)) if len(self.shares) == 1 else None

    def weights(self) -> NDArray[np.float64]:
        """(75,) over the bins of the paper's space."""
        parts = [share * PAPER_SPACE.overlap(TEST_SETTINGS[number]) for number, share in self.shares.items()]
        return np.sum(parts, axis=0)

    def source(self) -> DegradationSource:
        """To train on: the box itself, of a mixture the bins of its boxes."""
        if self.setting is not None:
            return BoxSource(TEST_SETTINGS[self.setting])
        return SpaceSource(PAPER_SPACE, self.weights())

    def patches(self, clean: Patches, scale: int, seed: int) -> Patches:
        """Clean crops degraded by it, the settings dealt over the crops by their shares; the same for the same seed."""
        dealt = np.random.default_rng(seed).permutation(len(clean))
        ends = np.cumsum([round(share * len(clean)) for share in self.shares.values()])[:-1]
        pixels: torch.Tensor | None = None
        for number, places in zip(self.shares, np.split(dealt, ends), strict=True):
            found = known_references(clean, TEST_SETTINGS[number], scale, seed + number).pixels
            pixels = found.clone() if pixels is None else pixels
            pixels[places] = found[places]
        assert pixels is not None
        return Patches(pixels, clean.files)
