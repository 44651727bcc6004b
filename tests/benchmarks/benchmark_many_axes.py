"""Blocks of a space of eight axes (614,400 bins): how near they come to truths that are known, and what they cost.

    python tests/benchmarks/benchmark_many_axes.py --hr HR --references DIR

HR crops 288² of one folder; references are crops of the other, degraded by a box, by two boxes far from each other, and
by two boxes whose blur and noise go together. Printed are the total variation of each axis' marginal to the truth,
beside that of the uniform one, and that of blur and noise together, beside that of the product of the marginals found.
The time is that of `measure` over that of the paper's 75 bins, in one run, and the peak of memory is of both.
"""

import argparse
import dataclasses
import resource
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE, Axis, Box, BoxSource, DegradationSpace
from degcraft.features import make_extractor
from degcraft.images import Patches, cut_structured, scan_folder
from degcraft.matching import craft, image_features, measure

COUNT, SIDE, SCALE = 100, 72, 4
SPACE = DegradationSpace(
    tuple(
        Axis.parse(text)
        for text in (
            "blur_sigma:0:5:10", "blur_ratio:0.2:1:4", "reduction:bicubic,area,lanczos", "noise_level:0:50:10",
            "noise_common:0:1:4", "noise_grain:0:2:4", "sharpening:0:2:4", "jpeg_quality:30:100:7:none",
        )
    )
)  # fmt: skip
PLAIN = {
    "blur_ratio": (1.0, 1.0), "reduction": (0.0, 0.0), "noise_common": (0.0, 0.0), "noise_grain": (0.0, 0.0),
    "sharpening": (0.0, 0.0),
}  # fmt: skip
NONE = (float("inf"), float("inf"))
CAMERA: Box = {**PLAIN, "blur_sigma": (1, 2.5), "noise_level": (5, 15), "jpeg_quality": (60, 80)}
SHARPENED: Box = {
    **PLAIN, "blur_sigma": (0.5, 1.5), "noise_level": (2, 8), "jpeg_quality": (90, 100), "noise_grain": (1, 1.5),
    "sharpening": (1, 1.8),
}  # fmt: skip
FILM: Box = {
    **PLAIN, "blur_sigma": (3, 4), "noise_level": (20, 30), "jpeg_quality": NONE, "noise_common": (0.8, 1),
    "noise_grain": (1, 1.5),
}  # fmt: skip
NOISY: Box = {**PLAIN, "blur_sigma": (0.5, 1.5), "noise_level": (25, 40), "jpeg_quality": (50, 90)}
BLURRED: Box = {**PLAIN, "blur_sigma": (3, 4.5), "noise_level": (0, 10), "jpeg_quality": (50, 90)}
TRUTHS: dict[str, list[Box]] = {
    "camera": [CAMERA],
    "sharpened": [SHARPENED],
    "film": [FILM],
    "camera or film": [CAMERA, FILM],
    "noisy or blurred": [NOISY, BLURRED],
}


def degraded(clean: Patches, truth: list[Box]) -> tuple[Patches, NDArray[np.float32]]:
    """The references, every second one by the second box, and what each axis had."""
    generator, places = torch.Generator().manual_seed(0), np.random.default_rng(0).permutation(len(clean))
    lr = torch.empty(len(clean), 3, SIDE, SIDE, dtype=torch.uint8)
    drawn = []
    for box, mine in zip(truth, np.array_split(places, len(truth)), strict=True):
        found, degradation = BoxSource(box).degrade(clean.pixels[mine].float() / 255, SCALE, generator)
        lr[mine] = (found * 255).round().byte()
        drawn.append(np.stack([degradation.parameters[axis.name].numpy() for axis in SPACE.axes], axis=1))
    return dataclasses.replace(clean, pixels=lr), np.concatenate(drawn)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path)
    parser.add_argument("--references", required=True, type=Path)
    args = parser.parse_args()
    console, extractor = Console(width=170), make_extractor("degnet")
    hr, clean = (
        cut_structured(
            scan_folder(folder, min_side=SIDE * SCALE).files, size=SIDE * SCALE, count=COUNT, seed=0, scale=SCALE
        )
        for folder in (args.hr, args.references)
    )
    names = [axis.name for axis in SPACE.axes]
    blur, noise = names.index("blur_sigma"), names.index("noise_level")
    table = Table("references", "blocks", *names, "blur and noise (product)", title="total variation (of uniform)")
    measured = seconds = None
    for name, truth in TRUTHS.items():
        images, drawn = degraded(clean, truth)
        if measured is None:
            started = time.perf_counter()
            measure(PAPER_SPACE, hr, images, extractor, scale=SCALE)
            between = time.perf_counter()
            measured = measure(SPACE, hr, images, extractor, scale=SCALE)
            seconds = (between - started, time.perf_counter() - between)
        features = image_features(images.pixels, extractor).astype(np.float16)
        crafted = craft(
            dataclasses.replace(measured, references=features), {"name": "blocks", "whole": 0.0}, intervals=False
        )
        cells = SPACE.cells_of(drawn)
        row = []
        for place, count in enumerate(SPACE.shape):
            expected = np.bincount(cells[:, place], minlength=count) / len(cells)
            apart = np.abs(crafted.parts.marginal(crafted.weights, place) - expected).sum() / 2
            row.append(f"{apart:.2f} ({np.abs(expected - 1 / count).sum() / 2:.2f})")
        joint, expected = (
            crafted.parts.marginal(crafted.weights, blur, noise),
            np.zeros((SPACE.shape[blur], SPACE.shape[noise])),
        )
        np.add.at(expected, (cells[:, blur], cells[:, noise]), 1 / len(cells))
        product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
        both = [np.abs(one - expected).sum() / 2 for one in (joint, product)]
        table.add_row(name, str(len(crafted.parts)), *row, f"{both[0]:.2f} ({both[1]:.2f})")
    console.print(table)
    assert seconds is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(
        f"measuring {SPACE.n_bins:,} bins took {seconds[1] / seconds[0]:.2f} times as long as the paper's 75 "
        f"({seconds[1]:.0f} s, {seconds[0]:.0f} s); peak {peak:.1f} GiB"
    )


if __name__ == "__main__":
    main()
