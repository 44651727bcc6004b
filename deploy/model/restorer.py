"""One network at work: loaded, warm, restoring images in batches or in tiles."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from degcraft.errors import DegcraftError, in_short
from degcraft.images import to_pixels
from degcraft.networks import LoadedNetwork, upscale
from degcraft.networks.tiling import upscaled_parts
from deploy.messages import ModelInfo, Pixels

OVERLAP = 16
_WARM_SIDE = 64


class Restorer:
    """A network that has restored one image already, so that the next one is fast and will not fail.

    Args:
        network: on its device.
        info: what to say of it.
        tile: side in pixels that the network sees at once.

    Raises:
        DegcraftError: the network does not enlarge by its scale or gives values that are not finite.
    """

    def __init__(self, network: LoadedNetwork, info: ModelInfo, tile: int) -> None:
        self.info = info
        self._network = network
        self._tile = tile
        self._device = torch.device(info.device)
        try:
            warm = self._upscaled(torch.full((1, 3, _WARM_SIDE, _WARM_SIDE), 0.5, device=self._device))
        except RuntimeError as error:
            raise DegcraftError(f"model {info.uri}: cannot restore on {info.device} ({in_short(error)})") from error
        if not torch.isfinite(warm).all():
            raise DegcraftError(f"model {info.uri}: must give finite values, but gives NaN or infinity")

    def is_small(self, pixels: Pixels) -> bool:
        """Whether the network sees the image at once, so that others can be batched with it."""
        return max(pixels.shape[:2]) <= self._tile

    def restore_batch(self, images: list[Pixels]) -> list[Pixels]:
        """Restore images of one shape and type together, (h, w, 3); white is the largest value of their type, as it is
        of what comes back.
        """
        lr = _as_tensor(np.stack(images)).to(self._device)
        return list(to_pixels(self._upscaled(lr), _bits(images[0])))

    def restore_tiled(self, image: Pixels, between_tiles: Callable[[int, int], None]) -> Pixels:
        """Restore an image of any size; the device holds one tile at a time.

        Args:
            between_tiles: called with (tiles done, tiles in all); what it raises ends the work.
        """
        height, width, colours = image.shape
        sr = np.empty((height * self._network.scale, width * self._network.scale, colours), image.dtype)
        for part in upscaled_parts(
            self._network.model,
            _as_tensor(image[None]),
            scale=self._network.scale,
            tile=self._tile,
            overlap=OVERLAP,
            progress=between_tiles,
        ):
            sr[part.rows, part.columns] = to_pixels(part.sr[0], _bits(image))
        return sr

    def _upscaled(self, lr: Tensor) -> Tensor:
        return upscale(self._network.model, lr, scale=self._network.scale)


def _as_tensor(pixels: Pixels) -> Tensor:
    """(B,h,w,3) integers to (B,3,h,w) float32 in [0,1]."""
    white = np.float32(np.iinfo(pixels.dtype).max)
    return torch.from_numpy(pixels.astype(np.float32) / white).permute(0, 3, 1, 2)


def _bits(pixels: Pixels) -> int:
    return 8 * pixels.itemsize
