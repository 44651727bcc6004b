"""The paper's space and what real images hold beyond it: other blurs, reductions, noises, halos, earlier files."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from degcraft.degradation import NO_JPEG, Degradation, degrade, find_parameter
from degcraft.degradation.operators import MAX_RADIUS, OPERATORS
from degcraft.errors import DegcraftError
from degcraft.sources.drawing import Drawing

BLURS = {"round": 0.4, "stretched": 0.35, "defocus": 0.25}
"""How often a blur beyond the paper's is of which shape."""
LEAST_RATIO = 0.25
"""Of the widths of a stretched blur, as BSRGAN and Real-ESRGAN draw them; uniform in the logarithm."""
REDUCTIONS = {"bicubic": 0.35, "area": 0.2, "bilinear": 0.2, "lanczos": 0.15, "nearest": 0.1}
SOMETIMES = {
    "noise_signal": (0.3, 0.0, 1.0),
    "noise_common": (0.4, 0.0, 1.0),
    "noise_grain": (0.25, 0.3, 1.2),
    "sharpening": (0.15, 0.0, 2.0),
    "earlier_jpeg_quality": (0.15, 30.0, 96.0),
}
"""(share of the images beyond the paper's model that have it at all, low, high)."""
COLOURED = 0.3
"""Share of the JPEGs beyond the paper's model that keep all of the chroma."""


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
"""For features: what they are to measure, and as much again beyond it."""

MORE_MILD_THAN_HEAVY = Spreads(
    blur_sigma=Spread(((0.0, 2.0, 0.5), (2.0, 4.0, 0.4), (4.0, 5.0, 0.1)), 0.1),
    noise_level=Spread(((0.0, 15.0, 0.55), (15.0, 35.0, 0.35), (35.0, 50.0, 0.1)), 0.1),
    jpeg_quality=Spread(((60.0, 95.0, 0.6), (30.0, 60.0, 0.3), (95.0, 100.0, 0.1)), 0.2),
)
"""For super-resolution: the paper's ranges, denser where the images that people have lie."""


@dataclass(frozen=True)
class WideSource:
    """Draws every operator's parameters independently; a share of every batch is eq. 2 of arXiv 2305.18107 alone.

    Raises:
        DegcraftError: a share outside 0 to 1.
    """

    paper_share: float = 0.6
    """Of a batch, 0 to 1."""
    spreads: Spreads = MORE_MILD_THAN_HEAVY
    """How much blur, noise and compression is drawn."""

    def __post_init__(self) -> None:
        if not 0 <= self.paper_share <= 1:
            raise DegcraftError(f"paper_share must lie in [0, 1], but got {self.paper_share}")

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation]:
        """See `DegradationSource.degrade`; there always is a second part."""
        degradation = self.draw(len(hr), generator)
        lr = hr.new_empty(len(hr), 3, hr.shape[2] // scale, hr.shape[3] // scale)
        beyond = torch.zeros(len(hr), dtype=torch.bool)
        for name in degradation.parameters.keys() - PAPER:
            beyond |= degradation.parameters[name] != find_parameter(name).identity
        # The paper's blur is separable, and takes a part of the time where it is by itself.
        for part, names in ((~beyond, PAPER), (beyond, degradation.parameters.keys())):
            some = Degradation({name: degradation.parameters[name][part] for name in names})
            lr[part.to(hr.device)] = degrade(hr[part.to(hr.device)], some, scale, generator)
        return lr, degradation

    def draw(self, n: int, generator: torch.Generator) -> Degradation:
        """What is done to each of n images, on the CPU. Blurs are of their effective sigma whatever their shape."""
        draw = Drawing(n, generator)
        sigma, noise, quality = (
            _spread(draw, spread, find_parameter(name).identity)
            for name, spread in (
                ("blur_sigma", self.spreads.blur_sigma),
                ("noise_level", self.spreads.noise_level),
                ("jpeg_quality", self.spreads.jpeg_quality),
            )
        )
        papers = draw.chance(self.paper_share)
        shape = torch.where(papers, 0, draw.choice(list(BLURS.values())))
        ratio, angle = LEAST_RATIO ** draw.uniform(0, 1), draw.uniform(0, 180)
        drawn = {
            "blur_sigma": torch.where(shape == 2, 0.0, sigma),
            "blur_ratio": torch.where(shape == 1, ratio, 1.0),
            "blur_angle": torch.where(shape == 1, angle, 0.0),
            "defocus_radius": torch.where(shape == 2, (2 * sigma).clamp_max(MAX_RADIUS), 0.0),
            "reduction": _coded("reduction", REDUCTIONS)[draw.choice(list(REDUCTIONS.values()))],
            "noise_level": noise,
            "jpeg_quality": quality,
            "jpeg_chroma": draw.chance(COLOURED).float(),
        }
        for name, (share, low, high) in SOMETIMES.items():
            nothing = find_parameter(name).identity
            drawn[name] = torch.where(draw.chance(share), draw.uniform(low, high), nothing)
        for name in drawn.keys() - PAPER:
            drawn[name] = torch.where(papers, find_parameter(name).identity, drawn[name])
        return Degradation(drawn)

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": "wide", "paper_share": self.paper_share, "spreads": asdict(self.spreads)}


PAPER = frozenset({"blur_sigma", "noise_level", "jpeg_quality"})


def effective_values(degradation: Degradation) -> dict[str, Tensor]:
    """What was effectively done, (n,) on every axis that was drawn, whatever did it.

    `blur_sigma` is the root of the mean variance of all blurs along both directions (a disc's is a quarter of its
    squared radius); `jpeg_quality` that of the last JPEG there was, and `earlier_jpeg_quality` of one before it. How
    something is done is at its identity where it is not done at all.
    """
    known = dict(degradation.parameters)
    for operator in OPERATORS.values():
        amount, *ways = operator.parameters
        for way in ways:
            if way.name in known:
                done = known[amount.name] != amount.identity
                known[way.name] = torch.where(done, known[way.name], way.identity)
    quality, earlier = known["jpeg_quality"], known["earlier_jpeg_quality"]
    compressed = torch.isfinite(quality)
    return known | {
        "blur_sigma": torch.sqrt(known["blur_sigma"] ** 2 + (known["defocus_radius"] / 2) ** 2),
        "jpeg_quality": torch.where(compressed, quality, earlier),
        "earlier_jpeg_quality": torch.where(compressed, earlier, NO_JPEG),
    }


def _spread(draw: Drawing, spread: Spread, nothing: float) -> Tensor:
    """(n,) values of an axis; `nothing` for the share that has none of it."""
    lows, highs, shares = zip(*spread.ranges, strict=True)
    which = draw.choice(shares)
    low, high = torch.tensor(lows)[which], torch.tensor(highs)[which]
    values = low + (high - low) * draw.uniform(0, 1)
    return torch.where(draw.chance(spread.none), nothing, values)


def _coded(name: str, kinds: dict[str, float]) -> Tensor:
    """The numbers that stand for some kinds of a choice."""
    choices = find_parameter(name).choices
    return torch.tensor([float(choices.index(kind)) for kind in kinds])
