"""Seconds per stage from images in memory to weights: 75 bins × 100 images of 72², one light extractor.

    python tests/benchmarks/benchmark_weights.py [--extractor NAME] [--layer L] [--weights-file FILE] [--device D]

Threads follow OMP_NUM_THREADS. Without a weights file SqueezeNet gets seeded random values in its own layout: its speed
does not depend on them, its weights then mean nothing. The images are crops of the photographs that scikit-image
carries. The stages are timed one after the other; the last line is `measure`, which does all of them in one
go, bin by bin.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import save_file
from skimage import data
from torchvision.models import squeezenet1_1

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import Patches
from degcraft.matching import (
    craft_weights,
    degrade_bin,
    effective_bins,
    frechet_distances,
    image_features,
    measure,
)

IMAGES, SIDE, SCALE = 100, 72, 4
AIM_SECONDS = 10.0


def crops(seed: int) -> Patches:
    """IMAGES clean crops of SIDE × SCALE pixels."""
    rng = np.random.default_rng(seed)
    size = SIDE * SCALE
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    pixels = []
    for index in range(IMAGES):
        image = sources[index % len(sources)]
        y, x = (int(rng.integers(side - size + 1)) for side in image.shape[:2])
        pixels.append(torch.from_numpy(image[y : y + size, x : x + size].transpose(2, 0, 1).copy()))
    return Patches(torch.stack(pixels), tuple(f"crop {index}" for index in range(IMAGES)))


def extractor_of(arguments: argparse.Namespace) -> FeatureExtractor:
    """The chosen extractor; SqueezeNet without a file gets seeded values."""
    chosen = {"layer": arguments.layer, "device": arguments.device}
    if arguments.extractor != "squeezenet" or arguments.weights_file is not None:
        return make_extractor(arguments.extractor, weights_file=arguments.weights_file, **chosen)
    with torch.device("meta"):
        layout = squeezenet1_1(weights=None).state_dict()
    generator = torch.Generator().manual_seed(0)
    values = {
        key: torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5
        for key, value in layout.items()
        if key.startswith("features.")
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "squeezenet1_1.safetensors"
        save_file(values, file)
        return make_extractor("squeezenet", weights_file=file, **chosen)


def main() -> None:
    """Measures and prints the table; the aim is an aim, so nothing fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", default="squeezenet")
    parser.add_argument("--layer")
    parser.add_argument("--weights-file")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    extractor = extractor_of(arguments)
    device = arguments.device
    hr = crops(0)
    clean = hr.images().to(device)
    lr, _ = BoxSource(TEST_SETTINGS[3]).degrade(crops(1).images(), SCALE, torch.Generator().manual_seed(0))
    references = Patches((lr * 255).round().to(torch.uint8), hr.files)
    seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        if device != "cpu":
            torch.cuda.synchronize()
        seconds[stage] = (time.perf_counter() - wall, time.process_time() - cpu)

    def degraded(index: int) -> torch.Tensor:
        return degrade_bin(PAPER_SPACE, index, clean, scale=SCALE, seed=0, device=device)[0]

    bins = range(PAPER_SPACE.n_bins)
    extractor(degraded(0))  # the first call pays for what is made once
    with timed("degrade"):
        images = [degraded(index) for index in bins]
    with timed("extract"):
        target = image_features(references.pixels, extractor, device=device)
        features = [image_features(batch, extractor, device=device) for batch in images]
    del images
    with timed("distance"):
        distances = frechet_distances(features, target)
    with timed("weights"):
        weights = craft_weights(distances, 25)
    total = tuple(sum(column) for column in zip(*seconds.values(), strict=True))
    with timed("all, bin by bin"):
        together = measure(PAPER_SPACE, hr, references, extractor, scale=SCALE, device=device)
    np.testing.assert_allclose(together.distances, distances, rtol=1e-2)  # half precision

    table = Table(
        title=f"{PAPER_SPACE.n_bins} bins × {IMAGES} images of {SIDE}², {extractor.name}:{extractor.layer} "
        f"({extractor.dimensions} features), {device}, {torch.get_num_threads()} threads"
    )
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("CPU seconds", justify="right")
    whole = seconds.pop("all, bin by bin")
    for stage, spent in seconds.items():
        table.add_row(stage, *(f"{value:.3f}" for value in spent))
    table.add_section()
    table.add_row("sum", *(f"{value:.2f}" for value in total))
    table.add_row("measure", *(f"{value:.2f}" for value in whole))
    console = Console(width=110)
    console.print(table)
    console.print(f"aim: {AIM_SECONDS:g} s; effective bins of the weights {effective_bins(weights):.1f}")


if __name__ == "__main__":
    main()
