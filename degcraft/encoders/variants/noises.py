"""Noises that real images carry. Each returns what is added to the images, of the wanted RMS in 8-bit units."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.encoders.variants.choosing import Variant, deal, uniform

Noise = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""(images (n,3,h,w) in [0,1], level (n,) in 8-bit units, generator) → noise (n,3,h,w) in units of the images."""


def white(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian, independent in every pixel and channel."""
    return _normal(images.shape, images, generator) * _amplitude(level)


def grey(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian, the same in all channels."""
    n, channels, height, width = images.shape
    return (_normal((n, 1, height, width), images, generator) * _amplitude(level)).expand(-1, channels, -1, -1)


def tinted(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian, independent in every pixel, with the channels mixed at random."""
    n, channels = images.shape[:2]
    mixing = _normal((n, channels, channels), images, generator)
    mixed = torch.einsum("nij,njhw->nihw", mixing, _normal(images.shape, images, generator))
    return _scaled(mixed, level)


def photons(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Poisson: light comes in so few whole photons that their number has the wanted mean spread."""
    light = images.clamp(0, 1).to(generator.device)
    wanted = (_amplitude(level).to(light) ** 2).clamp_min(1e-6)
    full = light.mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-3) / wanted
    noise = torch.poisson(light * full, generator=generator) / full - light
    return torch.where(_amplitude(level) > 0, noise.to(images.device), 0)


def correlated(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian with grains of 0.4 to 1.2 pixels sigma: demosaiced, denoised, or film; grey in half the images."""
    n, channels = images.shape[:2]
    raw = _normal(images.shape, images, generator)
    monochrome = (uniform(n, 0, 1, generator) < 0.5).to(images.device)[:, None, None, None]
    raw = torch.where(monochrome, raw[:, :1], raw)
    sigma = uniform(n, 0.4, 1.2, generator).to(images.device)
    reach = torch.arange(-3, 4, device=images.device)
    taps = torch.exp(-0.5 * (reach / sigma[:, None]) ** 2).repeat_interleave(channels, dim=0)
    flat = F.pad(raw, (3, 3, 3, 3), mode="circular").flatten(0, 1)[None]
    across = F.conv2d(flat, taps[:, None, None], groups=n * channels)
    return _scaled(F.conv2d(across, taps[:, None, :, None], groups=n * channels)[0].view_as(images), level)


NOISES: dict[str, Variant[Noise]] = {
    "white": Variant(0.3, white),
    "grey": Variant(0.2, grey),
    "tinted": Variant(0.1, tinted),
    "photons": Variant(0.2, photons),
    "correlated": Variant(0.2, correlated),
}


def draw_noise(images: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """For each of (n,3,h,w) images the noise of a variant drawn from `NOISES`, to be added; level (n,)."""
    noise = torch.empty_like(images)
    for name, places in deal(NOISES, len(images), generator).items():
        noise[places] = NOISES[name].apply(images[places], level[places], generator)
    return noise


def _normal(shape: torch.Size | tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device).to(like.device, non_blocking=True)


def _amplitude(level: Tensor) -> Tensor:
    return (level / 255)[:, None, None, None]


def _scaled(noise: Tensor, level: Tensor) -> Tensor:
    """The noise of every image brought to its level exactly."""
    rms = noise.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return noise * (_amplitude(level) / rms.clamp_min(1e-12))
