"""Degrading 100 images of 288² to 72² on the CPU in one process, against an OpenCV loop over the images.

    python tests/benchmarks/benchmark_degrading.py [--threads N] [--repetitions N]

Both sides apply the same parameters, drawn from the paper's space, and take the images as float32 in the
layout they like best. The loop is what training pipelines of the field do: filter2D with a 21x21 Gaussian,
INTER_AREA resize (which averages every pixel that it drops), Gaussian noise, JPEG encode and decode. Both are
given the same number of threads and alternate, so that a change in the machine's load meets both. With more
than one thread on a machine that does other work too, set OMP_WAIT_POLICY=passive: spinning threads then only
wait for each other.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from skimage import data

from degcraft.degradation import PAPER_SPACE, Degradation, degrade

COUNT, SIZE, SCALE = 100, 288, 4
REQUIRED = 4.0


def photographs() -> NDArray[np.uint8]:
    """(COUNT, SIZE, SIZE, 3) uint8 crops of photographs that scikit-image carries."""
    rng = np.random.default_rng(0)
    sources = [data.astronaut(), data.coffee(), data.chelsea()]
    crops = []
    for index in range(COUNT):
        image = sources[index % len(sources)]
        top = rng.integers(image.shape[0] - SIZE + 1)
        left = rng.integers(image.shape[1] - SIZE + 1)
        crops.append(image[top : top + SIZE, left : left + SIZE])
    return np.stack(crops)


def opencv_loop(
    images: NDArray[np.float32], rows: list[dict[str, float]], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(n,H,W,3) float32 BGR in [0,1] → (n,h,w,3)."""
    results = []
    for image, row in zip(images, rows, strict=True):
        line = cv2.getGaussianKernel(21, max(row["blur_sigma"], 1e-3), cv2.CV_32F)
        blurred = cv2.filter2D(image, -1, line @ line.T, borderType=cv2.BORDER_REFLECT)
        small = cv2.resize(blurred, None, fx=1 / SCALE, fy=1 / SCALE, interpolation=cv2.INTER_AREA)
        noise = rng.standard_normal(small.shape, dtype=np.float32)
        noisy = small + noise * np.float32(row["noise_level"] / 255)
        pixels = np.clip(noisy * 255, 0, 255).round().astype(np.uint8)
        options = [
            cv2.IMWRITE_JPEG_QUALITY,
            round(row["jpeg_quality"]),
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        ]
        _, file = cv2.imencode(".jpg", pixels, options)
        results.append(cv2.imdecode(file, cv2.IMREAD_COLOR).astype(np.float32) / 255)
    return np.stack(results)


def seconds(work: Callable[[], Any]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measures, prints the table, and fails when the ratio falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="for both sides")
    parser.add_argument("--repetitions", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)

    pixels = photographs()
    loop_images = pixels[..., ::-1].astype(np.float32) / 255
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).contiguous()
    generator = torch.Generator().manual_seed(0)
    degradation = PAPER_SPACE.each_bin.sample(PAPER_SPACE.uniform_weights(), COUNT, generator)
    rows = degradation.rows()
    rng = np.random.default_rng(0)

    def loop(parameters: list[dict[str, float]] = rows) -> NDArray[np.float32]:
        return opencv_loop(loop_images, parameters, rng)

    def batched(parameters: Degradation = degradation) -> torch.Tensor:
        return degrade(batch, parameters, SCALE, generator)

    loop(), batched()
    times: dict[str, list[float]] = {"loop": [], "batched": []}
    for _ in range(arguments.repetitions):
        times["loop"].append(seconds(loop))
        times["batched"].append(seconds(batched))

    # Without noise both sides make nearly the same pictures; INTER_AREA against bicubic is the rest.
    still = Degradation({**degradation.parameters, "noise_level": torch.zeros(COUNT)})
    theirs = torch.from_numpy(loop(still.rows())[..., ::-1].copy()).permute(0, 3, 1, 2)
    difference = 255 * float((batched(still) - theirs).abs().mean())

    ratios = [a / b for a, b in zip(times["loop"], times["batched"], strict=True)]
    table = Table(
        title=f"{COUNT} images {SIZE}² → {SIZE // SCALE}², CPU, {arguments.threads} thread(s) each, "
        f"{arguments.repetitions} alternating repetitions"
    )
    for column in ("what", "median ms", "fastest ms", "slowest ms"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, label in (("loop", "OpenCV, image by image"), ("batched", "degcraft.degradation.degrade")):
        milliseconds = [1000 * value for value in times[name]]
        figures = (np.median(milliseconds), min(milliseconds), max(milliseconds))
        table.add_row(label, *(f"{value:.1f}" for value in figures))
    console = Console()
    console.print(table)
    ratio = float(np.median(ratios))
    console.print(f"median ratio {ratio:.2f}x (at least {REQUIRED:g}x wanted), {min(ratios):.2f} to {max(ratios):.2f}")
    console.print(f"mean difference of the pictures without noise: {difference:.2f} of 255")
    if ratio < REQUIRED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
