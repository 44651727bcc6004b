"""What `assess` says of references whose source is known: false alarms inside the space, alarms outside of it.

    python tests/benchmarks/benchmark_reliability.py --hr DIR [--references DIR] [--extractor NAME]
        [--weights-file FILE] [--count N] [--seeds N] [--device D]

Without --references a third of the files of --hr plays that part. Inside lie the four test settings and single random
bins; "softer" are the same settings on photographs reduced to 0.6, so that the content differs in sharpness. Outside
lie blur, noise and compression beyond the ranges, none at all, and motion blur. The bins are read once for all
sources.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

import degcraft.matching.reliability as reliability
from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Box, Degradation, degrade
from degcraft.features import make_extractor
from degcraft.images import HrPool, Patches, cut_evident, scan_folder, to_uint8
from degcraft.matching import BinDistances, craft_weights, degrade_bin, file_numbers, image_features
from degcraft.matching.sets import ImageSet

SIZE, SCALE, ALPHA = 72, 4, 25.0

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", type=Path, required=True)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--extractor", default="degnet")
    parser.add_argument("--weights-file", type=Path)
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
    table = Table("kind", "source", "ratio", "moved", "independent", "nearest", "warnings")
    outcomes: dict[str, list[tuple[str, ...]]] = {}
    for seed in range(arguments.seeds):
        hr = cut_evident(files, size=SIZE * SCALE, count=arguments.count, seed=seed, scale=SCALE)
        clean = cut_evident(others, size=SIZE * SCALE, count=arguments.count, seed=seed, scale=SCALE)
        softer = softer_patches(others, arguments.count, seed)
        reliability.degrade_bin = kept_degrading()  # type: ignore[attr-defined]
        bins = [
            ImageSet.of(
                torch.cat(list(reliability.degrade_bin(PAPER_SPACE, i, hr.pixels, scale=SCALE, seed=seed))),
                file_numbers(hr), extractor, device=arguments.device,
            )
            for i in range(PAPER_SPACE.n_bins)
        ]  # fmt: skip
        for kind, name, references in sources(clean, softer, seed):
            target = image_features(references.pixels, extractor, device=arguments.device)
            distances = np.array([one.distance(ImageSet(target, np.arange(len(target)))) for one in bins])
            measured = BinDistances(
                distances=distances, low=distances, high=distances, excess=distances, extractor=extractor.name,
                layer=extractor.layer, extractor_identity=extractor.identity, n=len(hr), m=len(references), seed=seed,
                scale=SCALE, space=PAPER_SPACE.to_list(), hr_hash=hr.content_hash,
                reference_hash=references.content_hash,
            )  # fmt: skip
            found = reliability.assess(
                PAPER_SPACE, hr, references, extractor, measured, alpha=ALPHA, device=arguments.device
            )
            outcomes.setdefault(kind, []).append(found.codes)
            nearest = PAPER_SPACE.bounds(int(craft_weights(distances, ALPHA).argmax()))
            table.add_row(
                kind,
                name,
                *(f"{found.measures[key]:.2f}" for key in ("distance_ratio", "weight_moved")),
                f"{found.measures['independent_images']:.0f}",
                " ".join(f"{low:g}-{high:g}" for low, high in nearest.values()),
                " ".join(found.codes),
            )
    console = Console(width=130)
    console.print(table)
    for kind, codes in outcomes.items():
        shares = {
            code: sum(code in each for each in codes) / len(codes)
            for code in ("too_few", "too_alike", "out_of_space", "edge")
        }
        either = sum("out_of_space" in each or "edge" in each for each in codes) / len(codes)
        text = ", ".join(f"{code} {share:.2f}" for code, share in shares.items())
        console.print(f"{kind} ({len(codes)}): warned of {text}; out_of_space or edge {either:.2f}", highlight=False)


def kept_degrading() -> Callable[..., list[Tensor]]:
    """`degrade_bin` that keeps what it made: every source looks at the same bins."""
    kept: dict[tuple[object, ...], list[Tensor]] = {}

    def look_up(space: object, index: int, hr: Tensor, **settings: object) -> list[Tensor]:
        key = (space, index, settings["seed"])
        if key not in kept:
            kept[key] = [to_uint8(part) for part in degrade_bin(space, index, hr, **settings)]  # type: ignore[arg-type]
        return [part.float().div_(255) for part in kept[key]]

    return look_up


if __name__ == "__main__":
    main()
