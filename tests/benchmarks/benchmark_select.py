"""Do chosen references stand for a pile better than drawn ones?

    python tests/benchmarks/benchmark_select.py --hr DIR [--more DIR] [--setting 3] [--numbers 25,50,100]
        [--repeats 25]

A pile of LR files is made of crops of photographs, those of --more and two thirds of --hr, degraded by a setting of
the paper's Table 1. From it N files are chosen (`degcraft select`) and N are drawn, `--repeats` times with other seeds.
From each set 100 patches are cut as `degcraft weights` cuts them, and weights are crafted (eq. 4, alpha 25) against the
75 bins applied to 100 crops of the other third of --hr. Printed for chosen and drawn: the set's squared Fréchet
distance to the pile; total variation of the weights between two repeats, and to the weights of the whole pile's patches
(0 to 1); and the spread of the distances of the bins between repeats, standard deviation over mean (the bars of the
paper's Figure 3c): of the nearest bin of the whole pile, and the median over all bins.
"""

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import cut_structured, read_image, scan_folder, write_image
from degcraft.matching import craft_weights, frechet_distances, image_features, measure_group
from degcraft.matching.selection import select_files

SIZE, SCALE, ALPHA, CROP, PATCHES, COUNT = 72, 4, 25.0, 384, 6, 100


def make_pile(files: list[Path], setting: int, folder: Path) -> list[Path]:
    """LR files of all crops of `CROP` pixels that lie side by side in the photographs."""
    source, made = BoxSource(TEST_SETTINGS[setting]), []
    generator = torch.Generator().manual_seed(0)
    for path in files:
        hr = read_image(path).rgb
        for y in range(0, hr.shape[1] - CROP + 1, CROP):
            for x in range(0, hr.shape[2] - CROP + 1, CROP):
                lr, _ = source.degrade(hr[None, :, y : y + CROP, x : x + CROP], SCALE, generator)
                made.append(folder / f"{path.stem}-{y}-{x}.png")
                write_image(made[-1], lr[0])
    return made


def by_file(files: list[Path], extractor: FeatureExtractor) -> tuple[list[Path], list[NDArray[np.float32]]]:
    """The files that show something, and the features of their patches, as `degcraft select` has them."""
    patches = cut_structured(files, size=SIZE, count=PATCHES * len(files), seed=0, on_jpeg_blocks=True)
    features, names = image_features(patches.pixels, extractor), np.array(patches.files)
    kept = [path for path in files if str(path) in set(patches.files)]
    return kept, [features[names == str(path)] for path in kept]


def spread(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bins,) standard deviation over mean, of (repeats, bins)."""
    return np.asarray(distances.std(axis=0, ddof=1) / distances.mean(axis=0))


def variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.abs(one - other).sum() / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", type=Path, required=True)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--setting", type=int, default=3, choices=TEST_SETTINGS)
    parser.add_argument("--numbers", default="25,50,100")
    parser.add_argument("--repeats", type=int, default=25)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    photographs = list(scan_folder(arguments.hr, min_side=CROP).files)
    others = [path for index, path in enumerate(photographs) if index % 3]
    if arguments.more is not None:
        others += scan_folder(arguments.more, min_side=CROP).files
    extractor = make_extractor("degnet")
    hr = cut_structured(photographs[::3], size=SIZE * SCALE, count=COUNT, seed=0, scale=SCALE).pixels
    group = measure_group(PAPER_SPACE, range(PAPER_SPACE.n_bins), hr, extractor, scale=SCALE, seed=0)
    bins = group["features"].astype(np.float32)
    console = Console(width=130)
    table = Table("files", "set", "distance to pile", "TV of repeats", "TV to pile's", "spread, nearest", "spread, all")
    with tempfile.TemporaryDirectory() as folder:
        pile, features = by_file(make_pile(others, arguments.setting, Path(folder)), extractor)
        whole = np.concatenate(features)
        measured = frechet_distances(bins, whole)
        weights, nearest = craft_weights(measured, ALPHA), int(measured.argmin())
        for number in map(int, arguments.numbers.split(",")):
            results: dict[str, list[tuple[float, NDArray[np.float64]]]] = {"chosen": [], "drawn": []}
            for repeat in range(arguments.repeats):
                chosen = select_files(features, number, seed=repeat)
                drawn = np.random.default_rng([repeat, 1]).permutation(len(pile))[:number]
                for name, places in (("chosen", chosen.chosen), ("drawn", tuple(drawn.tolist()))):
                    own = np.concatenate([features[place] for place in places])
                    files = [pile[place] for place in sorted(places)]
                    patches = cut_structured(files, size=SIZE, count=COUNT, seed=repeat, on_jpeg_blocks=True)
                    found = frechet_distances(bins, image_features(patches.pixels, extractor))
                    results[name].append((float(frechet_distances([own], whole)[0]), found))
            for name, each in results.items():
                away = [distance for distance, _ in each]
                distances = np.stack([found for _, found in each])
                crafted = [craft_weights(found, ALPHA) for found in distances]
                between = [variation(*pair) for pair in combinations(crafted, 2)]
                to_whole = [variation(one, weights) for one in crafted]
                spreads = spread(distances)
                table.add_row(
                    f"{number} of {len(pile)}", name, f"{np.mean(away):.5f} ({min(away):.5f} to {max(away):.5f})",
                    f"{np.mean(between):.3f}", f"{np.mean(to_whole):.3f}", f"{spreads[nearest]:.3f}",
                    f"{np.median(spreads):.4f}",
                )  # fmt: skip
            console.print(f"{number} done")
    console.print(table)


if __name__ == "__main__":
    main()
