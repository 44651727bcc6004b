"""PDM: a degradation as two small networks, one that draws kernels and one that draws noise.

Z. Luo et al., "Learning the Degradation Distribution for Blind Image Super-Resolution", CVPR 2022 (arXiv 2203.04962):

    LR = (HR ⊗ k)↓s + n,    k = net_k(z_k),    n = net_n(z_n, (HR ⊗ k)↓s)

with z_k and z_n drawn from standard Gaussians, so that what is learnt is a distribution. The result is rounded to 8
bits, as the images are that it is to be told from, and may go through JPEG, which is none of these.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.knobs import checked_knobs
from degcraft.learned.compression import Compression, compressed
from degcraft.learned.knobs import KNOBS, check_sizes
from degcraft.randomness import own_generator

LATENT, NOISE_LATENT = 64, 3
"""Channels of z_k and of z_n."""

SPREAD = 0.25, 0.125, 0.125
"""Of the kernels that training begins with: standard deviations, from draw to draw, of the share of the exponent that
is round, and of those that make it longer along an axis or a diagonal."""

NOISE_GAIN = 0.2
"""Of the noise's network, which learns so much more slowly than the discriminator that tells its level."""


class Latents(NamedTuple):
    """What is drawn for a batch of images."""

    kernel: Tensor
    """z_k (B, 64, 1, 1), or (B, 64, h, w) where kernels vary."""
    noise: Tensor
    """z_n (B, 3, h, w)."""
    quality: Tensor | None = None
    """(B,) of the JPEG files, where there are any."""

    def to(self, device: torch.device) -> "Latents":
        """The same on a device."""
        return Latents(*(None if one is None else one.to(device) for one in self))  # type: ignore[arg-type]


class Degraded(NamedTuple):
    """What a batch of clean images was made into."""

    lr: Tensor
    """(B,3,h,w) in [0,1]."""
    noise: Tensor
    """(B,3,h,w)."""
    kernels: Tensor
    """(B, size², 1 or h, 1 or w)."""
    lost: Tensor
    """(B,3,h,w), detached: what rounding, the ends of the range and JPEG took from the noisy images."""


