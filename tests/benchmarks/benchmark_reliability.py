"""What `assess` says of references whose source is known: false alarms inside the space, alarms outside of it.

    python tests/benchmarks/benchmark_reliability.py --hr DIR [--references DIR] [--extractor NAME]
        [--weights-file FILE] [--weighting NAME] [--count N] [--seeds N] [--device D]

Without --references a third of the files of --hr plays that part. Inside lie the four test settings and single random
bins; "softer" are the same settings on photographs reduced to 0.6, so that the content differs in sharpness. Outside
lie blur, noise and compression beyond the ranges, none at all, and motion blur. Where an axis is blamed, the space that
is advised is tried, up to three times.
"""

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, Box, Degradation, DegradationSpace, degrade
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import HrPool, Patches, cut_structured, scan_folder, to_uint8
from degcraft.matching import (
    Group,
    Reliability,
    assess,
    crafted_features,
    join_groups,
    make_weighting,
    measure_group,
)
from degcraft.matching.crafting import crafted_by

SIZE, SCALE = 72, 4

OUTSIDE: dict[str, dict[str, float]] = {
    "blur sigma 8": {"blur_sigma": 8.0, "noise_level": 10.0, "jpeg_quality": 70.0},
    "noise 80": {"blur_sigma": 1.0, "noise_level": 80.0, "jpeg_quality": 70.0},
    "JPEG quality 15": {"blur_sigma": 1.0, "noise_level": 10.0, "jpeg_quality": 15.0},
    "no noise, no JPEG": {"blur_sigma": 1.0},
}
MOTION = {"motion blur 16": 16, "motion blur 32": 32}
"""Lengths in HR pixels."""


def fixed(hr: Tensor, seed: int, **values: float) -> Tensor:
    """(n, 3, h, w) uint8: all images with the same parameters."""
    parameters = {axis: torch.full((len(hr),), value) for axis, value in values.items()}
    return to_uint8(degrade(hr, Degradation(parameters), SCALE, torch.Generator().manual_seed(seed)))


def moved(hr: Tensor, length: int, seed: int) -> Tensor:
    """Each image blurred along a random straight line."""
    random, reach, blurred = np.random.default_rng(seed), length // 2, []
    for image in hr:
        angle = random.uniform(0, math.pi)
        steps = np.linspace(-length / 2, length / 2, 8 * length)
        kernel = torch.zeros(2 * reach + 1, 2 * reach + 1)
        for y, x in zip((steps * math.sin(angle)).round(), (steps * math.cos(angle)).round(), strict=True):
            kernel[reach + int(y), reach + int(x)] += 1 / len(steps)
        padded = F.pad(image[:, None], (reach,) * 4, mode="reflect")
        blurred.append(F.conv2d(padded, kernel[None, None])[:, 0])
    return torch.stack(blurred).clamp(0, 1)


def sources(clean: Patches, softer: Patches, seed: int) -> Iterator[tuple[str, str, Patches]]:
    """(kind, name, references)."""

    def known(patches: Patches, box: Box) -> Patches:
        return known_references(patches, box, SCALE, seed)

    for number, box in TEST_SETTINGS.items():
        yield "inside", f"setting {number}", known(clean, box)
    for index in np.random.default_rng(seed).permutation(PAPER_SPACE.n_bins)[:4]:
        yield "inside", f"bin {index}", known(clean, PAPER_SPACE.bounds(int(index)))
    for number, box in TEST_SETTINGS.items():
        yield "softer", f"setting {number}", known(softer, box)
    hr = clean.images()
    for name, values in OUTSIDE.items():
        yield "outside", name, Patches(fixed(hr, seed, **values), clean.files)
    for name, length in MOTION.items():
        lr = fixed(moved(hr, length, seed), seed, noise_level=5.0, jpeg_quality=80.0)
        yield "outside", name, Patches(lr, clean.files)


