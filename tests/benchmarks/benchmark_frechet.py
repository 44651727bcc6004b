"""Fréchet distances of 75 bins, n = 100 images, against covariances and scipy's sqrtm.

    python tests/benchmarks/benchmark_frechet.py [--reference-bins K K]

The reference is equation 3 as it is usually programmed: both covariances, scipy.linalg.sqrtm of their product, its
trace. It takes minutes to an hour for 75 bins, so it is timed on a few of them and its time scaled up; the column
"reference bins" says how many. Both sides get the same features, in float64, and as many threads as OMP_NUM_THREADS
says.
"""

import argparse
import time
import warnings

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from degcraft.matching import frechet_distances

BINS, IMAGES = 75, 100
REQUIRED = {512: 100.0, 2048: 1000.0}
REPETITIONS = 5


def by_covariances(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The squared distance of (n, c) to (m, c) by c×c matrices."""
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sqrtm says that a product of 100 images' covariances is singular
        root = scipy.linalg.sqrtm(first @ second)
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(means + np.trace(first) + np.trace(second) - 2 * np.trace(root).real)


def features(c: int, seed: int) -> NDArray[np.float64]:
    """Non-negative features whose spectrum falls, as those of a network do."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(0).standard_normal((c, c)) / np.arange(1, c + 1)[:, None] ** 0.5
    return np.maximum(rng.standard_normal((IMAGES, c)) @ mix + seed / BINS, 0)


def main() -> None:
    """Measures, prints the table, and fails when a ratio falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference-bins", type=int, nargs=2, default=[3, 1], metavar="K", help="for c = 512 and 2048")
    arguments = parser.parse_args()

    table = Table(title=f"{BINS} bins, n = m = {IMAGES}, float64, CPU")
    columns = ("c", "ours s", "reference s", "reference bins", "ratio", "asked", "relative difference")
    for column in columns:
        table.add_column(column, justify="right")
    met = True
    for (c, required), timed in zip(REQUIRED.items(), arguments.reference_bins, strict=True):
        bins = np.stack([features(c, seed) for seed in range(1, BINS + 1)])
        reference = features(c, BINS + 1)
        frechet_distances(bins[:2], reference)
        times = []
        for _ in range(REPETITIONS):
            start = time.perf_counter()
            distances = frechet_distances(bins, reference)
            times.append(time.perf_counter() - start)
        ours = float(np.median(times))
        start = time.perf_counter()
        expected = [by_covariances(one, reference) for one in bins[:timed]]
        theirs = (time.perf_counter() - start) / timed * BINS
        ratio = theirs / ours
        met &= ratio >= required
        table.add_row(
            str(c),
            f"{ours:.3f}",
            f"{theirs:.0f}",
            f"{timed}, time × {BINS / timed:g}",
            f"{ratio:.0f}×",
            f"{required:.0f}×",
            f"{np.abs(distances[:timed] / expected - 1).max():.1e}",
        )
    Console(width=110).print(table)
    if not met:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
