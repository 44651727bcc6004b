"""A pile of images as a whole: what it carries, and which images stand apart from the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from degcraft.degradation import find_parameter
from degcraft.images import names_apart, printable
from degcraft.inspection.clean import CleanSide
from degcraft.inspection.distribution import AxisEstimate, read_estimate
from degcraft.inspection.estimate import Inspection, pooled, pooled_axes
from degcraft.inspection.scales import doubt, scaled
from degcraft.inspection.sources import LEAST_SOURCE, find_sources
from degcraft.inspection.suggest import suggest_axes
from degcraft.inspection.words import axis_words, contrast, sentence
from degcraft.results import Result, Table

_NAMED = 1.5
"""Units by which an axis must differ to be named beside the one that differs most."""
_SHOWN = 30
"""Images in the table; a larger pile shows those that stand apart first."""


@dataclass(frozen=True)
class Apart:
    """Images that stand apart from the rest of the pile."""

    members: tuple[int, ...]
    """Places in `Inspection.images`."""
    headline: str
    """What is different about them, in a few words."""
    reason: str
    """The same with the figures of both sides."""


@dataclass(frozen=True, eq=False, repr=False)
class Pile(Result):
    """A summary of an inspection."""

    inspection: Inspection
    axes: dict[str, AxisEstimate]
    """Of an image drawn from the main source: the median and the range of 90 %, uncertainty included."""
    besides: dict[str, AxisEstimate]
    """The same on further axes, of the images that have it, where an image more likely has it than not."""
    main: tuple[int, ...]
    """The images of the main source; all of them where there is no other."""
    sources: tuple[Apart, ...]
    """Further sources, the largest first."""
    outliers: tuple[Apart, ...]
    """Single images, the farthest first."""
    repeats: tuple[tuple[int, ...], ...] = ()
    """Images that repeat each other, the first of each first; each of these contents counts once."""
    left_out: tuple[str, ...] = ()
    """What lay beside the images, as clauses."""
    clean: CleanSide | None = None
    """Of the clean images, where they were looked at, too."""
    blur_against_clean: AxisEstimate | None = None
    """The mean blur of the main source against these, see `blur_against`."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: plain JSON, `inputs` among it."""

    @property
    def groups(self) -> list[str]:
        """Of each image: `main`, `source 2` and so on, or `outlier`."""
        named = dict.fromkeys(self.main, "main") | {each.members[0]: "outlier" for each in self.outliers}
        for number, source in enumerate(self.sources, start=2):
            named |= dict.fromkeys(source.members, f"source {number}")
        return [named[index] for index in range(len(self.inspection.images))]

    def table(self) -> Table:
        """A line per image; those that stand apart are marked, and come first where not all can be shown."""
        images, groups = self.inspection.images, self.groups
        order = list(range(len(images)))
        if len(images) > _SHOWN:
            order = sorted(order, key=lambda index: groups[index] == "main")[:_SHOWN]
        marked = frozenset(place for place, index in enumerate(order) if groups[index] != "main")
        rows = [
            [printable(name), *(axis_words(axis, one, named=False) for axis, one in images[index].axes.items())]
            + [groups[index] if place in marked else ""] * bool(marked)
            for place, (name, index) in enumerate(
                zip(names_apart([images[index].path for index in order]), order, strict=True)
            )
        ]
        return Table(
            "estimates, with their 90 % intervals",
            ["image", "blur sigma", "noise", "JPEG quality", *[""] * bool(marked)],
            rows,
            marked,
            f"and {len(images) - len(order)} more; --csv lists all" if len(order) < len(images) else "",
        )

    def sentences(self) -> list[str]:
        """The pile in plain words, and what to do with it."""
        images = self.inspection.images
        count, skipped = _count(len(images)), len(self.inspection.skipped)
        if len(self.main) < len(images):
            count = f"{len(self.main)} of {count}"
        notes = [f"{skipped} skipped"] * bool(skipped) + list(self.left_out)
        said = ["; ".join([f"{count}: {sentence(self.axes | self.besides)}", *notes])]
        for number, source in enumerate(self.sources, start=2):
            paths = names_apart([images[index].path for index in source.members])
            listed = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
            said.append(
                f"source {number}, {len(paths)} images that seem to come from elsewhere ({listed}): {source.reason}"
            )
        said += self.repeated()
        said += [f"outlier {images[each.members[0]].path.name}: {each.reason}" for each in self.outliers]
        said += self.against_clean()
        if len(images) > 1:
            axes = suggest_axes(self)
            text = " ".join(f"--axis {axis}" for axis in axes)
            said.append(f"a space that holds them, for degcraft weights at scale 4 (at 2 half the blur): {text}")
            said += ["and for a search:", "space:", *(f"  - {axis}" for axis in axes)]
        return said + ([] if self.clean is None else list(self.clean.sentences()))

    def against_clean(self) -> list[str]:
        """A sentence on the blur against the clean images, where it was measured."""
        if self.blur_against_clean is None:
            return []
        said = axis_words("blur_sigma", self.blur_against_clean, named=False)
        return [f"against the clean images, they are blurred by {said} on average"]

    def repeated(self) -> list[str]:
        """A sentence on images that repeat others, where there are any."""
        extra = sum(map(len, self.repeats)) - len(self.repeats)
        what = f"{extra} images repeat" if extra != 1 else "1 image repeats"
        return [f"{what} another; each content counts once"] * bool(extra)

    def draw(self, path: str | Path) -> None:
        """Writes the images with their estimates, see `degcraft.figures.draw_inspection`."""
        # Figures know piles, so a pile knows them only when it is drawn.
        from degcraft.figures import draw_inspection

        names = [Path(text).name or text for text in self.provenance.get("inputs", ())]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        draw_inspection(self, path, title=", ".join(names[:3]) + more)


