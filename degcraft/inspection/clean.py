"""The clean images: they decide what "restored" means, so how sharp, noisy and compressed are they themselves?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from degcraft.degradation import find_parameter
from degcraft.images import names_apart
from degcraft.inspection.estimate import Inspection, inspect_files, pooled_axes
from degcraft.inspection.words import sentence

if TYPE_CHECKING:
    from degcraft.features import DegNet

SOFT, NOISY, COMPRESSED = 2.5, 4.0, 92.0
"""Blur sigma in quarters of the image's own pixels, noise of 255 and JPEG quality from which a clean image is named."""
SHARP = 1.5
"""Blur sigma, in the same unit, that a reduction is to reach: photographs of Kodak and CID22 have less."""
LOOKED_AT = 40
"""Images looked at where there are more, spread evenly."""
_NAMED = 4


@dataclass(frozen=True, eq=False)
class CleanSide:
    """What clean images carry."""

    inspection: Inspection
    """Of those looked at, at their own resolution."""
    total: int
    """How many there are."""
    left_out: tuple[str, ...] = ()
    """What lay beside them, as clauses."""

    def named(self) -> dict[str, list[Path]]:
        """Images that are `soft`, `noisy` or `compressed`, whichever of these there are.

        Noise and compression must be beyond doubt; an interval of blur nearly always reaches down to none.
        """
        found: dict[str, list[Path]] = {"soft": [], "noisy": [], "compressed": []}
        for image in self.inspection.images:
            blur, noise, quality = (image.axes[axis] for axis in ("blur_sigma", "noise_level", "jpeg_quality"))
            for word, is_so in (
                ("soft", blur.value >= SOFT),
                ("noisy", noise.value >= NOISY and noise.low > find_parameter("noise_level").hardly),
                ("compressed", quality.value <= COMPRESSED and math.isfinite(quality.high)),
            ):
                if is_so:
                    found[word].append(image.path)
        return {word: paths for word, paths in found.items() if paths}

    @property
    def reduction(self) -> int:
        """By how much they would have to be reduced for half of them to be sharp; 1 where they are."""
        blurs = [image.axes["blur_sigma"].value for image in self.inspection.images]
        return min(8, max(1, math.ceil(float(np.median(blurs)) / SHARP))) if blurs else 1

    def sentences(self) -> Iterator[str]:
        """For people, a line each."""
        images = self.inspection.images
        seen = f"{len(images)} of {self.total} looked at" if len(images) < self.total else f"{len(images)}"
        yield f"clean images: {seen}: {sentence(pooled_axes(self.inspection, tuple(range(len(images)))))}"
        for word, paths in self.named().items():
            names = names_apart(paths)
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield (
                f"clean images that are {word}: {len(names)} of {len(images)} ({', '.join(names[:_NAMED])}{more}); "
                "networks learn that, too: move them elsewhere if there are enough others (degcraft inspect sees all)"
            )
        if self.reduction > 1:
            to = self.reduction
            yield (
                f"half of the clean images are soft at their own size, and networks learn to restore to that: "
                f"reduce them by {to} (--clean reduce:{to}; in a search `clean: {{reduce: {to}}}`)"
            )
        yield from (f"clean images: skipped {one.path}: {one.reason}" for one in self.inspection.skipped)
        yield from (f"clean images: {clause}" for clause in self.left_out)


def inspect_clean(
    files: Sequence[Path], network: "DegNet", *, device: torch.device | str = "cpu", left_out: Sequence[str] = ()
) -> CleanSide:
    """Looks at clean images as at any others, at their own resolution; at `LOOKED_AT` of them where there are more.

    Args:
        files: At least one; those that cannot be read are left out.
        network: degnet, on `device`.
        device: Where it runs.
        left_out: What lies beside them, as clauses.

    Raises:
        DegcraftError: none of those looked at can be used.
    """
    places = np.unique(np.linspace(0, len(files) - 1, min(len(files), LOOKED_AT)).round().astype(int))
    inspection = inspect_files([files[place] for place in places], network, device=device)
    inspection.check("clean image", "hr: ")
    return CleanSide(inspection, len(files), tuple(left_out))
