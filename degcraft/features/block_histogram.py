"""How often each frequency of JPEG's blocks has which magnitude: where its quantisation is plainest to see.

JPEG stores the 64 coefficients of every 8×8 block as whole multiples of a step that the quality decides. In an
image that was compressed and kept on its grid, the magnitudes of a frequency therefore gather around multiples
of its step, whatever noise went in before. A network that is given the pixels takes long to find this out.
"""

import torch
from torch import Tensor

from degcraft.images.blocks import BLOCK, COSINES, LUMA

# Unit steps as far as JPEG's tables place multiples that can be told apart, then wider ones.
_EDGES = (*range(1, 33), *range(36, 65, 4), *(round(64 * 2 ** (i / 2), 1) for i in range(1, 8)))
MAGNITUDES = len(_EDGES) + 1
"""Classes of magnitude per frequency."""
LENGTH = BLOCK * BLOCK * MAGNITUDES
"""Numbers per image."""


@torch.no_grad()
def block_histogram(images: Tensor) -> Tensor:
    """Square roots of the shares of blocks, per frequency and magnitude.

    The square root lets rare magnitudes speak, and makes Euclidean distance the Hellinger distance.

    Args:
        images: (B, 3, h, w) float in [0, 1], RGB; h and w multiples of 8, blocks beginning in the upper left
            corner.

    Returns:
        (B, LENGTH) float32, frequencies row-major, their magnitudes in 8-bit units rising. No gradient.
    """
    count, _, height, width = images.shape
    luma = torch.einsum("bchw,c->bhw", images.float() * 255, torch.tensor(LUMA, device=images.device))
    blocks = luma.unflatten(1, (height // BLOCK, BLOCK)).unflatten(3, (width // BLOCK, BLOCK)).transpose(2, 3)
    transform = torch.from_numpy(COSINES).to(images.device)
    magnitudes = (transform @ blocks @ transform.mT).abs().flatten(3).flatten(1, 2)
    classes = torch.bucketize(magnitudes + 0.5, torch.tensor(_EDGES, dtype=torch.float32, device=images.device))
    # One count of whole numbers for all images and frequencies: the same on every device.
    frequency = torch.arange(BLOCK * BLOCK, device=images.device)
    image = torch.arange(count, device=images.device)[:, None, None]
    places = (image * BLOCK * BLOCK + frequency) * MAGNITUDES + classes
    counts = torch.bincount(places.flatten(), minlength=count * LENGTH).view(count, LENGTH)
    return (counts.float() / magnitudes.shape[1]).sqrt()
