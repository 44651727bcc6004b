"""How far two distributions of degradations are apart, whatever spaces they were crafted in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from degcraft.degradation import Box, CraftedDistribution, check_box, find_parameter, known_parameters
from degcraft.degradation.space import MOST_BINS
from degcraft.errors import DegcraftError

Floats = NDArray[np.float64]

RESOLUTION = 0.5
"""Widest cell, in bin widths, between whose middles mass is moved."""
MOST_CELLS = 1500
"""Of either side; beyond it cells stay as coarse as the two spaces together make them."""

MOST_PAIRS = 20_000_000
"""Of cells that mass may be moved between: a table of their distances takes 8 bytes for each."""


@dataclass(frozen=True)
class DistributionDistance:
    """Three distances of two distributions, and each axis by itself.

    A bin width is that of the paper's bins: 1 of blur sigma, 10 of noise level, 20 of JPEG quality. No compression
    counts as a quality of 110; an axis that one distribution lacks is one that it applies to no image.
    """

    total_variation: float
    """From 0 to 1: the share of images that would have to be degraded otherwise."""
    wasserstein: float
    """In bin widths: how far, on average, they would have to move (W₁ of the Euclidean distance)."""
    wasserstein_error: float
    """At most by so much `wasserstein` may be off, as mass is moved between the middles of cells."""
    frechet: float
    """In bin widths: W₂ of the Gaussians with their means and covariances, the root of Dowson and Landau's formula."""
    axes: Mapping[str, float]
    """Axis → W₁ of the marginals, in the axis's own unit; exact."""

    @property
    def farthest(self) -> str:
        """The axis whose marginals are farthest apart in bin widths."""
        return max(self.axes, key=lambda name: self.axes[name] / find_parameter(name).bin_width)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self) | {"axes": dict(self.axes), "farthest": self.farthest}


@dataclass(frozen=True, eq=False)
class Boxes:
    """A mixture of uniform boxes; a side of zero width is a fixed value."""

    weights: Floats
    """(k,) summing to 1."""
    sides: Mapping[str, Floats]
    """Axis → (k, 2) low and high; images without the degradation have it at `none_place`."""

    @classmethod
    def of(cls, distribution: "CraftedDistribution | Boxes | Box") -> "Boxes":
        """The boxes of a crafted distribution that have weight, or one box."""
        if isinstance(distribution, Boxes):
            return distribution
        if not isinstance(distribution, CraftedDistribution):
            check_box(distribution)
            placed = {
                name: [end if np.isfinite(end) else none_place(name) for end in ends]
                for name, ends in distribution.items()
            }
            return cls(np.ones(1), {name: np.array([ends], dtype=np.float64) for name, ends in placed.items()})
        space = distribution.space
        if space.is_sampled:
            raise DegcraftError(f"only spaces of at most {MOST_BINS} bins can be compared, but got {space.n_bins:,}")
        weights = distribution.parts.spread(distribution.weights)
        held = np.flatnonzero(weights)
        cells = np.stack(np.unravel_index(held, space.shape), axis=1)
        sides = {}
        for axis, own in zip(space.axes, cells.T, strict=True):
            ends = np.array(axis.cells)
            if axis.none_cell is not None:
                ends[axis.none_cell] = none_place(axis.name)
            sides[axis.name] = ends[own]
        return cls(weights[held], sides)

    def with_axes(self, names: list[str]) -> "Boxes":
        """The same with these axes, in this order; those it lacks are applied to no image."""
        lacking = np.ones((len(self.weights), 2))
        return Boxes(self.weights, {name: self.sides.get(name, lacking * none_place(name)) for name in names})

    def on_cells(self, edges: Mapping[str, Floats]) -> Floats:
        """Mass on the grid that these edges make, a value that is fixed lying in the first cell that begins with it."""
        mass = np.zeros([len(one) - 1 for one in edges.values()])
        for place, weight in enumerate(self.weights):
            part = np.array(weight)
            for name, one in edges.items():
                low, high = self.sides[name][place]
                if low < high:
                    share = np.clip(np.minimum(one[1:], high) - np.maximum(one[:-1], low), 0, None) / (high - low)
                else:
                    share = np.zeros(len(one) - 1)
                    share[np.flatnonzero(one == low)[0]] = 1
                part = np.multiply.outer(part, share)
            mass += part
        return mass

    def moments(self) -> tuple[Floats, Floats]:
        """Mean (d,) and covariance (d, d) in bin widths: of the middles, and of what is uniform about them."""
        widths = np.array([find_parameter(name).bin_width for name in self.sides])
        ends = np.stack(list(self.sides.values()), axis=1) / widths[:, None]
        middles, within = ends.mean(axis=2), np.square(ends[..., 1] - ends[..., 0]) / 12
        mean = self.weights @ middles
        apart = middles - mean
        return mean, (apart.T * self.weights) @ apart + np.diag(self.weights @ within)

    def cumulative(self, name: str, knots: Floats) -> tuple[Floats, Floats]:
        """The marginal's cumulative distribution at each knot, from the left and from the right."""
        low, high = self.sides[name].T
        spread = low < high
        share = np.clip((knots[:, None] - low[spread]) / (high - low)[spread], 0, 1) @ self.weights[spread]
        fixed, mass = low[~spread], self.weights[~spread]
        return share + (knots[:, None] > fixed) @ mass, share + (knots[:, None] >= fixed) @ mass


