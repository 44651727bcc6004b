"""Degradations to train an encoder on: the paper's equation 2, and what real images hold beyond it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from degcraft.degradation.degrade import degrade
from degcraft.degradation.parameters import NO_JPEG, Degradation
from degcraft.encoders.variants import (
    COMPRESSIONS,
    NOISES,
    REDUCERS,
    SCREEN_REDUCERS,
    blur_at_half,
    on_shifted_grid,
    reducer,
    through_screen,
)
from degcraft.encoders.variants.choosing import choose, groups, uniform
from degcraft.errors import DegcraftError

SCREEN_SHARE = 0.15
"""Of the images beyond the paper's model: compressed at another size, then resized."""
SCREEN_ENLARGEMENT = (0.7, 1.4)
NONE_SHARE = 0.1
"""Of all images, on each axis: not blurred, no noise, or not compressed."""


@dataclass(frozen=True)
class WideBatch:
    """Low-resolution images and what was effectively done to each, all on one device."""

    lr: Tensor
    """(B,3,h,w) float32 in [0,1], whole 8-bit levels."""
    blur_sigma: Tensor
    """(B,) root of the mean variance of the blur along both directions, in pixels of the clean image; it takes
    in what the resizing softens more than antialiased bicubic does."""
    noise_level: Tensor
    """(B,) in 8-bit units: the standard deviation where the noise is the paper's, and elsewhere the RMS of what
    was added, at the low resolution."""
    jpeg_quality: Tensor
    """(B,) of the last compression, a whole number where the last is not the paper's; inf where there was none."""

    def __len__(self) -> int:
        return len(self.lr)


