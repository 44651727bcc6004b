"""Noises of the published pipelines."""

import torch
from torch import Tensor

from degcraft.degradation.noise import add_noise
from degcraft.sources.ragged import Ragged

_LUMA = (0.2989, 0.587, 0.114)


def with_gaussian(images: Ragged, level: Tensor, grey: Tensor, generator: torch.Generator) -> Ragged:
    """Gaussian noise, of its own in every channel or (`grey`) the same in all; clipped.

    Args:
        images: B of them.
        level: (B,) standard deviation in 8-bit units.
        grey: (B,) booleans.
        generator: The only source of randomness.
    """
    device = images.pixels.device
    values = {"noise_level": level.to(device), "noise_common": grey.to(device)}
    return images.holding(add_noise(images.pixels.clone(), values, generator).clamp_(0, 1))


def with_photons(images: Ragged, strength: Tensor, grey: Tensor, generator: torch.Generator) -> Ragged:
    """Poisson noise of as many photons at white as an image has levels (to the next power of 2), times a strength, of
    the channels or (`grey`) of their luma; clipped. So BasicSR has it, after scikit-image.

    Args:
        images: B of them.
        strength: (B,) the noise is multiplied by it.
        grey: (B,) booleans.
        generator: The only source of randomness.
    """
    device = images.pixels.device
    light = images.edged().mul_(255).round_().clamp_(0, 255)
    luma = (light * light.new_tensor(_LUMA)[:, None, None]).sum(dim=1, keepdim=True).round_()
    light = torch.where(grey.to(device)[:, None, None, None], luma, light)
    seen = light.new_zeros(len(light), 256).scatter_(1, light.flatten(1).long(), 1).sum(dim=1)
    white = (2 ** torch.ceil(torch.log2(seen)))[:, None, None, None]
    light = light / 255
    photons = torch.poisson((light * white).to(generator.device), generator=generator).to(device)
    noise = photons / white - light
    noise = torch.where(grey.to(device)[:, None, None, None], noise[:, :1], noise)
    return images.holding((images.pixels + noise * strength.to(device)[:, None, None, None]).clamp_(0, 1))


def with_correlated(images: Ragged, covariance: Tensor, generator: torch.Generator) -> Ragged:
    """Gaussian noise whose channels have a (B,3,3) symmetric covariance, in squares of [0,1]; clipped.

    A matrix that is no covariance, with negative eigenvalues, counts by their size, as in NumPy's draws.
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    root = (vectors * values.abs().sqrt()[:, None]).float().to(images.pixels.device)
    white = torch.randn(images.pixels.shape, generator=generator, device=generator.device).to(images.pixels.device)
    return images.holding((images.pixels + torch.einsum("bij,bjhw->bihw", root, white)).clamp_(0, 1))
