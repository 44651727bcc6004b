"""How often the 95 % interval of a distance holds the mean distance of other draws of as many images.

    python tests/benchmarks/benchmark_coverage.py --hr DIR [--extractors NAME[=FILE],…] [--repeats N] [--device D]

Half of the files play the references, put through a test setting, the other half the clean images of the bins. Four
patches of 64 LR pixels are cut from each file. A draw takes files that no other draw of its kind has, and one or
several patches of each; `files` in the table says how many. Draws of one kind are compared with their own mean, with
the deviation divided by √(1 − 1/draws), as it is a mean of few. se/sd is the root mean square of the interval's
standard error over that of these deviations: 1 is exact, below 1 is too sure.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import special

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS
from degcraft.features import make_extractor
from degcraft.images import cut_patches, scan_folder
from degcraft.matching import degrade_bin, file_numbers, frechet_distance, half_distances, image_features
from degcraft.matching.intervals import SPLITS

SIDE, SCALE, PER_FILE = 64, 4, 4
BINS = {1: (5, 0), 2: (22, 40), 3: (34, 37), 4: (58, 74)}
"""Setting → bins it is compared with: one that it holds, one that it does not."""
PLANS = ((25, 1), (45, 1), (50, 2), (100, 4))
"""Images of a draw, patches per file."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Features of images, and the file of each."""

    features: NDArray[np.float32]
    groups: NDArray[np.intp]


def draws(sets: ImageSet, images: int, per_file: int, random: np.random.Generator) -> list[ImageSet]:
    """As many sets of different files as there are, each of patches of files drawn at random."""
    files = random.permutation(np.unique(sets.groups))
    each = images // per_file
    found = []
    for start in range(0, len(files) - each + 1, each):
        places = [
            random.permutation(np.flatnonzero(sets.groups == file))[:per_file] for file in files[start : start + each]
        ]
        chosen = np.concatenate(places)
        found.append(ImageSet(sets.features[chosen], sets.groups[chosen]))
    return found


def covered(
    pairs: list[tuple[ImageSet, ImageSet]], *, by_file: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations of the draws' distances from their expectation, and the standard errors that go with them."""
    distances, errors = [], []
    for one, other in pairs:
        distances.append(frechet_distance(one.features, other.features))
        halves = half_distances(
            one.features, other.features,
            groups=one.groups if by_file else None, reference_groups=other.groups if by_file else None,
        )  # fmt: skip
        errors.append(np.sqrt(np.mean((halves[:, 0] - halves[:, 1]) ** 2)) / 2)
    values = np.array(distances)
    return (values - values.mean()) / (1 - 1 / len(values)) ** 0.5, np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", type=Path, required=True)
    parser.add_argument("--extractors", default="degnet,alexnet-random")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    files = scan_folder(arguments.hr, min_side=SIDE * SCALE).files
    sides = [
        cut_patches(part, size=SIDE * SCALE, count=PER_FILE * len(part), seed=0) for part in (files[::2], files[1::2])
    ]
    groups = [file_numbers(side) for side in sides]
    reach = float(special.stdtrit(SPLITS, 0.975))
    table = Table("extractor", "images", "files", "cut by", "pairs", "coverage", "se/sd")
    for choice in arguments.extractors.split(","):
        name, _, file = choice.partition("=")
        extractor = make_extractor(name, weights_file=file or None, device=arguments.device)

        cases = []
        for number, bins in BINS.items():
            references = known_references(sides[1], TEST_SETTINGS[number], SCALE, seed=0)
            target = ImageSet(image_features(references.pixels, extractor, device=arguments.device), groups[1])
            for index in bins:
                lr, _ = degrade_bin(PAPER_SPACE, index, sides[0].pixels, scale=SCALE, seed=0)
                found = image_features(lr, extractor, device=arguments.device)
                cases.append((ImageSet(found, groups[0]), target))
        for images, per_file in PLANS:
            for by_file in (False, True) if per_file > 1 else (False,):
                random = np.random.default_rng(0)
                deviations, errors = [], []
                for _ in range(arguments.repeats):
                    for pair in cases:
                        sets = [draws(one, images, per_file, random) for one in pair]
                        if min(map(len, sets)) < 2:
                            continue
                        deviation, error = covered(list(zip(*sets, strict=False)), by_file=by_file)
                        deviations.append(deviation)
                        errors.append(error)
                if not deviations:
                    continue
                deviation, error = np.concatenate(deviations), np.concatenate(errors)
                table.add_row(
                    name, str(images), str(images // per_file), "file" if by_file else "image", str(len(error)),
                    f"{(np.abs(deviation) <= reach * error).mean():.3f}",
                    f"{(np.mean(error**2) / np.mean(deviation**2)) ** 0.5:.2f}",
                )  # fmt: skip
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
