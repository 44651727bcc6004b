"""How much of the weight falls on the true bins when the references were cropped after they were compressed.

    python tests/benchmarks/benchmark_cropped.py --hr HR --references DIR [--offset 5,3] [--seeds N] [--extractor NAME]

Every photograph of --references is degraded whole by each of the test settings (all of them end with JPEG), and kept
whole, or cut off by --offset pixels at its top and left, as people crop. "blocks found" cuts patches of the cropped
images where `find_block_grid` sees their blocks begin, as `degcraft weights` does; "own corner" takes the image's
corner for that. Eq. 3 over the 75 bins, eq. 4 at alpha 25; medians of the seeds, with the least and the most.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.comparison import known_references, score_weights
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Box
from degcraft.features import make_extractor
from degcraft.images import Patches, cut_structured, read_rgb8, scan_folder, write_image
from degcraft.matching import craft_weights, join_groups, measure_group

COUNT, SIDE, SCALE, ALPHA = 100, 72, 4, 25.0
WAYS = ("whole", "cropped, own corner", "cropped, blocks found")


def write_degraded(files: Sequence[Path], box: Box, offset: tuple[int, int], seed: int, folder: Path) -> None:
    """Writes `whole/` and `cropped/`, PNG files of the photographs degraded by draws from the box."""
    for number, file in enumerate(files):
        image = read_rgb8(file)
        height, width = (side // SCALE * SCALE for side in image.shape[1:])
        clean = Patches(torch.from_numpy(image[None, :, :height, :width].copy()), (str(file),))
        lr = known_references(clean, box, SCALE, 1000 * seed + number).images()[0]
        write_image(folder / "whole" / f"{number}.png", lr)
        write_image(folder / "cropped" / f"{number}.png", lr[:, offset[0] :, offset[1] :])


def cut(folder: Path, way: str, seed: int) -> Patches:
    """The reference patches."""
    files = scan_folder(folder / way.split(",")[0], min_side=SIDE).files
    arguments = {"size": SIDE, "count": COUNT, "seed": seed, "on_jpeg_blocks": True}
    if way.endswith("own corner"):
        with mock.patch("degcraft.images.patches.find_block_grid", return_value=(0, 0)):
            return cut_structured(files, **arguments)
    return cut_structured(files, **arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path, help="clean images that the bins degrade")
    parser.add_argument("--references", required=True, type=Path, help="other clean images, to be degraded")
    parser.add_argument("--offset", default="5,3", help="pixels cut off at the top and left (5,3)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--extractor", default="degnet")
    args = parser.parse_args()
    top, left = (int(text) for text in args.offset.split(","))

    extractor = make_extractor(args.extractor)
    hr_files, clean_files = (scan_folder(each, min_side=SIDE * SCALE).files for each in (args.hr, args.references))
    shares: dict[tuple[str, int], list[float]] = {(way, number): [] for way in WAYS for number in TEST_SETTINGS}
    for seed in range(args.seeds):
        hr = cut_structured(hr_files, size=SIDE * SCALE, count=COUNT, seed=seed, scale=SCALE)
        group = measure_group(PAPER_SPACE, range(PAPER_SPACE.n_bins), hr.pixels, extractor, scale=SCALE, seed=seed)
        for number, box in TEST_SETTINGS.items():
            with tempfile.TemporaryDirectory() as folder:
                write_degraded(clean_files, box, (top, left), seed, Path(folder))
                for way in WAYS:
                    references = cut(Path(folder), way, seed)
                    measured = join_groups([group], PAPER_SPACE, hr, references, extractor, scale=SCALE, seed=seed)
                    weights = craft_weights(measured.distances, ALPHA)
                    score = score_weights(PAPER_SPACE, weights, PAPER_SPACE.overlap(box))
                    shares[way, number].append(score.on_true_bins)

    table = Table(title=f"weight on the true bins, median of {args.seeds} seeds (least–most), n = {COUNT}")
    for column in ("references", *(f"setting {number}" for number in TEST_SETTINGS)):
        table.add_column(column)
    for way in WAYS:
        found = [shares[way, number] for number in TEST_SETTINGS]
        table.add_row(way, *(f"{np.median(each):.2f} ({min(each):.2f}–{max(each):.2f})" for each in found))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
