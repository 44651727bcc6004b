"""BSRGAN's degradations: two blurs, two reductions, noise and JPEG in an order of each image's own, and a last JPEG.

Source: K. Zhang et al., Designing a Practical Degradation Model for Deep Blind Image Super-Resolution, ICCV 2021 (arXiv
2103.14006); the numbers are those of `degradation_bsrgan` in the authors' KAIR (MIT). Its camera-noise model is left
out, as it is there where no weights of it are given. Different from there: borders are mirrored with the edge pixel
repeated, and the shifted Gaussian of the nearest reduction is sampled where it belongs instead of interpolated.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from degcraft.degradation import NO_JPEG, blur_and_reduce
from degcraft.sources.drawing import Drawing, Drawn
from degcraft.sources.kernels import bell_kernels
from degcraft.sources.noises import with_correlated, with_gaussian
from degcraft.sources.pipeline import Pipeline
from degcraft.sources.ragged import OPENCV, Ragged, applied, blurred, clipped, resized, through_jpeg

SHUFFLED = ("blur", "blur2", "reduce", "finish", "noise", "jpeg")
SIDES = (7, 25)
GREY, COLOUR = 0.4, 0.4
"""Shares of the noise; the rest is correlated between the channels."""
REDUCED_BY_SIZE = 0.75
"""Share of the first reductions that resize by any factor; the others blur and take every pixel of the scale."""
_REACH = 12
"""Of that blur's kernel, in pixels."""


