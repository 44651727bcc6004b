"""References whose degradation is known: clean crops put through one setting."""

import json

import torch

from degcraft.degradation import Box, BoxSource
from degcraft.images import Patches, to_uint8
from degcraft.randomness import generator_of

# How many images share one draw of the noise; fixed, so that the same seed gives the same references.
_DEGRADED_AT_ONCE = 25


def known_references(patches: Patches, box: Box, scale: int, seed: int, *, device: str = "cpu") -> Patches:
    """Clean crops degraded by draws from a box, as the 8-bit images that a camera or a folder would hold.

    The generator is seeded from (seed, box) alone and differs from every one that bins are degraded with.

    Args:
        patches: n clean crops; sides multiples of `scale`.
        box: axis name → (low, high); a side of zero width fixes its parameter.
        scale: downsampling factor.
        seed: decides the parameters and the noise.
        device: where to degrade.

    Returns:
        n patches of side / scale pixels on the CPU, from the same files in the same order.

    Raises:
        DegcraftError: an invalid box, or what `degrade` refuses.
    """
    text = json.dumps(["degcraft known references", seed, sorted((name, *bounds) for name, bounds in box.items())])
    generator = generator_of(text)
    source = BoxSource(box)
    parts = [
        to_uint8(source.degrade(part.to(device).float().div_(255), scale, generator)[0]).cpu()
        for part in patches.pixels.split(_DEGRADED_AT_ONCE)
    ]
    return Patches(torch.cat(parts), patches.files)
