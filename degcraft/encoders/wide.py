"""Degradations to train an encoder on: the paper's equation 2, and what real images hold beyond it."""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from degcraft.degradation.degrade import degrade
from degcraft.degradation.parameters import NO_JPEG, Degradation
from degcraft.encoders.variants import (
    REDUCERS,
    SCREEN_REDUCERS,
    blur_and_resize,
    compress_variously,
    draw_noise,
    on_shifted_grid,
    reducer,
    resize,
    through_screen,
)
from degcraft.encoders.variants.choosing import choose, groups, uniform
from degcraft.errors import DegcraftError

SCREEN_SHARE = 0.15
"""Of the images beyond the paper's model: compressed at another size, then resized."""
SCREEN_ENLARGEMENT = (0.7, 1.4)


class Spread(NamedTuple):
    """How values of one axis are drawn."""

    ranges: tuple[tuple[float, float, float], ...]
    """(low, high, share): uniform inside each."""
    none: float
    """Share of the images that are not blurred, not noisy, or not compressed; the ranges share the others."""


@dataclass(frozen=True)
class Spreads:
    """How much of everything there is."""

    blur_sigma: Spread
    noise_level: Spread
    jpeg_quality: Spread


TWICE_THE_PAPERS = Spreads(
    blur_sigma=Spread(((0.0, 5.0, 0.75), (5.0, 10.0, 0.25)), 0.1),
    noise_level=Spread(((0.0, 50.0, 0.8), (50.0, 80.0, 0.2)), 0.1),
    jpeg_quality=Spread(((30.0, 90.0, 0.75), (10.0, 30.0, 0.15), (90.0, 100.0, 0.1)), 0.1),
)
"""For encoders: what they are to measure, and as much again beyond it."""

