"""How many sources `degcraft inspect` finds in piles whose sources are known.

    python tests/benchmarks/benchmark_sources.py --hr DIR [--real NAME=DIR ...] [--draws N]

Clean photographs are degraded by narrow and by wide sources (`SOURCES`) and mixed to piles; folders of real images,
`--real camera=DIR`, stand alone, pairwise (40 and 40, or as many as there are), and with six of the other. Every pile
is drawn `--draws` times. Printed per pile: sources found in each draw beside those that there are, images called
outliers, and the adjusted Rand index of the groups (L. Hubert & P. Arabie 1985): 1 for the true ones, 0 for chance.
"""

import argparse
import tempfile
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.metrics import adjusted_rand_score

from degcraft.degradation import NO_JPEG, Degradation, degrade
from degcraft.features import DegNet, load_degnet
from degcraft.images import read_image, scan_folder, write_image
from degcraft.inspection import ImageEstimate, inspect_files
from degcraft.inspection.sources import LEAST_SOURCE, find_sources

SCALE, EACH = 4, 60

Normal, Even = tuple[float, float], tuple[float, float, str]
Range = Normal | Even | None
SOURCES: dict[str, tuple[Range, Range, Range]] = {
    "clean": ((1, 0.2), (3, 1), None),
    "quality 85": ((1, 0.2), (3, 1), (85, 3)),
    "quality 50": ((1, 0.2), (3, 1), (50, 5)),
    "noise 10": ((1, 0.2), (10, 2), None),
    "blur 3": ((3, 0.3), (3, 1), None),
    "soft, noisy, 70": ((2.5, 0.3), (12, 2), (70, 4)),
    "any blur": ((0, 5, "even"), (5, 1), (75, 3)),
    "any noise": ((1, 0.2), (0, 50, "even"), (75, 3)),
    "any quality": ((1, 0.2), (5, 1), (30, 90, "even")),
    "anything": ((0, 5, "even"), (0, 50, "even"), (30, 90, "even")),
}
"""Blur, noise and quality: mean and standard deviation, or the ends of an even spread; None is no compression."""
PILES: list[dict[str, int]] = [
    *({name: 40} for name in SOURCES),
    {"anything": 20},
    {"clean": 30, "quality 85": 10},
    {"quality 85": 30, "quality 50": 10},
    {"clean": 30, "noise 10": 10},
    {"clean": 30, "blur 3": 10},
    {"clean": 30, "blur 3": 30},
    {"clean": 30, "soft, noisy, 70": 5},
    {"clean": 20, "quality 85": 20, "soft, noisy, 70": 20},
]


def degraded(files: list[Path], network: DegNet) -> dict[str, tuple[ImageEstimate, ...]]:
    """`EACH` images of every source, as they are estimated."""
    random = np.random.default_rng(0)

    def draw(values: Range) -> float:
        if values is None:
            return NO_JPEG
        return random.uniform(*values[:2]) if len(values) == 3 else max(0.0, random.normal(*values))

    found = {}
    for name, (blur, noise, quality) in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for place in random.permutation(len(files))[:EACH]:
                hr = read_image(files[place]).rgb[None]
                hr = hr[..., : hr.shape[2] // SCALE * SCALE, : hr.shape[3] // SCALE * SCALE]
                drawn = {"blur_sigma": draw(blur), "noise_level": draw(noise), "jpeg_quality": np.round(draw(quality))}
                parameters = Degradation({axis: torch.tensor([float(value)]) for axis, value in drawn.items()})
                lr = degrade(hr, parameters, SCALE, torch.Generator().manual_seed(int(place)))
                paths.append(Path(folder, f"{place}.png"))
                write_image(paths[-1], lr[0])
            found[name] = inspect_files(paths, network).images
    return found


def piles(names: list[str]) -> Iterator[dict[str, int]]:
    """Images of each source in every pile."""
    yield from PILES
    yield from ({name: 40} for name in names)
    for one, other in permutations(names, 2):
        if one < other:
            yield {one: 40, other: 40}
        yield {one: 40, other: 6}
    for name in names:
        yield {name: 40, "soft, noisy, 70": 8}
        yield {name: 40, "quality 50": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", type=Path, required=True)
    parser.add_argument("--real", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--draws", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    network = load_degnet()
    images = degraded(list(scan_folder(arguments.hr).files), network)
    real = dict(text.split("=", 1) for text in arguments.real)
    for name, folder in real.items():
        images[name] = inspect_files(scan_folder(folder).files, network).images
    table = Table("pile", "true", "found, per draw", "outliers", "Rand index")
    for pile in piles(list(real)):
        found, outliers, agreement = [], [], []
        for seed in range(arguments.draws):
            random = np.random.default_rng(seed)
            drawn = [[images[name][i] for i in random.permutation(len(images[name]))[:n]] for name, n in pile.items()]
            truth = np.repeat(np.arange(len(drawn)), [len(each) for each in drawn])
            groups, _ = find_sources([one for each in drawn for one in each])
            sizes = np.bincount(groups)
            found.append(int((sizes >= LEAST_SOURCE).sum()))
            outliers.append(int(sizes[sizes < LEAST_SOURCE].sum()))
            agreement.append(adjusted_rand_score(truth, groups))
        named = " + ".join(f"{min(n, len(images[name]))} {name}" for name, n in pile.items())
        counts = " ".join(map(str, found))
        table.add_row(named, str(len(pile)), counts, f"{np.mean(outliers):.1f}", f"{np.mean(agreement):.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
