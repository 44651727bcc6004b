"""How near each weighting comes to a truth that is known: Table 1's settings and three mixtures of them.

    python tests/benchmarks/benchmark_weightings.py --hr HR --references DIR [--references DIR] [--seeds N]
        [--weightings NAME,NAME]

HR crops 288² of one folder, references made of the other folders by each setting; degnet, 75 bins, 100 crops. Printed
are medians of the seeds of the total variation to the truth, and of the shares of bins, and of true bins, whose 95 %
interval holds the truth.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS
from degcraft.features import make_extractor
from degcraft.images import Patches, cut_structured, scan_folder
from degcraft.matching import WEIGHTINGS, join_groups, make_weighting, measure_group, weight_intervals

COUNT, SIDE, SCALE, DRAWS = 100, 72, 4, 60
MIXTURES = {"70% 1, 30% 4": (1, 4, 0.7), "50% 2, 50% 3": (2, 3, 0.5), "90% 3, 10% 1": (3, 1, 0.9)}


def references(clean: Patches, seed: int) -> Iterator[tuple[str, Patches, NDArray[np.float64]]]:
    """(name, references, truth)."""
    truths = {number: PAPER_SPACE.overlap(box) for number, box in TEST_SETTINGS.items()}
    for number, box in TEST_SETTINGS.items():
        yield f"setting {number}", known_references(clean, box, SCALE, seed), truths[number]
    for name, (first, second, share) in MIXTURES.items():
        one = known_references(clean, TEST_SETTINGS[first], SCALE, seed).pixels
        pixels = known_references(clean, TEST_SETTINGS[second], SCALE, seed + 1000).pixels.clone()
        chosen = np.random.default_rng(seed).permutation(len(clean))[: round(share * len(clean))]
        pixels[chosen] = one[chosen]
        yield name, Patches(pixels, clean.files), share * truths[first] + (1 - share) * truths[second]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path)
    parser.add_argument("--references", required=True, type=Path, action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weightings", default=",".join(WEIGHTINGS), help="names or all of them")
    args = parser.parse_args()
    weightings = args.weightings.split(",")
    extractor = make_extractor("degnet")
    found: dict[tuple[str, str, str], list[tuple[float, float, float]]] = defaultdict(list)

    def cut(folder: Path, seed: int) -> Patches:
        files = scan_folder(folder, min_side=SIDE * SCALE).files
        return cut_structured(files, size=SIDE * SCALE, count=COUNT, seed=seed, scale=SCALE)

    for seed in range(args.seeds):
        hr = cut(args.hr, seed)
        group = measure_group(PAPER_SPACE, range(PAPER_SPACE.n_bins), hr.pixels, extractor, scale=SCALE, seed=seed)
        for folder in args.references:
            clean = cut(folder, seed)
            for name, images, truth in references(clean, seed):
                measured = join_groups([group], PAPER_SPACE, hr, images, extractor, scale=SCALE, seed=seed)
                for weighting in weightings:
                    method = make_weighting(measured, weighting)
                    weights, draws = method.weights(), method.draws(DRAWS, seed)
                    if (blocks := method.blocks) is not None:
                        weights, draws = blocks.spread(weights), np.stack([blocks.spread(row) for row in draws])
                    low, high = weight_intervals(weights, draws)
                    held = (low <= truth + 1e-9) & (truth <= high + 1e-9)
                    apart = float(np.abs(weights - truth).sum() / 2)
                    found[folder.name, weighting, name].append(
                        (apart, float(held.mean()), float(held[truth > 0].mean()))
                    )

    console = Console(width=150)
    columns = [*(f"setting {number}" for number in TEST_SETTINGS), *MIXTURES]
    for place, title in enumerate(("total variation", "bins whose interval holds the truth", "true bins of those")):
        table = Table("references", "weighting", *columns, title=f"{title}, medians of {args.seeds} seeds")
        for folder in args.references:
            for weighting in weightings:
                rows = [np.median([one[place] for one in found[folder.name, weighting, name]]) for name in columns]
                table.add_row(folder.name, weighting, *(f"{value:.2f}" for value in rows))
        console.print(table)


if __name__ == "__main__":
    main()