MORE_MILD_THAN_HEAVY = Spreads(
    blur_sigma=Spread(((0.0, 2.0, 0.5), (2.0, 4.0, 0.4), (4.0, 5.0, 0.1)), 0.1),
    noise_level=Spread(((0.0, 15.0, 0.55), (15.0, 35.0, 0.35), (35.0, 50.0, 0.1)), 0.1),
    jpeg_quality=Spread(((60.0, 95.0, 0.6), (30.0, 60.0, 0.3), (95.0, 100.0, 0.1)), 0.2),
)
"""For super-resolution: the paper's ranges, denser where the images that people have lie."""


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

    def __init__(self, scale: int = 4, *, paper_share: float = 0.5, spreads: Spreads = TWICE_THE_PAPERS) -> None:
        """
        Args:
            scale: H / h, a whole number of at least 2.
            paper_share: share of a batch that is the paper's model, 0 to 1.
            spreads: how much blur, noise and compression is drawn.

        Raises:
            DegcraftError: a scale below 2, or a share outside 0 to 1.
        """
        # The blurs work at half of the clean size, which holds all that an image of half the size or less can show.
        if isinstance(scale, bool) or not isinstance(scale, int) or scale < 2:
            raise DegcraftError(f"scale of wide degradations must be a whole number of at least 2, but got {scale}")
        if not 0 <= paper_share <= 1:
            raise DegcraftError(f"paper_share must lie in [0, 1], but got {paper_share}")
        self.scale = scale
        self.paper_share = paper_share
        self.spreads = spreads

    @torch.no_grad()
    def degrade(self, hr: Tensor, generator: torch.Generator) -> WideBatch:
        """Every image by a degradation of its own.

        Args:
            hr: (B,3,H,W) float32 in [0,1], H and W even multiples of the scale and at least 16 times it.
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
            draw_spread(self.spreads.blur_sigma, 0.0, n, generator).to(hr.device),
            draw_spread(self.spreads.noise_level, 0.0, n, generator).to(hr.device),
            draw_spread(self.spreads.jpeg_quality, NO_JPEG, n, generator).to(hr.device),
        )
        order = torch.randperm(n, generator=generator, device=generator.device).tolist()
        chance = torch.rand((), generator=generator, device=generator.device).item()
        papers = min(n, math.floor(self.paper_share * n + chance))
        self._paper(batch, order[:papers], hr, generator)
        others = order[papers:]
        shown = choose({"file": 1 - SCREEN_SHARE, "screen": SCREEN_SHARE}, len(others), generator)
        for kind, at in groups(shown).items():
            self._beyond(batch, [others[k] for k in at], hr, generator, on_screen=kind == "screen")
        return batch

    def _paper(self, batch: WideBatch, places: list[int], hr: Tensor, generator: torch.Generator) -> None:
        """Equation 2 at those places of the batch; its labels are right already."""
        parameters = {name: getattr(batch, name)[places] for name in ("blur_sigma", "noise_level", "jpeg_quality")}
        batch.lr[places] = degrade(hr[places], Degradation(parameters), self.scale, generator)

    def _beyond(
        self, batch: WideBatch, places: list[int], hr: Tensor, generator: torch.Generator, *, on_screen: bool
    ) -> None:
        """Blur, resizing, noise and compression by variants at those places of the batch, and their labels."""
        n, device = len(places), hr.device
        sigma, quality = batch.blur_sigma[places], torch.floor(batch.jpeg_quality[places] + 0.5)
        final = batch.lr.shape[2], batch.lr.shape[3]
        size = _on_disk(final, generator) if on_screen else final
        names = choose(REDUCERS, n, generator)
        lr = blur_and_resize(hr, places, sigma, names, size, generator)
        noise = draw_noise(lr, batch.noise_level[places], generator)
        lr = (lr + noise).clamp_(0, 1)
        own = [reducer(name, hr.shape[2], size[0], device).own_blur for name in names]
        before = torch.full_like(quality, NO_JPEG)
        if on_screen:
            before = torch.floor(uniform(n, 30, 96, generator)).to(device)
            lr = on_shifted_grid(lr, before, generator, "4:2:0", 0.0)
            again = choose(SCREEN_REDUCERS, n, generator)
            lr, noise = resize(lr, again, final), resize(noise, again, final)
            heights = hr.shape[2], size[0], final[0]
            own = [through_screen(*pair, *heights, device).own_blur for pair in zip(names, again, strict=True)]
        lr, last = compress_variously(lr, quality, generator)

        batch.lr[places] = lr.mul_(255).round_().clamp_(0, 255).div_(255)
        batch.blur_sigma[places] = torch.sqrt(sigma**2 + torch.tensor(own, device=device) ** 2)
        batch.noise_level[places] = 255 * noise.square().mean(dim=(1, 2, 3)).sqrt()
        batch.jpeg_quality[places] = torch.where(torch.isfinite(last), last, before)

    def _check(self, hr: Tensor) -> None:
        if hr.ndim != 4 or hr.shape[1] != 3 or hr.dtype != torch.float32:
            raise DegcraftError(f"hr must be float32 (B,3,H,W), but got {hr.dtype} {tuple(hr.shape)}")
        self.check_size(hr.shape[2], hr.shape[3])

    def check_size(self, height: int, width: int) -> None:
        """Raises DegcraftError for clean images of a size that cannot be degraded."""
        least = 16 * self.scale
        if any(side % self.scale or side % 2 or side < least for side in (height, width)):
            raise DegcraftError(
                f"height and width of hr must be even multiples of {self.scale} and at least {least}, "
                f"but got {height}x{width}"
            )


@dataclass(frozen=True)
class WideSource:
    """The widest degradations there are, for training a super-resolution network: see `WideDegradations`."""

    paper_share: float = 0.6
    spreads: Spreads = MORE_MILD_THAN_HEAVY

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, None]:
        """See `DegradationSource.degrade`; see `check` for what it takes."""
        return self._at(scale).degrade(hr, generator).lr, None

    def check(self, scale: int, side: int | None = None) -> None:
        """Raises DegcraftError if clean crops of this side in pixels cannot be degraded at this scale."""
        known = self._at(scale)
        if side is not None:
            known.check_size(side, side)

    def _at(self, scale: int) -> WideDegradations:
        return WideDegradations(scale, paper_share=self.paper_share, spreads=self.spreads)

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": "wide", "paper_share": self.paper_share, "spreads": asdict(self.spreads)}


def draw_spread(spread: Spread, nothing: float, n: int, generator: torch.Generator) -> Tensor:
    """(n,) values of an axis, on the generator's device; `nothing` for the share that has none of it."""
    device = generator.device
    shares = torch.tensor([share for _, _, share in spread.ranges], device=device)
    which = torch.multinomial(shares, n, replacement=True, generator=generator) if n else torch.zeros(0).long()
    low = torch.tensor([low for low, _, _ in spread.ranges], device=device)[which]
    high = torch.tensor([high for _, high, _ in spread.ranges], device=device)[which]
    values = low + (high - low) * uniform(n, 0, 1, generator)
    return torch.where(uniform(n, 0, 1, generator) < spread.none, nothing, values)


def _on_disk(final: tuple[int, int], generator: torch.Generator) -> tuple[int, int]:
    """The size at which images were kept that are now shown at `final`."""
    low, high = SCREEN_ENLARGEMENT
    enlargement = low * (high / low) ** uniform(1, 0, 1, generator).item()
    return round(final[0] / enlargement), round(final[1] / enlargement)