def softer_patches(files: list[Path], count: int, seed: int) -> Patches:
    """Crops of photographs reduced to 0.6 of their size."""
    pool = HrPool.from_files(files, min_side=math.ceil(SIZE * SCALE / 0.6), seed=seed)
    crops = pool.crop_batch(count, math.ceil(SIZE * SCALE / 0.6), torch.Generator().manual_seed(seed))
    side = SIZE * SCALE
    reduced = F.interpolate(crops, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return Patches(to_uint8(reduced), tuple(str(files[index % len(files)]) for index in range(count)))


class Judge:
    """Measures the bins of a space once for all references."""

    def __init__(self, hr: Patches, extractor: FeatureExtractor, arguments: argparse.Namespace, seed: int) -> None:
        self._hr, self._extractor, self._weighting, self._seed = hr, extractor, arguments.weighting, seed
        self._device = arguments.device
        self._groups: dict[DegradationSpace, Group] = {}

    def __call__(self, space: DegradationSpace, references: Patches) -> Reliability:
        settings = {"scale": SCALE, "seed": self._seed, "device": self._device}
        if space not in self._groups:
            bins = range(space.n_bins)
            self._groups[space] = measure_group(space, bins, self._hr.pixels, self._extractor, **settings)
        measured = join_groups([self._groups[space]], space, self._hr, references, self._extractor, **settings)
        method = make_weighting(measured, self._weighting)
        draws = method.draws(30, self._seed, widened=False)
        crafted = crafted_by(method, measured, self._weighting, draws=None)
        made = crafted_features(crafted, measured, self._hr, self._extractor, device=self._device)
        return assess(
            measured, method, draws=draws, files=references.names(), scenes=measured.reference_groups, crafted=made
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", type=Path, required=True)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--extractor", default="degnet")
    parser.add_argument("--weights-file", type=Path)
    parser.add_argument("--weighting", default="confusion")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    files = list(scan_folder(arguments.hr, min_side=math.ceil(SIZE * SCALE / 0.6)).files)
    others = files[::3]
    if arguments.references is None:
        files = [file for index, file in enumerate(files) if index % 3]
    else:
        others = list(scan_folder(arguments.references, min_side=math.ceil(SIZE * SCALE / 0.6)).files)
    extractor = make_extractor(arguments.extractor, weights_file=arguments.weights_file, device=arguments.device)
    table = Table("kind", "source", "told apart", "chance", "axis", "beyond", "moved", "cautions", "after the advice")
    outcomes: dict[str, list[tuple[list[str], list[str]]]] = {}
    for seed in range(arguments.seeds):
        hr = cut_structured(files, size=SIZE * SCALE, count=arguments.count, seed=seed, scale=SCALE)
        clean = cut_structured(others, size=SIZE * SCALE, count=arguments.count, seed=seed, scale=SCALE)
        softer = softer_patches(others, arguments.count, seed)
        judged = Judge(hr, extractor, arguments, seed)
        for kind, name, references in sources(clean, softer, seed):
            found = judged(PAPER_SPACE, references)
            codes, after = [one.code for one in found.cautions], []
            if advised := [re.findall(r"--axis (\S+)", one.message) for one in found.cautions if one.code == "axis"]:
                # Advice is followed up to three times, as a person would.
                steps = advised[0]
                for _ in range(3):
                    again = judged(DegradationSpace(tuple(Axis.parse(text) for text in steps)), references)
                    after = [one.code for one in again.cautions]
                    steps = [text for one in again.cautions for text in re.findall(r"--axis (\S+)", one.message)]
                    if not steps:
                        break
            outcomes.setdefault(kind, []).append((codes, after))
            measures = found.measures
            axis, fit = max(measures["axes"].items(), key=lambda item: item[1]["accuracy"], default=("", None))
            table.add_row(
                kind, name, f"{measures['told_apart']['accuracy']:.2f}", f"{measures['told_apart']['chance']:.2f}",
                "" if fit is None else f"{axis} {fit['accuracy']:.2f}",
                "" if fit is None else f"{max(fit['below'], fit['above'], fit['without']):.2f}",
                f"{measures['weight_moved']:.2f}", " ".join(codes), " ".join(after) if "axis" in codes else "",
            )  # fmt: skip
    console = Console(width=150)
    console.print(table)
    for kind, rows in outcomes.items():
        unlike = [
            ("axis" in codes or "content" in codes, "axis" in after or "content" in after) for codes, after in rows
        ]
        console.print(
            f"{kind} ({len(rows)}): {np.mean([one for one, _ in unlike]):.0%} cautioned of an axis or the content, "
            f"{np.mean([other for _, other in unlike]):.0%} after the advice was followed",
            highlight=False,
        )


if __name__ == "__main__":
    main()
