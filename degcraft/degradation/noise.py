"""Additive Gaussian noise: white, or following the signal, common to the channels, or in grains."""

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.degradation.blur import gaussian_taps
from degcraft.degradation.operator import Values
from degcraft.degradation.operators import MAX_GRAIN


def add_noise(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """images + ε, in place; ε is drawn on the generator's device and then moved, so that a CPU generator gives the same
    noise wherever the images live. As many numbers are drawn at level 0 as at any other.

    Args:
        images: (B,3,h,w) in [0,1]; changed in place and not clipped.
        values: (B,) each. `noise_level`: standard deviation in 8-bit units, 15 means 15/255; 0 leaves an image exactly
            as it is. `noise_signal`: the share of the variance that is proportional to the light, as photons' is; the
            level is then that at mid-grey. `noise_common`: the share of the variance that is the same in all channels.
            `noise_grain`: sigma of the grains, in pixels of the low-resolution image; the level stays what it is.
        generator: The only source of randomness.
    """
    level = values["noise_level"].to(images.dtype)[:, None, None, None] / 255
    noise = _normal(images.shape, images, generator)
    if "noise_common" in values:
        common = values["noise_common"].to(images.dtype)[:, None, None, None]
        shared = _normal(images[:, :1].shape, images, generator)
        noise = torch.sqrt(1 - common) * noise + torch.sqrt(common) * shared
    if "noise_grain" in values:
        noise = _grained(noise, values["noise_grain"])
    if "noise_signal" in values:
        signal = values["noise_signal"].to(images.dtype)[:, None, None, None]
        noise = noise * torch.sqrt(1 - signal + signal * 2 * images.clamp(0, 1))
    return images.addcmul_(noise, level)


def _normal(shape: torch.Size, like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device).to(like.device, non_blocking=True)


def _grained(noise: Tensor, grain: Tensor) -> Tensor:
    """Blurred by a Gaussian, around the borders, and brought back to a variance of 1."""
    batch, channels, height, width = noise.shape
    # A kernel beyond the image would go around it more than once; what is lost of it is far out.
    taps = gaussian_taps(grain.clamp_max(MAX_GRAIN))
    reach = min(taps.shape[1] // 2, height - 1, width - 1)
    middle = taps.shape[1] // 2
    taps = taps[:, middle - reach : middle + reach + 1]
    taps = taps / taps.square().sum(dim=1, keepdim=True).sqrt()
    taps = taps.repeat_interleave(channels, dim=0)[:, None]
    flat = F.pad(noise, (reach, reach, reach, reach), mode="circular").flatten(0, 1)[None]
    across = F.conv2d(flat, taps[:, :, None], groups=batch * channels)
    return F.conv2d(across, taps[..., None], groups=batch * channels)[0].view(noise.shape)
