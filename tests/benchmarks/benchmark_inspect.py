"""How far `degcraft inspect` can be believed: errors and coverage of its intervals on known degradations.

    python tests/benchmarks/benchmark_inspect.py --images DIR [--weights FILE] [--draws 6] [--calibrate] [--hr DIR]

The clean photographs that `degcraft features train` holds out of the same folder (`split_files`, seed 0) are degraded
whole, `--draws` times by each of three suites: the paper's space, what cameras do (little blur, little noise, half of
them never compressed), and what lies beyond equation 2 (`WideSource`). Printed per suite and axis: the share of
90 % intervals that hold the truth, the median error and the median width of the intervals. Then piles of 20 images are
made of one narrow source, with and without four images of another one, to see who is called apart.

With --hr, clean photographs of other content, something else is printed: piles of one blur (and mild noise, half of
them JPEG) are made of the same photographs, and their blur is told as `inspect` does, which does not know how sharp the
content was, and against --hr, which shows how sharp content can be.

--calibrate prints the table of `degcraft.inspection.calibration` at which the intervals of all suites together hold the
truth nine times in ten.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor

from degcraft.degradation import NO_JPEG, Degradation, degrade, find_parameter
from degcraft.features import DegNet, load_degnet, make_extractor
from degcraft.images import list_files, read_image, scan_folder, split_files, to_uint8, write_image
from degcraft.inspection import inspect_clean, inspect_files, summarise
from degcraft.inspection.against_clean import blur_against
from degcraft.inspection.calibration import TRUST, Trust
from degcraft.inspection.distribution import COVERAGE, pool, read_estimate
from degcraft.inspection.estimate import PATCHES, patch_posteriors
from degcraft.inspection.evidence import choose_patches
from degcraft.inspection.scales import scaled
from degcraft.sources.wide import TWICE_THE_PAPERS, WideSource, effective_values

SCALE = 4
AXES = ("blur_sigma", "noise_level", "jpeg_quality")
RANGES = {"blur_sigma": (0.0, 5.0), "noise_level": (0.0, 50.0), "jpeg_quality": (30.0, 90.0)}
MOST_TRUST = 1.0
"""However often the intervals hold the truth, one patch is not believed beyond what the network says of it."""
LEAST_CORRELATION = 0.1
"""Images here have about five patches and others twelve: what was not seen to be shared may be all the same."""
PILE, STRANGERS = 20, 4
DISTANCES = {"under 4 units away": (0, 4), "4 to 8 units away": (4, 8), "farther": (8, np.inf)}
"""Of two sources, in visible steps (`Operator.step`): 0.5 px of blur, 5 of JPEG quality."""

Labels = dict[str, Tensor]
Degrade = Callable[[Tensor, torch.Generator], tuple[Tensor, Labels]]


class Case(NamedTuple):
    """One degraded image: what is known of it, and what the network believes of its patches."""

    truth: dict[str, float]
    posteriors: dict[str, NDArray[np.float32]]


def uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def by_equation(labels: Labels, hr: Tensor, generator: torch.Generator) -> tuple[Tensor, Labels]:
    return degrade(hr, Degradation(labels), SCALE, generator), labels


def paper(hr: Tensor, generator: torch.Generator) -> tuple[Tensor, Labels]:
    n = len(hr)
    labels = {axis: uniform(*bounds, n, generator) for axis, bounds in RANGES.items()}
    return by_equation(labels | {"jpeg_quality": labels["jpeg_quality"].round()}, hr, generator)


def camera(hr: Tensor, generator: torch.Generator) -> tuple[Tensor, Labels]:
    n = len(hr)
    quality = uniform(70, 95, n, generator).round()
    never = torch.rand(n, generator=generator) < 0.5
    labels = {
        "blur_sigma": uniform(0, 2.5, n, generator),
        "noise_level": uniform(0, 6, n, generator),
        "jpeg_quality": torch.where(never, NO_JPEG, quality),
    }
    return by_equation(labels, hr, generator)


def beyond(hr: Tensor, generator: torch.Generator) -> tuple[Tensor, Labels]:
    lr, degradation = WideSource(0.0, TWICE_THE_PAPERS).degrade(hr, SCALE, generator)
    return lr, effective_values(degradation)


SUITES: dict[str, Degrade] = {"paper": paper, "camera": camera, "beyond": beyond}


def clean_images(folder: Path, held_out: float) -> Iterator[Tensor]:
    """(1, 3, H, W), sides cut to multiples of the scale."""
    for path in split_files(scan_folder(folder).files, held_out, 0)[1]:
        hr = read_image(path).rgb
        yield hr[None, :, : hr.shape[1] // SCALE * SCALE, : hr.shape[2] // SCALE * SCALE]


def cases_of(suite: Degrade, images: list[Tensor], draws: int, network: DegNet, device: str) -> list[Case]:
    generator = torch.Generator().manual_seed(0)
    cases = []
    for hr in images:
        lr, labels = suite(hr.expand(draws, -1, -1, -1).clone(), generator)
        stacks = [choose_patches(one, PATCHES) for one in to_uint8(lr).numpy()]
        for row, posteriors in enumerate(patch_posteriors(network, stacks, device)):
            cases.append(Case({axis: float(values[row]) for axis, values in labels.items()}, posteriors))
    return cases


def coverage(cases: list[Case], axis: str, grid: NDArray[np.float64], trust: Trust, patches: int) -> float:
    hits = 0
    for truth, posteriors in cases:
        found = posteriors[axis][:patches]
        one = read_estimate(pool(found, trust.of(len(found))), grid)
        hits += one.low - 1e-6 <= truth[axis] <= one.high + 1e-6
    return hits / len(cases)


def bisect(aim: Callable[[float], float], low: float, high: float, *, falling: bool) -> float:
    """Where a monotone coverage crosses COVERAGE; an end of the range where it does not."""
    for _ in range(18):
        middle = (low + high) / 2
        if (aim(middle) > COVERAGE) == falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def calibrate(cases: list[Case], grids: dict[str, NDArray[np.float64]]) -> dict[str, Trust]:
    """Trust in one patch from single patches; then the correlation from all patches of an image."""

    def of_axis(axis: str) -> Trust:
        def covered(trust: Trust, patches: int) -> float:
            return coverage(cases, axis, grids[axis], trust, patches)

        patch = bisect(lambda value: covered(Trust(value, 1), 1), 0.05, MOST_TRUST, falling=True)
        correlation = bisect(lambda value: covered(Trust(patch, value), PATCHES), LEAST_CORRELATION, 1, falling=False)
        return Trust(round(patch, 2), round(correlation, 2))

    return {axis: of_axis(axis) for axis in grids}


def error(truth: float, value: float) -> float:
    """Absolute difference; an image never compressed counts as one of quality 100."""
    return abs(min(truth, 100.0) - min(value, 100.0)) if max(truth, value) > 90 else abs(truth - value)


def accuracy_table(
    suites: dict[str, list[Case]], grids: dict[str, NDArray[np.float64]], table: dict[str, Trust]
) -> Table:
    shown = Table(title=f"{COVERAGE:.0%} intervals; {', '.join(f'{n} {len(c)} images' for n, c in suites.items())}")
    for heading in (
        "suite",
        "axis",
        "coverage",
        "of one patch",
        "median error",
        "90 % below",
        "median width",
    ):
        shown.add_column(heading, justify="left" if heading in ("suite", "axis") else "right")
    for name, cases in suites.items():
        for axis, grid in grids.items():
            estimates = [
                read_estimate(pool(each.posteriors[axis], table[axis].of(len(each.posteriors[axis]))), grid)
                for each in cases
            ]
            errors = [error(each.truth[axis], one.value) for each, one in zip(cases, estimates, strict=True)]
            widths = [min(one.high, 105.0) - min(one.low, 105.0) for one in estimates]
            shown.add_row(
                name, axis, f"{coverage(cases, axis, grid, table[axis], PATCHES):.3f}",
                f"{coverage(cases, axis, grid, table[axis], 1):.3f}", f"{np.median(errors):.2f}",
                f"{np.quantile(errors, 0.9):.2f}", f"{np.median(widths):.2f}",
            )  # fmt: skip
        shown.add_section()
    return shown


def middles(generator: torch.Generator) -> dict[str, float]:
    """Where a narrow source lies; a quarter of the sources never compress."""
    drawn = {axis: float(uniform(*bounds, 1, generator)) for axis, bounds in RANGES.items()}
    if float(torch.rand((), generator=generator)) < 0.25:
        drawn["jpeg_quality"] = NO_JPEG
    return drawn


def around(middle: dict[str, float], hr: Tensor, generator: torch.Generator) -> Tensor:
    """Images of one source: every image a little different."""
    spread = {"blur_sigma": 0.2, "noise_level": 1.0, "jpeg_quality": 3.0}
    labels = {
        axis: (value + spread[axis] * uniform(-1, 1, len(hr), generator)).clamp(min=0) for axis, value in middle.items()
    }
    return degrade(hr, Degradation(labels), SCALE, generator)


def pile_table(images: list[Tensor], network: DegNet, device: str, piles: int, trust: dict[str, Trust]) -> Table:
    """Who is called apart in piles of one source, and in piles with four strangers."""
    generator = torch.Generator().manual_seed(1)
    alarms, wrong = [], []
    caught: dict[str, list[float]] = {name: [] for name in DISTANCES}
    with tempfile.TemporaryDirectory() as place:
        for number in range(piles):
            chosen = torch.randperm(len(images), generator=generator)[: PILE + STRANGERS].tolist()
            hr = torch.cat([images[index] for index in chosen])
            one, other = middles(generator), middles(generator)
            units = {
                axis: abs(scaled(axis, one[axis]) - scaled(axis, other[axis])) / find_parameter(axis).step
                for axis in AXES
            }
            lr = torch.cat([around(one, hr[:PILE], generator), around(other, hr[PILE:], generator)])
            files = [Path(place) / f"{number}-{index:02d}.png" for index in range(len(lr))]
            for file, image in zip(files, lr, strict=True):
                write_image(file, image)
            alone = summarise(inspect_files(files[:PILE], network, trust=trust, device=device))
            alarms.append(1 - len(alone.main) / PILE)
            mixed = summarise(inspect_files(files, network, trust=trust, device=device))
            outside = set(range(len(files))) - set(mixed.main)
            name = next(n for n, (low, high) in DISTANCES.items() if low <= max(units.values()) < high)
            caught[name].append(len(outside & set(range(PILE, len(files)))) / STRANGERS)
            wrong.append(len(outside & set(range(PILE))) / PILE)
    table = Table(title=f"{piles} piles of {PILE} images of one source, and with {STRANGERS} of another")
    for heading in ("measured", "share", "piles"):
        table.add_column(heading, justify="left" if heading == "measured" else "right")
    for name, shares in (
        ("called apart in a pile of one source", alarms),
        *((f"strangers found, {name}", shares) for name, shares in caught.items()),
        ("called apart by mistake beside strangers", wrong),
    ):
        table.add_row(name, f"{np.mean(shares):.3f}" if shares else "", str(len(shares)))
    return table


def blur_table(images: list[Tensor], network: DegNet, hr: Path, piles: int, device: str) -> Table:
    """How far off the blur is, of an image and of a pile."""
    clean, extractor = (
        inspect_clean(list_files([hr])[0], network, device=device),
        make_extractor("degnet", device=device),
    )
    generator, errors, held = torch.Generator().manual_seed(2), defaultdict(list), list[bool]()
    for _ in range(piles):
        labels = {axis: float(values) for axis, values in camera(images[0], generator)[1].items()}
        with tempfile.TemporaryDirectory() as place:
            files = [Path(place) / f"{index:02d}.png" for index in range(len(images))]
            for file, image in zip(files, images, strict=True):
                write_image(file, around(labels, image, generator)[0])
            found = inspect_files(files, network, device=device)
            values = np.array([one.axes["blur_sigma"].value for one in found.images])
            pile = summarise(found)
            measured = blur_against(clean, pile, extractor, device=device)
        held.append(measured.low <= labels["blur_sigma"] <= measured.high)
        truth = labels["blur_sigma"]
        errors["an image, by inspect"].append(values - truth)
        errors["a pile, by the median of inspect"].append(np.median(values, keepdims=True) - truth)
        errors["a pile, against clean images"].append(np.array([measured.value - truth]))
        errors["always the middle, 1.25 px"].append(np.array([1.25 - truth]))
    table = Table(
        title=f"blur of {piles} piles of {len(images)} images, px; {sum(held)} of {piles} intervals hold the truth"
    )
    for heading in ("told of", "mean error", "largest", "signed mean"):
        table.add_column(heading, justify="left" if heading == "told of" else "right")
    for name, each in errors.items():
        sizes = [np.abs(one).mean() for one in each]
        table.add_row(name, f"{np.mean(sizes):.2f}", f"{np.max(sizes):.2f}", f"{np.mean(np.concatenate(each)):+.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of clean photographs")
    parser.add_argument("--held-out", type=float, default=0.2, help="share of them that is used (0.2)")
    parser.add_argument("--draws", type=int, default=6, help="degradations of each image per suite (6)")
    parser.add_argument("--weights", type=Path, help="weights of degnet (those that come with the package)")
    parser.add_argument("--suites", nargs="+", choices=list(SUITES), default=list(SUITES), help="(all)")
    parser.add_argument("--piles", type=int, default=20, help="piles to look for strangers in (20)")
    parser.add_argument("--hr", type=Path, help="clean images of other content, to tell the blur of piles against")
    parser.add_argument("--calibrate", action="store_true", help="find and print the calibration, and use it")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    network = load_degnet(arguments.weights, arguments.device)
    grids = {axis: network.grids[axis].double().numpy() for axis in AXES}
    images = list(clean_images(arguments.images, arguments.held_out))
    console = Console(width=120)
    if arguments.hr is not None:
        console.print(blur_table(images, network, arguments.hr, arguments.piles, arguments.device))
        return
    suites = {
        name: cases_of(SUITES[name], images, arguments.draws, network, arguments.device) for name in arguments.suites
    }
    table = TRUST
    if arguments.calibrate:
        table = calibrate([case for cases in suites.values() for case in cases], grids)
        console.print("TRUST = {")
        for axis, trust in table.items():
            console.print(f'    "{axis}": Trust({trust.patch:g}, {trust.correlation:g}),')
        console.print("}")
    console.print(accuracy_table(suites, grids, table))
    console.print(pile_table(images, network, arguments.device, arguments.piles, table))


if __name__ == "__main__":
    main()
