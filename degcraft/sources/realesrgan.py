"""Real-ESRGAN's degradations: two stages of blur, resizing, noise and JPEG, and a sinc filter.

Source: X. Wang et al., Real-ESRGAN, ICCVW 2021 (arXiv 2107.10833); the numbers and their names are those of
`options/train_realesrnet_x4plus.yml` in the authors' repository (BSD-3). Different from there: every image has sizes,
orders and kinds of its own, where theirs share them within a batch and are mixed by a queue; borders are mirrored with
the edge pixel repeated; the files are libjpeg's; and the clean image is not sharpened, since a source only makes the
low-resolution one.
"""

import math

import torch
from torch import Tensor

from degcraft.degradation import NO_JPEG
from degcraft.sources.drawing import Drawing, Drawn
from degcraft.sources.kernels import bell_kernels, no_kernels, sinc_kernels
from degcraft.sources.noises import with_gaussian, with_photons
from degcraft.sources.pipeline import Pipeline
from degcraft.sources.ragged import PYTORCH, Ragged, blurred, clipped, resized, through_jpeg
from degcraft.sources.registry import REALESRGAN_KERNELS, REALESRGAN_STAGE

SIDES = (7, 21)
_SHORT_KERNEL = 13
"""Smaller sinc kernels have a higher least cutoff."""


class RealEsrgan(Pipeline):
    """See the module."""

    name = "realesrgan"

    def draw(self, n: int, scale: int, generator: torch.Generator) -> Drawn:
        """See `Pipeline.draw`."""
        draw, knobs = Drawing(n, generator), self.knobs
        return {
            **self._stage(draw, ""),
            **self._stage(draw, "2"),
            "blur": draw.chance(knobs["blur_prob"]),
            "blur2": draw.chance(knobs["second_blur_prob"]),
            "final_sinc": draw.chance(knobs["final_sinc_prob"]),
            "final_side": _odd(draw),
            "final_cutoff": draw.uniform(math.pi / 3, math.pi),
            "final_mode": draw.one_of(PYTORCH),
            "jpeg_last": draw.chance(0.5),
        }

    def _stage(self, draw: Drawing, number: str) -> dict[str, Tensor]:
        knobs = {name: self.knobs[name + number] for name in REALESRGAN_STAGE}
        side, (smallest, largest) = _odd(draw), knobs["resize_range"]
        factor = torch.stack([
            draw.uniform(1, max(1, largest)), draw.uniform(min(1, smallest), 1), torch.ones(draw.n)
        ])  # fmt: skip
        low = torch.where(side < _SHORT_KERNEL, math.pi / 3, math.pi / 5)
        drawn = {
            "sinc": draw.chance(knobs["sinc_prob"]),
            "cutoff": low + (math.pi - low) * draw.uniform(0, 1),
            "kind": draw.choice(knobs["kernel_prob"]),
            "side": side,
            "sigma_x": draw.uniform(*knobs["blur_sigma"]),
            "sigma_y": draw.uniform(*knobs["blur_sigma"]),
            "angle": draw.uniform(-math.pi, math.pi),
            "betag": draw.around_one(*knobs["betag_range"]),
            "betap": draw.around_one(*knobs["betap_range"]),
            "resize": factor.gather(0, draw.choice(knobs["resize_prob"])[None])[0],
            "mode": draw.one_of(PYTORCH),
            "gaussian": draw.chance(knobs["gaussian_noise_prob"]),
            "noise": draw.uniform(*knobs["noise_range"]),
            "poisson": draw.uniform(*knobs["poisson_scale_range"]),
            "gray": draw.chance(knobs["gray_noise_prob"]),
            "jpeg": torch.where(draw.chance(knobs["jpeg_prob"]), draw.uniform(*knobs["jpeg_range"]), NO_JPEG),
        }
        return {name + number: values for name, values in drawn.items()}

    def apply(self, images: Ragged, drawn: Drawn, scale: int, generator: torch.Generator) -> Ragged:
        """See `Pipeline.apply`."""
        full = images.heights, images.widths
        wanted = full[0] // scale, full[1] // scale
        out = resized(blurred(images, stage_kernels(drawn, "")), *_times(full, drawn["resize"]), drawn["mode"])
        out = through_jpeg(_noisy(out, drawn, "", generator), drawn["jpeg"])

        out = resized(blurred(out, stage_kernels(drawn, "2")), *_times(full, drawn["resize2"] / scale), drawn["mode2"])
        out = _noisy(out, drawn, "2", generator)

        last, quality = drawn["jpeg_last"], drawn["jpeg2"]
        out = through_jpeg(out, torch.where(last, NO_JPEG, quality))
        out = resized(out, *wanted, drawn["final_mode"])
        sinc = sinc_kernels(drawn["final_cutoff"], drawn["final_side"])
        out = blurred(out, torch.where(drawn["final_sinc"][:, None, None], sinc, no_kernels(len(sinc))))
        return through_jpeg(out, torch.where(last, quality, NO_JPEG))


def stage_kernels(drawn: Drawn, number: str) -> Tensor:
    """(n, SIDE, SIDE) kernels of a stage, "" or "2"; a single 1 where it does not blur."""
    some = drawn["blur" + number]
    return torch.where(some[:, None, None], mixed_kernels(drawn, number), no_kernels(len(some)))


def mixed_kernels(drawn: Drawn, number: str) -> Tensor:
    """(n, SIDE, SIDE) kernels of a stage, "" or "2"."""
    own = {name: drawn[name + number] for name in ("kind", "sigma_x", "sigma_y", "angle", "side", "cutoff", "sinc")}
    names = [REALESRGAN_KERNELS[kind] for kind in own["kind"].tolist()]
    aniso, plateau, general = (
        torch.tensor([word in name for name in names]) for word in ("aniso", "plateau", "generalized")
    )
    beta = torch.where(plateau, drawn["betap" + number], torch.where(general, drawn["betag" + number], 1.0))
    across = torch.where(aniso, own["sigma_y"], own["sigma_x"])
    bells = bell_kernels(own["sigma_x"], across, own["angle"], beta, plateau, own["side"])
    return torch.where(own["sinc"][:, None, None], sinc_kernels(own["cutoff"], own["side"]), bells)


def _noisy(images: Ragged, drawn: Drawn, number: str, generator: torch.Generator) -> Ragged:
    gaussian, gray = drawn["gaussian" + number], drawn["gray" + number]
    images = clipped(images)
    for places, add, strength in (
        (gaussian.nonzero()[:, 0], with_gaussian, drawn["noise" + number]),
        ((~gaussian).nonzero()[:, 0], with_photons, drawn["poisson" + number]),
    ):
        if len(places):
            images = images.with_others(places, add(images[places], strength[places], gray[places], generator))
    return images


def _odd(draw: Drawing) -> Tensor:
    low, high = SIDES
    return 2 * draw.whole(low // 2, high // 2) + 1


def _times(sizes: tuple[Tensor, Tensor], factor: Tensor) -> tuple[Tensor, Tensor]:
    height, width = ((size * factor.double()).long().clamp_min(1) for size in sizes)
    return height, width
