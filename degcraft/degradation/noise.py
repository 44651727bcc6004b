"""Additive Gaussian noise: white, or following the signal, common to the channels, or in grains."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.degradation.blur import gaussian_taps
from degcraft.degradation.operator import Operator, Values
from degcraft.degradation.parameter import Parameter

MAX_GRAIN = 4.0


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


def _share(name: str, label: str, unit: str, more: str, less: str) -> Parameter:
    return Parameter(
        name, label, unit, 0.0, 1.0, 0.0, digits=2, step=0.25, bin_width=0.2, grid=0.25, more=more, less=less
    )


NOISE = Operator(
    parameters=(
        Parameter(
            "noise_level",
            "noise",
            "standard deviation, 8-bit units",
            low=0.0,
            high=255.0,
            identity=0.0,
            mark="/255",
            step=0.4,
            bin_width=10.0,
            grid=5.0,
            usual=(0.0, 80.0),
            hardly=0.75,
            more="noisier",
            less="cleaner",
            scaled=lambda level: math.sqrt(level + 1),
        ),
        _share("noise_signal", "noise of the light", "share of the variance", "more in the light", "more even"),
        _share("noise_common", "noise in common", "share of the variance", "greyer in its noise", "more coloured"),
        Parameter(
            "noise_grain",
            "grain",
            "sigma, pixels of the low-resolution image",
            low=0.0,
            high=MAX_GRAIN,
            identity=0.0,
            mark=" px",
            digits=1,
            step=0.3,
            bin_width=0.4,
            grid=0.5,
            usual=(0.0, 2.0),
            hardly=0.3,
            more="coarser in its noise",
            less="finer in its noise",
        ),
    ),
    apply=add_noise,
)
