"""A network that was read from a file, and what it makes of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.images import BY_SUFFIX, Carried, FormatError, image_size, read_carried, read_image, write_image
from degcraft.networks.building import parameter_count
from degcraft.networks.spec import LEAST_TILE
from degcraft.networks.tiling import upscale
from degcraft.results import Result

_BYTES_PER_PIXEL = 36
"""Of a restored image while its three float32 channels are rounded, two copies beside them."""


def overlap_of(tile: int) -> int:
    """How far tiles of this side reach past their seams."""
    return min(16, (tile - LEAST_TILE) // 2)


@dataclass(frozen=True, eq=False, repr=False)
class Restored(Result):
    """A restored image, with what it takes over from its file."""

    rgb: Tensor
    """(3, h · scale, w · scale) float32 in [0, 1], where the image was: that of a file is on the CPU."""
    alpha: Tensor | None = None
    """(1, h, w) in [0, 1] as the file had it, enlarged when it is saved; None: opaque."""
    carried: Carried | None = None
    """What else the file held; None: it was no file."""

    def save(self, path: str | Path) -> None:
        """Writes the image in the format of the path's suffix, with transparency, colour profile and metadata.

        Raises:
            DegcraftError: as `degcraft.images.write_image`.
        """
        write_image(path, self.rgb, self.alpha, carried=self.carried)

    def draw(self, path: str | Path) -> None:
        """`save`, under the name that all results have for it."""
        self.save(path)

    def sentences(self) -> list[str]:
        """Its size."""
        height, width = self.rgb.shape[1:]
        return [f"{width}x{height} pixels"]


@dataclass(frozen=True, repr=False)
class LoadedNetwork:
    """A network read from a file, ready to restore images: it is called with one."""

    model: nn.Module
    """In evaluation mode, on the device asked for; (B,3,h,w) in [0,1] to (B,3,h·scale,w·scale)."""

    scale: int
    """The factor by which it enlarges."""

    name: str
    """A key of the registry."""

    hyperparameters: dict[str, Any]
    """All of them: `build_network(name, scale=scale, **hyperparameters)` takes the model's state dict."""

    metadata: dict[str, str]
    """What whoever saved it wrote beside the weights."""

    def __repr__(self) -> str:
        """What it is, in a line; its layers are the model's own to say."""
        return f"<LoadedNetwork: {self.name}, x{self.scale}, {parameter_count(self.model):,} parameters>"

    def __call__(
        self,
        image: str | Path | Tensor,
        *,
        tile: int = 256,
        into: str | Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Restored:
        """Restore an image of any size, in tiles that are blended without seams.

        Args:
            image: A file, or (3, h, w) in [0, 1] on any device.
            tile: Largest side in LR pixels that the network sees at once, 8 or more; less takes less memory.
            into: A file that it will be saved as. Whether its format can hold the image is seen before minutes are
                spent on it.
            progress: Called with the number of tiles done and of all.

        Raises:
            DegcraftError: a file that cannot be read, one that memory has no room for once restored, a tensor of
                another shape or far outside of [0, 1], a tile too small, or a format that cannot hold the image.
        """
        if tile < LEAST_TILE:
            raise DegcraftError(f"tile must be {LEAST_TILE} or more, but got {tile}")
        if into is not None and Path(into).suffix.lower() not in BY_SUFFIX:
            raise DegcraftError(f"{into}: the suffix must be one of {', '.join(BY_SUFFIX)}")
        alpha = carried = None
        if isinstance(image, Tensor):
            rgb = _checked(image)
        elif isinstance(image, (str, Path)):
            self._check_memory(image)
            read, carried = read_image(image), read_carried(image)
            rgb, alpha = read.rgb, read.alpha
        else:
            raise DegcraftError(f"an image must be a file or a tensor, but is {type(image).__name__}")
        if into is not None:
            height, width = (side * self.scale for side in rgb.shape[1:])
            transparent = alpha is not None and bool(alpha.min() < 1)
            try:
                BY_SUFFIX[Path(into).suffix.lower()].check(height, width, transparent=transparent)
            except FormatError as error:
                raise DegcraftError(f"{image}: {error}") from error
        sr = upscale(self.model, rgb, scale=self.scale, tile=tile, overlap=overlap_of(tile), progress=progress)
        return Restored(sr, alpha, carried)

    def _check_memory(self, file: str | Path) -> None:
        """Raise DegcraftError before an image is begun whose restored pixels have no room: the system would end us."""
        height, width = image_size(file)
        need = _BYTES_PER_PIXEL * height * width * self.scale**2
        free = psutil.virtual_memory().available + psutil.swap_memory().free
        if need > free:
            raise DegcraftError(
                f"{file}: {width}x{height} pixels, restored x{self.scale}, need {need / 1e9:.1f} GB of memory, "
                f"but {free / 1e9:.1f} are free"
            )


def _checked(image: Tensor) -> Tensor:
    """The image, if it is one; levels of 0 to 255 would be restored to white without a word."""
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape or not image.is_floating_point():
        raise DegcraftError(f"an image must be (3, h, w) float, but is {tuple(image.shape)} {image.dtype}")
    low, high = (float(end) for end in image.aminmax())
    if not (low > -1 and high < 2):  # what rings a little beyond [0, 1] is an image still
        raise DegcraftError(f"an image must have values in [0, 1], but has {low:g} to {high:g}")
    return image