class LearnedDegradation(nn.Module):
    """Draws kernels and noise for clean images.

    Args:
        scale: Downsampling factor.
        seed: Of the first weights.
        compression: What the result goes through; it is not learned.
        knobs: As `KNOBS` says; those left out are the published ones.

    Raises:
        DegcraftError: a knob that there is none of, or a value that breaks its rule.
    """

    def __init__(self, scale: int, *, seed: int = 0, compression: Compression | None = None, **knobs: Any) -> None:
        super().__init__()
        self.compression = compression
        self.scale, self.knobs = scale, checked_knobs(KNOBS, knobs, owner="pdm")
        check_sizes(self.knobs)
        size, channels, wide = self.knobs["size"], self.knobs["channels"], 3 if self.knobs["varying"] else 1
        with own_generator(seed):
            self.kernels = _network(LATENT, size * size, channels, self.knobs["kernel_blocks"], wide)
            inputs = NOISE_LATENT + (3 if self.knobs["noise"] == "content" else 0)
            self.noise = (
                None if self.knobs["noise"] == "none" else _network(inputs, 3, channels, self.knobs["noise_blocks"], 3)
            )
            self._begin_as_gaussians()
        self._begin_quiet()

    def _begin_as_gaussians(self) -> None:
        """Kernels begin near Gaussians in the middle: even ones blur all away, and training comes back late.

        How wide and how long they are differs from draw to draw, as what begins alike stays alike for long.
        """
        size, last = self.knobs["size"], self.kernels[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        places = torch.arange(size) - size // 2 - self.middle()
        y, x = torch.meshgrid(places, places, indexing="ij")
        forms = torch.stack([x * x + y * y, x * x - y * y, 2 * x * y]).flatten(1) / (2 * (self.scale / 2) ** 2)
        with torch.no_grad():
            # Each form follows a way of its own through what the layers before make of z_k.
            made = self.kernels[:-1](torch.randn(256, LATENT, 1, 1))[..., 0, 0]
            ways = torch.randn(made.shape[1], len(forms))
            ways *= torch.tensor(SPREAD) / (made @ ways).std(dim=0)
            middle = last.kernel_size[0] // 2
            last.weight[:, :, middle, middle] += forms.T @ ways.T
            last.bias.copy_(-forms[0] - (made @ ways).mean(dim=0) @ forms)

    def _begin_quiet(self) -> None:
        """Noise begins near none: at the 80/255 of usual first weights no kernel can be seen through it."""
        if self.noise is not None:
            last = self.noise[-1]
            assert isinstance(last, nn.Conv2d)
            with torch.no_grad():
                last.weight.mul_(0.1)
                assert last.bias is not None
                last.bias.zero_()

    def latents(self, count: int, side: tuple[int, int], generator: torch.Generator) -> Latents:
        """What a batch needs, of standard Gaussians and of the compression's qualities.

        Args:
            count: Images.
            side: (h, w) of the low-resolution images.
            generator: The only source of randomness; what is drawn lies on its device.
        """
        place = side if self.knobs["varying"] else (1, 1)
        return Latents(
            torch.randn(count, LATENT, *place, generator=generator, device=generator.device),
            torch.randn(count, NOISE_LATENT, *side, generator=generator, device=generator.device),
            None if self.compression is None else self.compression.draw(count, generator),
        )

    def draw_kernels(self, latent: Tensor) -> Tensor:
        """(B, size², h, w) kernels that sum to 1, from z_k."""
        return self.kernels(latent).softmax(dim=1)

    def reduce(self, hr: Tensor, kernels: Tensor) -> Tensor:
        """(HR ⊗ k)↓s: (B,3,H,W) and (B, size², 1 or h, 1 or w) → (B,3,h,w).

        Borders are mirrored. The kernel of a pixel lies about the HR pixel at its middle, or the one before that.
        """
        size, scale = self.knobs["size"], self.scale
        first, height, width = (scale - 1) // 2, hr.shape[2] // scale, hr.shape[3] // scale
        padded = F.pad(hr, (size // 2,) * 4, mode="reflect")[..., first:, first:]
        if kernels.shape[2:] == (1, 1):
            # One kernel for an image: a convolution of groups, a tenth of the time of what follows.
            whole = kernels.view(-1, 1, size, size)
            reduced = F.conv2d(padded.transpose(0, 1), whole, stride=scale, groups=len(hr)).transpose(0, 1)
            return reduced[..., :height, :width]
        seen = F.unfold(padded, size, stride=scale)
        rows = (padded.shape[2] - size) // scale + 1
        seen = seen.view(len(hr), 3, -1, rows, seen.shape[-1] // rows)[..., :height, :width]
        return torch.einsum("bckhw,bkhw->bchw", seen, kernels)

    def forward(self, hr: Tensor, latents: Latents) -> Degraded:
        """Degrade (B,3,H,W) in [0,1].

        The noise's network sees the clean LR without passing gradients on. Rounding and JPEG pass them straight
        through, the ends of the range do not.
        """
        kernels = self.draw_kernels(latents.kernel)
        clean = self.reduce(hr, kernels)
        if self.noise is None:
            noise = torch.zeros_like(clean)
        else:
            seen = [latents.noise, clean.detach()] if self.knobs["noise"] == "content" else [latents.noise]
            noise = NOISE_GAIN * self.noise(torch.cat(seen, dim=1))
        lr = clean + noise
        kept = (lr.detach().clamp(0, 1) * 255).round() / 255
        if latents.quality is not None:
            kept = compressed(kept, latents.quality)
        # What is cut off may not grow: it would without end, as it changes nothing.
        inside = lr.clamp(0, 1)
        return Degraded(inside + (kept - inside.detach()), noise, kernels, (lr - kept).detach())

    def describe(self) -> dict[str, Any]:
        """All that decides it but the weights, as plain JSON."""
        compression = None if self.compression is None else self.compression.to_list()
        return {"scale": self.scale, "knobs": self.knobs, "compression": compression}

    def middle(self) -> float:
        """Where a kernel's centre of mass is to lie for LR and HR to agree, in pixels from the middle of the kernel."""
        return (self.scale - 1) / 2 - (self.scale - 1) // 2

    def centres(self, kernels: Tensor) -> Tensor:
        """(B, 2, h, w) centres of mass (y, x) of kernels, in pixels from their middle."""
        return torch.einsum("ak,bkhw->bahw", self._places(kernels), kernels)

    def variances(self, kernels: Tensor) -> Tensor:
        """(B, h, w) mean squares of how far a kernel's mass lies from its middle along either axis, in pixels."""
        return torch.einsum("ak,bkhw->bhw", self._places(kernels).square(), kernels) / 2

    def _places(self, kernels: Tensor) -> Tensor:
        """(2, size²) where the taps lie, (y, x) from the middle."""
        size = self.knobs["size"]
        places = torch.arange(size, device=kernels.device, dtype=kernels.dtype) - size // 2
        return torch.stack(torch.meshgrid(places, places, indexing="ij")).flatten(1)


def _network(inputs: int, outputs: int, channels: int, blocks: int, side: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, channels, side, padding=side // 2),
        *(_Residual(channels, side) for _ in range(blocks)),
        nn.Conv2d(channels, outputs, side, padding=side // 2),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, side, padding=side // 2)
        self.second = nn.Conv2d(channels, channels, side, padding=side // 2)

    def forward(self, values: Tensor) -> Tensor:
        changed: Tensor = self.second(F.relu(self.first(values)))
        return values + changed


def kernel_moments(kernels: Tensor) -> dict[str, Tensor]:
    """Second moments of kernels, about their own centres of mass.

    Args:
        kernels: (k, size²), each summing to 1.

    Returns:
        `wide` and `narrow`, (k,) standard deviations in pixels along and across; `angle`, (k,) of the wide axis in
        radians from the x axis, within ±π/2.
    """
    size = round(kernels.shape[1] ** 0.5)
    places = torch.arange(size, dtype=kernels.dtype, device=kernels.device) - size // 2
    y, x = (one.flatten() for one in torch.meshgrid(places, places, indexing="ij"))
    mean_y, mean_x = kernels @ y, kernels @ x
    yy, xx = kernels @ y.square() - mean_y.square(), kernels @ x.square() - mean_x.square()
    xy = kernels @ (x * y) - mean_x * mean_y
    apart = ((xx - yy).square() / 4 + xy.square()).sqrt()
    middle = (xx + yy) / 2
    return {
        "wide": (middle + apart).clamp(min=0).sqrt(),
        "narrow": (middle - apart).clamp(min=0).sqrt(),
        "angle": torch.atan2(2 * xy, xx - yy) / 2,
    }