class Bsrgan(Pipeline):
    """See the module."""

    name = "bsrgan"

    def draw(self, n: int, scale: int, generator: torch.Generator) -> Drawn:
        """See `Pipeline.draw`."""
        draw, knobs = Drawing(n, generator), self.knobs
        halved = draw.chance(knobs["halved_prob"]) & (scale == 4)
        left = torch.where(halved, scale // 2, scale)
        order = draw.order(len(SHUFFLED))
        rows, places = torch.arange(n), order.argsort(dim=1)
        first, last = (places[:, SHUFFLED.index(name)] for name in ("reduce", "finish"))
        order[rows, torch.minimum(first, last)] = SHUFFLED.index("reduce")
        order[rows, torch.maximum(first, last)] = SHUFFLED.index("finish")
        colour = draw.uniform(0, 1)
        return {
            "halved": halved,
            "halved_by": draw.one_of(OPENCV),
            "antialiased": draw.chance(0.5),
            "scale": left,
            "order": order,
            **{f"{name}{number}": values for number in ("", "2") for name, values in _blur(draw, left).items()},
            "by_size": draw.chance(REDUCED_BY_SIZE),
            "factor": 1 + draw.uniform(0, 1) * (2 * left - 1),
            "mode": draw.one_of(OPENCV),
            "sigma": 0.1 + draw.uniform(0, 1) * (0.6 * left - 0.1),
            "finish_mode": draw.one_of(OPENCV),
            "noise": draw.whole(*knobs["noise_range"]),
            "grey": colour < GREY,
            "correlated": colour >= GREY + COLOUR,
            "covariance": _covariance(draw, knobs["noise_range"][1]),
            "jpeg": torch.where(draw.chance(knobs["jpeg_prob"]), draw.whole(*knobs["jpeg_range"]).float(), NO_JPEG),
            "last_jpeg": draw.whole(*knobs["jpeg_range"]).float(),
        }

    def apply(self, images: Ragged, drawn: Drawn, scale: int, generator: torch.Generator) -> Ragged:
        """See `Pipeline.apply`."""
        wanted = images.heights // scale, images.widths // scale
        images = _halved(images, drawn)
        for now in drawn["order"].T:
            for step, name in enumerate(SHUFFLED):
                places = (now == step).nonzero()[:, 0]
                if len(places):
                    own = {key: values[places] for key, values in drawn.items()}
                    size = wanted[0][places], wanted[1][places]
                    images = images.with_others(places, _STEPS[name](images[places], own, size, generator))
        return through_jpeg(images, drawn["last_jpeg"])


def _blur(draw: Drawing, left: Tensor) -> dict[str, Tensor]:
    """A Gaussian, half of them stretched; the stretched are drawn by variances, the round ones by width."""
    low, high = SIDES
    variances = (4.0 + left)[:, None] * draw.uniform(0, 1, 2)
    round_width = (2.0 + 0.2 * left) * draw.uniform(0, 1)
    stretched = draw.chance(0.5)
    return {
        "along": torch.where(stretched, variances[:, 0].sqrt(), round_width),
        "across": torch.where(stretched, variances[:, 1].sqrt(), round_width),
        "angle": draw.uniform(0, math.pi),
        "side": 2 * draw.whole(low // 2, high // 2) + 1,
    }


def _covariance(draw: Drawing, level: float) -> Tensor:
    """(n,3,3) of the three channels, in squares of [0,1]: random axes with random shares of the highest level."""
    shares, axes = draw.uniform(0, 1, 3), torch.linalg.svd(draw.uniform(0, 1, 3, 3)).U
    return ((level / 255) ** 2 * (axes.transpose(1, 2) * shares[:, None] @ axes)).abs()


def _halved(images: Ragged, drawn: Drawn) -> Ragged:
    """Some images at half their size: by the kinds of `OPENCV`, as often by the antialiased bicubic of Matlab."""
    for antialiased in (False, True):
        places = (drawn["halved"] & (drawn["antialiased"] == antialiased)).nonzero()[:, 0]
        if not len(places):
            continue
        own = images[places]
        if antialiased:
            own = Ragged.of(blur_and_reduce(own.pixels, None, 2))
        else:
            own = resized(own, own.heights // 2, own.widths // 2, drawn["halved_by"][places])
        images = images.with_others(places, clipped(own))
    return images


def _reduce(images: Ragged, own: Drawn, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Ragged:
    """To any smaller size; or a blur, and of it the middle of every square of the scale."""
    for by_size in (True, False):
        places = (own["by_size"] == by_size).nonzero()[:, 0]
        if not len(places):
            continue
        some, drawn = images[places], {key: values[places] for key, values in own.items()}
        if by_size:
            height, width = (
                (side / drawn["factor"].double()).long().clamp_min(1) for side in (some.heights, some.widths)
            )
            some = resized(some, height, width, drawn["mode"])
        else:
            height, width = (-(-side // drawn["scale"]) for side in (some.heights, some.widths))
            down, across = (
                _middles(side, drawn["scale"], drawn["sigma"], columns).to(images.pixels.device)
                for side, columns in zip((some.heights, some.widths), some.pixels.shape[2:], strict=True)
            )
            some = Ragged(applied(down, some.pixels, across), height, width)
        images = images.with_others(places, some)
    return clipped(images)


def _middles(sizes: Tensor, scale: Tensor, sigma: Tensor, columns: int) -> Tensor:
    """What a Gaussian leaves in the middle of every `scale` pixels of a line, as `resizing_matrices` gives it."""
    wanted = -(-sizes // scale)
    rows = torch.arange(int(wanted.max()))[None].minimum(wanted[:, None] - 1).double()
    middle = scale[:, None] * rows + (scale[:, None] - 1) / 2
    at = torch.arange(columns)
    distance = (at - middle[..., None]).abs()
    taps = torch.exp(-0.5 * (distance / sigma.double()[:, None, None]) ** 2) * (distance <= _REACH)
    taps = taps * (at < sizes[:, None, None])
    return (taps / taps.sum(dim=2, keepdim=True)).float()


def _finish(images: Ragged, own: Drawn, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Ragged:
    return clipped(resized(images, *size, own["finish_mode"]))


def _noise(images: Ragged, own: Drawn, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Ragged:
    for correlated in (False, True):
        places = (own["correlated"] == correlated).nonzero()[:, 0]
        if not len(places):
            continue
        if correlated:
            noisy = with_correlated(images[places], own["covariance"][places], generator)
        else:
            noisy = with_gaussian(images[places], own["noise"][places], own["grey"][places], generator)
        images = images.with_others(places, noisy)
    return images


def _blurring(number: str) -> "_Step":
    def step(images: Ragged, own: Drawn, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Ragged:
        along, across, angle, side = (own[name + number] for name in ("along", "across", "angle", "side"))
        plain = torch.ones_like(along)
        return blurred(images, bell_kernels(along, across, angle, plain, plain < 0, side))

    return step


def _jpeg(images: Ragged, own: Drawn, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Ragged:
    return through_jpeg(images, own["jpeg"])


_Step = Callable[[Ragged, Drawn, tuple[Tensor, Tensor], torch.Generator], Ragged]
"""Images, what was drawn for them, the size that they are to have in the end, and where noise comes from."""

_STEPS: dict[str, _Step] = {
    "blur": _blurring(""),
    "blur2": _blurring("2"),
    "reduce": _reduce,
    "finish": _finish,
    "noise": _noise,
    "jpeg": _jpeg,
}