def none_place(name: str) -> float:
    """Where images without a degradation lie on its axis."""
    parameter = find_parameter(name)
    return parameter.identity if np.isfinite(parameter.identity) else parameter.scaled(parameter.identity)


def compare_distributions(
    a: CraftedDistribution | Boxes | Box, b: CraftedDistribution | Boxes | Box
) -> DistributionDistance:
    """Total variation, Wasserstein and Fréchet distance of the parameters that two distributions draw.

    Both are uniform inside their boxes. Total variation is exact, on the cells that both spaces' edges make together.
    What both have in common need not move, so the transport problem is one of their difference, solved exactly between
    the middles of cells (POT's network simplex: Bonneel et al., "Displacement Interpolation Using Lagrangian Mass
    Transport", 2011).

    Args:
        a: A crafted distribution, or a box.
        b: Another one.

    Raises:
        DegcraftError: an invalid box, or spaces whose cells together are too many to move mass between.
    """
    first, second = Boxes.of(a), Boxes.of(b)
    names = [name for name in known_parameters() if name in {*first.sides, *second.sides}]
    first, second = first.with_axes(names), second.with_axes(names)
    edges = {name: _edges(first.sides[name], second.sides[name]) for name in names}
    apart = first.on_cells(edges) - second.on_cells(edges)
    fine = {name: _refined(one, find_parameter(name).bin_width * RESOLUTION) for name, one in edges.items()}
    moved = first.on_cells(fine) - second.on_cells(fine)
    if max((moved > 0).sum(), (moved < 0).sum()) > MOST_CELLS:
        fine, moved = edges, apart
    wasserstein, error = _transported(moved, fine)
    return DistributionDistance(
        total_variation=float(np.abs(apart).sum() / 2),
        wasserstein=wasserstein,
        wasserstein_error=error,
        frechet=_frechet(first, second),
        axes={name: _along(first, second, name) for name in names},
    )


def _edges(*sides: Floats) -> Floats:
    """All ends, rising; a fixed value is followed by a cell of no width."""
    ends = np.concatenate([one.ravel() for one in sides])
    fixed = np.concatenate([one[one[:, 0] == one[:, 1], 0] for one in sides])
    found = np.sort(np.concatenate([np.unique(ends), np.unique(fixed)]))
    return found if len(found) > 1 else np.repeat(found, 2)


def _refined(edges: Floats, widest: float) -> Floats:
    """The edges with more between them, so that no cell is wider."""
    parts = [
        np.linspace(low, high, max(1, int(np.ceil((high - low) / widest))), endpoint=False) if high > low else [low]
        for low, high in pairwise(edges)
    ]
    return np.concatenate([*parts, edges[-1:]])


def _transported(moved: Floats, edges: Mapping[str, Floats]) -> tuple[float, float]:
    """W₁ in bin widths and how far it may be off, from the difference of two masses on a grid."""
    total = float(moved[moved > 0].sum())
    if total < 1e-12:
        return 0.0, 0.0
    import ot

    widths = [find_parameter(name).bin_width for name in edges]
    middles = [(one[1:] + one[:-1]) / 2 / width for one, width in zip(edges.values(), widths, strict=True)]
    halves = [(one[1:] - one[:-1]) / 2 / width for one, width in zip(edges.values(), widths, strict=True)]

    def places(of: list[Floats], chosen: tuple[NDArray[np.intp], ...]) -> Floats:
        return np.stack([one[index] for one, index in zip(of, chosen, strict=True)], axis=1)

    sides = [np.nonzero(moved > 0), np.nonzero(moved < 0)]
    if (pairs := len(sides[0][0]) * len(sides[1][0])) > MOST_PAIRS:
        raise DegcraftError(f"at most {MOST_PAIRS:,} pairs of cells can be compared, but the two spaces make {pairs:,}")
    masses = [np.abs(moved[side]) for side in sides]
    cost = ot.dist(*(places(middles, side) for side in sides), metric="euclidean")
    found = float(ot.emd2(*(mass / mass.sum() for mass in masses), cost, numItermax=10_000_000))
    # A mass that is uniform in its cell has so far to its middle, at most: the root of the mean square.
    reach = (np.sqrt(np.square(places(halves, side)).sum(axis=1) / 3) for side in sides)
    return total * found, float(sum(mass @ far for mass, far in zip(masses, reach, strict=True)))


def _along(first: Boxes, second: Boxes, name: str) -> float:
    """∫ |F − G| of the marginals, each linear between the knots."""
    knots = np.unique(np.concatenate([first.sides[name].ravel(), second.sides[name].ravel()]))
    (left, right), (other_left, other_right) = first.cumulative(name, knots), second.cumulative(name, knots)
    start, end, width = (right - other_right)[:-1], (left - other_left)[1:], np.diff(knots)
    crosses = start * end < 0
    straight = np.abs(start + end) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        bent = (start**2 + end**2) / (2 * np.abs(start - end))
    return float((np.where(crosses, bent, straight) * width).sum())


def _frechet(first: Boxes, second: Boxes) -> float:
    (mean, covariance), (other_mean, other_covariance) = first.moments(), second.moments()
    # Symmetric throughout, so that an axis that never varies does no harm.
    values, vectors = eigh(covariance)
    half = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    root = np.sqrt(eigh(half @ other_covariance @ half, eigvals_only=True).clip(min=0)).sum()
    squared = np.square(mean - other_mean).sum() + np.trace(covariance + other_covariance) - 2 * root
    return float(np.sqrt(max(0.0, squared)))