def summarise(inspection: Inspection) -> Pile:
    """Find the main source of a pile, what it carries, and what stands apart.

    Two images are as far apart as their estimates differ, in visible steps (`Operator.step`) and of their own
    uncertainty; `find_sources` says how groups are made of that. The largest group is the main source, and images
    that repeat others (near-duplicates that carry the same) count once.

    Args:
        inspection: at least one image.
    """
    images = inspection.images
    labels, contents = find_sources(images)
    first = set(np.unique(contents, return_index=True)[1].tolist())

    def once(group: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(index for index in group if index in first)

    groups = [tuple(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    main, *others = sorted(groups, key=lambda group: (-len(once(group)), group))
    main_axes = pooled_axes(inspection, once(main))
    several = [group for group in others if len(once(group)) >= LEAST_SOURCE]
    single = [index for group in others if len(once(group)) < LEAST_SOURCE for index in group]
    sources = [_apart(group, pooled_axes(inspection, once(group)), main_axes) for group in several]
    single.sort(key=lambda index: -max(_units_apart(images[index].axes, main_axes).values()))
    outliers = [_apart((index,), images[index].axes, main_axes) for index in single]
    alike = (tuple(np.flatnonzero(contents == content).tolist()) for content in np.unique(contents))
    repeats = tuple(group for group in alike if len(group) > 1)
    return Pile(inspection, main_axes, _besides(inspection, once(main)), main, tuple(sources), tuple(outliers), repeats)


def _apart(members: tuple[int, ...], axes: Mapping[str, AxisEstimate], rest: Mapping[str, AxisEstimate]) -> Apart:
    units = _units_apart(axes, rest)
    order = sorted(units, key=lambda axis: -units[axis])
    named = [axis for axis in order if axis == order[0] or units[axis] >= _NAMED]
    return Apart(members, *contrast(axes, rest, named))


def _besides(inspection: Inspection, members: tuple[int, ...]) -> dict[str, AxisEstimate]:
    found = {}
    for axis, grid in inspection.grids.items():
        if axis in inspection.images[0].axes:
            continue
        probabilities = pooled(inspection, members, axis)
        some = grid != find_parameter(axis).identity
        share = probabilities[some].sum()
        if share > 0.5:
            found[axis] = read_estimate(probabilities[some] / share, grid[some])
    return found


def _units_apart(one: Mapping[str, AxisEstimate], other: Mapping[str, AxisEstimate]) -> dict[str, float]:
    """Per axis, how far two estimates differ in units of what can be told apart, by what `one` can tell."""
    return {
        axis: abs(scaled(axis, one[axis].value) - scaled(axis, other[axis].value))
        / math.hypot(find_parameter(axis).step, doubt(axis, one[axis]))
        for axis in one
    }


def _count(number: int) -> str:
    return f"{number} image{'s' * (number != 1)}"