class WideDegradations:
    """Degrades clean images so that an encoder of degradations does not break off the paper's space.

    A share of every batch is exactly eq. 2 of arXiv 2305.18107 with ranges twice the paper's. The others draw
    a blur, a resizing, a noise and a compression independently from `degcraft.encoders.variants`, and a part of
    those is compressed at another size first, like the screenshot of a picture.
    """

    def __init__(self, scale: int = 4, *, paper_share: float = 0.5) -> None:
        """
        Args:
            scale: H / h, an even number of at least 2.
            paper_share: share of a batch that is the paper's model, 0 to 1.

        Raises:
            DegcraftError: a scale that is odd or below 2, or a share outside 0 to 1.
        """
        if isinstance(scale, bool) or not isinstance(scale, int) or scale < 2 or scale % 2:
            raise DegcraftError(f"scale of wide degradations must be an even number of at least 2, but got {scale}")
        if not 0 <= paper_share <= 1:
            raise DegcraftError(f"paper_share must lie in [0, 1], but got {paper_share}")
        self.scale = scale
        self.paper_share = paper_share

    @torch.no_grad()
    def degrade(self, hr: Tensor, generator: torch.Generator) -> WideBatch:
        """Every image by a degradation of its own.

        Args:
            hr: (B,3,H,W) float32 in [0,1], H and W multiples of the scale and at least 16 times it.
            generator: the only source of randomness, on any device.

        Returns:
            the batch, on hr's device, in hr's order.

        Raises:
            DegcraftError: hr of another shape or type.
        """
        self._check(hr)
        n = len(hr)
        batch = WideBatch(
            hr.new_empty(n, 3, hr.shape[2] // self.scale, hr.shape[3] // self.scale),
            draw_sigma(n, generator).to(hr.device),
            draw_noise_level(n, generator).to(hr.device),
            draw_quality(n, generator).to(hr.device),
        )
        order = torch.randperm(n, generator=generator, device=generator.device).tolist()
        chance = torch.rand((), generator=generator, device=generator.device).item()
        papers = min(n, math.floor(self.paper_share * n + chance))
        routes = choose({"direct": 1 - SCREEN_SHARE, "screen": SCREEN_SHARE}, max(1, n - papers), generator)
        parts = {"paper": order[:papers]}
        for route, places in groups(routes[: n - papers]).items():
            parts[route] = [order[papers + place] for place in places]
        for name, places in parts.items():
            if places:
                self._fill(batch, hr, places, name, generator)
        return batch

    def _fill(self, batch: WideBatch, hr: Tensor, places: list[int], route: str, generator: torch.Generator) -> None:
        where = torch.tensor(places, device=hr.device)
        part = WideBatch(hr[where], batch.blur_sigma[where], batch.noise_level[where], batch.jpeg_quality[where])
        if route == "paper":
            done = self._paper(part, generator)
        else:
            done = self._beyond(part, generator, on_screen=route == "screen")
        for name in ("lr", "blur_sigma", "noise_level", "jpeg_quality"):
            getattr(batch, name)[where] = getattr(done, name)

    def _paper(self, part: WideBatch, generator: torch.Generator) -> WideBatch:
        labels = {name: getattr(part, name) for name in ("blur_sigma", "noise_level", "jpeg_quality")}
        return WideBatch(degrade(part.lr, Degradation(labels), self.scale, generator), **labels)

    def _beyond(self, part: WideBatch, generator: torch.Generator, *, on_screen: bool) -> WideBatch:
        """Blur, reduce, add noise and compress, each as its registry says; `part.lr` is the clean images."""
        hr, n = part.lr, len(part)
        height, width = hr.shape[2] // self.scale, hr.shape[3] // self.scale
        enlargement = 1.0
        if on_screen:
            low, high = SCREEN_ENLARGEMENT
            enlargement = low * (high / low) ** uniform(1, 0, 1, generator).item()
        between = max(8, round(height / enlargement)), max(8, round(width / enlargement))
        names = choose(REDUCERS, n, generator)
        lr = self._reduce(hr, part.blur_sigma, names, between, generator)

        noise = torch.empty_like(lr)
        for name, places in groups(choose({k: v.share for k, v in NOISES.items()}, n, generator)).items():
            noise[places] = NOISES[name].apply(lr[places], part.noise_level[places], generator)
        lr = (lr + noise).clamp_(0, 1)

        again = names
        first = torch.full_like(part.jpeg_quality, NO_JPEG)
        if on_screen:
            first = torch.floor(uniform(n, 30, 96, generator)).to(hr.device)
            again = choose(SCREEN_REDUCERS, n, generator)
            lr = on_shifted_grid(lr, first, generator, "4:2:0", 0.0)
            down = [reducer(name, between[0], height, hr.device).matrix for name in again]
            across = [reducer(name, between[1], width, hr.device).matrix for name in again]
            lr, noise = _along(lr, down, across), _along(noise, down, across)
            own = [
                through_screen(one, two, hr.shape[2], between[0], height, hr.device).own_blur
                for one, two in zip(names, again, strict=True)
            ]
        else:
            own = [reducer(name, hr.shape[2], height, hr.device).own_blur for name in names]

        quality = torch.floor(part.jpeg_quality + 0.5)
        last = torch.empty_like(quality)
        compressed = torch.empty_like(lr)
        for name, places in groups(choose({k: v.share for k, v in COMPRESSIONS.items()}, n, generator)).items():
            compressed[places] = COMPRESSIONS[name].apply(lr[places], quality[places], generator)
            last[places] = NO_JPEG if name == "none" else quality[places]
        return WideBatch(
            compressed.mul_(255).round_().clamp_(0, 255).div_(255),
            torch.sqrt(part.blur_sigma**2 + torch.tensor(own, device=hr.device) ** 2),
            255 * noise.square().mean(dim=(1, 2, 3)).sqrt(),
            torch.where(torch.isfinite(last), last, first),
        )

    @staticmethod
    def _reduce(
        hr: Tensor, sigma: Tensor, names: list[str], size: tuple[int, int], generator: torch.Generator
    ) -> Tensor:
        """Blurred by a shape drawn from `BLURS` and resized to `size`, each image in its own way."""
        lr = hr.new_empty(len(hr), 3, *size)
        sharp = (sigma == 0).tolist()
        for at_full_size in (True, False):
            places = [place for place, is_sharp in enumerate(sharp) if is_sharp == at_full_size]
            if not places:
                continue
            images = hr[places] if at_full_size else blur_at_half(hr[places], sigma[places], generator)
            down = [reducer(names[place], images.shape[2], size[0], hr.device).matrix for place in places]
            across = [reducer(names[place], images.shape[3], size[1], hr.device).matrix for place in places]
            lr[places] = _along(images, down, across)
        return lr

    def _check(self, hr: Tensor) -> None:
        if hr.ndim != 4 or hr.shape[1] != 3 or hr.dtype != torch.float32:
            raise DegcraftError(f"hr must be float32 (B,3,H,W), but got {hr.dtype} {tuple(hr.shape)}")
        height, width = hr.shape[2:]
        if height % self.scale or width % self.scale or min(height, width) < 16 * self.scale:
            raise DegcraftError(
                f"height and width of hr must be multiples of {self.scale} and at least {16 * self.scale}, "
                f"but got {height}x{width}"
            )


def draw_sigma(n: int, generator: torch.Generator) -> Tensor:
    """(n,) blur sigmas in [0,10]: a tenth 0, three quarters of the others in the paper's [0,5]."""
    return _mixed(n, ((0.0, 5.0, 0.75), (5.0, 10.0, 0.25)), 0.0, generator)


def draw_noise_level(n: int, generator: torch.Generator) -> Tensor:
    """(n,) noise levels in [0,80]: a tenth 0, four fifths of the others in the paper's [0,50]."""
    return _mixed(n, ((0.0, 50.0, 0.8), (50.0, 80.0, 0.2)), 0.0, generator)


def draw_quality(n: int, generator: torch.Generator) -> Tensor:
    """(n,) JPEG qualities in [10,100]: a tenth none, three quarters of the others in the paper's [30,90]."""
    return _mixed(n, ((30.0, 90.0, 0.75), (10.0, 30.0, 0.15), (90.0, 100.0, 0.1)), NO_JPEG, generator)


def _mixed(
    n: int, ranges: tuple[tuple[float, float, float], ...], nothing: float, generator: torch.Generator
) -> Tensor:
    """(n,) from ranges (low, high, share), uniform inside each; `nothing` in a share of `NONE_SHARE`."""
    device = generator.device
    shares = torch.tensor([share for _, _, share in ranges], device=device)
    which = torch.multinomial(shares, n, replacement=True, generator=generator) if n else torch.zeros(0).long()
    low = torch.tensor([low for low, _, _ in ranges], device=device)[which]
    high = torch.tensor([high for _, high, _ in ranges], device=device)[which]
    values = low + (high - low) * uniform(n, 0, 1, generator)
    return torch.where(uniform(n, 0, 1, generator) < NONE_SHARE, nothing, values)


def _along(images: Tensor, down: list[Tensor], across: list[Tensor]) -> Tensor:
    """A y Aᵀ, each image with matrices of its own."""
    tall = torch.matmul(torch.stack(down)[:, None], images)
    return torch.matmul(tall, torch.stack(across)[:, None].transpose(2, 3))
