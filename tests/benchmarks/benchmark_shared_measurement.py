"""Eight trials that share one extractor, against eight separate measurements of it.

    python tests/benchmarks/benchmark_shared_measurement.py

What a trial needs is the measurement of its extractor; `sharded_measurement` is what a search calls for it.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE
from degcraft.features import make_extractor
from degcraft.images import Patches
from tune.cluster import connected
from tune.measuring import Workers, sharded_measurement

TRIALS = 8
IMAGES = 16


def noise_images(side: int, seed: int, count: int = IMAGES) -> Patches:
    """Images of smoothed noise: the content does not matter here."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, side // 8, side // 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
    return Patches((smooth.clamp(0, 1) * 255).byte(), tuple(str(index) for index in range(count)))


def main() -> None:
    """Measure both ways in one run and print the table."""
    hr, lr, extractor = noise_images(288, 0), noise_images(72, 1), make_extractor("alexnet-random")
    measured = 0

    def count(done: int, total: int) -> None:
        nonlocal measured
        measured = done

    def need(cache: Path) -> tuple[float, int, np.ndarray]:
        nonlocal measured
        measured = 0
        start = time.perf_counter()
        found = sharded_measurement(
            PAPER_SPACE, hr, lr, extractor, scale=4, seed=0, workers=Workers(), cache=cache, progress=count
        )
        return time.perf_counter() - start, measured, found.distances

    with connected(None), tempfile.TemporaryDirectory() as folder:
        separate = [need(Path(folder) / f"separate-{index}") for index in range(TRIALS)]
        shared = [need(Path(folder) / "shared") for _ in range(TRIALS)]
    assert all(np.array_equal(distances, shared[0][2]) for _, _, distances in [*separate, *shared])
    table = Table(title=f"distances for {TRIALS} trials, 75 bins x {IMAGES} images, {extractor.name}")
    for column in ("what", "seconds", "bins measured"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, runs in (("measured by every trial", separate), ("measured once, read by the others", shared)):
        table.add_row(name, f"{sum(run[0] for run in runs):.1f}", str(sum(run[1] for run in runs)))
    console = Console()
    console.print(table)
    ratio = sum(run[0] for run in separate) / sum(run[0] for run in shared)
    console.print(
        f"ratio of the times {ratio:.1f}x; bins measured more than once: {sum(run[1] for run in shared) - 75}"
    )


if __name__ == "__main__":
    main()
