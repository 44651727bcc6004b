"""What JPEG has done to a file: once or twice, with and without chroma subsampling, cropped since or not."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.degradation.jpeg import compressed
from degcraft.degradation.jpeg_batched import Chroma
from degcraft.degradation.parameters import NO_JPEG
from degcraft.encoders.variants.choosing import Variant, deal, uniform

Compression = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""(images (n,3,h,w), quality (n,) of the last compression, generator) → images (n,3,h,w)."""
_BLOCK = 8


def none(images: Tensor, quality: Tensor, generator: torch.Generator) -> Tensor:
    """Never compressed; the quality is not looked at."""
    return images


def subsampled(images: Tensor, quality: Tensor, generator: torch.Generator) -> Tensor:
    """Once, 4:2:0, as most cameras and all of the paper's images."""
    return _once(images, quality, generator, "4:2:0")


def full_chroma(images: Tensor, quality: Tensor, generator: torch.Generator) -> Tensor:
    """Once, 4:4:4, as image editors do at high quality."""
    return _once(images, quality, generator, "4:4:4")


def twice(images: Tensor, quality: Tensor, generator: torch.Generator) -> Tensor:
    """Compressed at a quality of 30 to 95, cropped, and compressed again; not at all where the quality is inf."""
    first = uniform(len(images), 30, 95, generator).to(images.device)
    first = torch.where(torch.isfinite(quality), first, NO_JPEG)
    once = on_shifted_grid(images, first, generator, "4:2:0", 1.0)
    return _once(once, quality, generator, "4:2:0")


COMPRESSIONS: dict[str, Variant[Compression]] = {
    "none": Variant(0.2, none),
    "4:2:0": Variant(0.35, subsampled),
    "4:4:4": Variant(0.2, full_chroma),
    "twice": Variant(0.25, twice),
}


def compress_variously(images: Tensor, quality: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Every image by a variant drawn from `COMPRESSIONS`.

    Args:
        images: (n,3,h,w).
        quality: (n,) of the last compression; inf leaves out that one.
        generator: the only source of randomness.

    Returns:
        the images, and (n,) the quality that the last compression had, inf where there was none.
    """
    found, last = torch.empty_like(images), quality.clone()
    for name, places in deal(COMPRESSIONS, len(images), generator).items():
        found[places] = COMPRESSIONS[name].apply(images[places], quality[places], generator)
        if name == "none":
            last[places] = NO_JPEG
    return found, last


def on_shifted_grid(
    images: Tensor, quality: Tensor, generator: torch.Generator, chroma: Chroma, share: float = 0.5
) -> Tensor:
    """JPEG whose 8x8 grid begins anywhere in a `share` of the images, and at their corner in the others."""
    shifts = torch.randint(_BLOCK, (len(images), 2), generator=generator, device=generator.device)
    shifts = shifts * (uniform(len(images), 0, 1, generator) < share)[:, None]
    height, width = images.shape[2:]
    reach = _BLOCK - 1
    padded = F.pad(images, (reach, reach, reach, reach), mode="reflect")
    offsets = shifts.tolist()
    # Image i begins at (dy, dx) of its window, so that is its place on the grid.
    windows = [
        image[:, reach - dy : 2 * reach - dy + height, reach - dx : 2 * reach - dx + width]
        for image, (dy, dx) in zip(padded, offsets, strict=True)
    ]
    found = compressed(torch.stack(windows), quality, chroma)
    return torch.stack(
        [image[:, dy : dy + height, dx : dx + width] for image, (dy, dx) in zip(found, offsets, strict=True)]
    )


def _once(images: Tensor, quality: Tensor, generator: torch.Generator, chroma: Chroma) -> Tensor:
    return on_shifted_grid(images, quality, generator, chroma)
