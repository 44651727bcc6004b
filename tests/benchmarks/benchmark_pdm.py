"""What PDM learns of degradations that are known.

    python tests/benchmarks/benchmark_pdm.py --hr HR --references DIR [--steps 600] [--cases NAME/NAME] [--device D]

Protocol, written before a look: clean photographs of --references are degraded x4 by a kernel and noise of the case,
--hr holds other photographs; the small networks of `pdm train --quick`, batch 8. Printed are, of the averaged weights
at the beginning, half-way and at the end, the standard deviations of the drawn kernels along and across (mean and
spread over 256 draws) and the angle of the mean kernel beside those of the true ones, the cosine of the mean kernels,
the correlation of the noise of neighbours, and the noise on dark, middle and bright flat images, beside the truth, both
behind the JPEG of a case that has one. The penalty is what `pdm train` takes, or, as published, on the noise's size.
"""

import argparse
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.images import HrPool, read_rgb8, scan_folder, to_uint8
from degcraft.learned import Compression, LearnedDegradation, Penalty, kernel_moments, pdm_task, unpaired_crops
from degcraft.training import Loop, MadeBatches

SCALE, SIZE, DRAWS = 4, 21, 256


@dataclass(frozen=True)
class Case:
    """A truth."""

    wide: tuple[float, float]
    """Range of the standard deviation along, HR pixels."""
    narrow: tuple[float, float] | None
    """Across; None for round kernels."""
    noise: float
    """Standard deviation, 8-bit units."""
    shot: bool = False
    """Whether it grows with the root of the brightness, `noise` being that of the middle."""
    grain: float = 0.0
    """Standard deviation of a blur of the noise, LR pixels, after which it is as strong as before."""
    motion: bool = False
    """Whether kernels are even lines of the length `wide`, blurred by 0.5 px, in place of Gaussians."""
    jpeg: int | None = None
    """Quality of a JPEG behind it, which what is learned stands before, too."""
    penalty: Penalty = "mean"


CASES = {
    "round": Case((2.0, 2.0), None, 0.0),
    "round, drawn": Case((1.0, 3.0), None, 5.0),
    "long": Case((3.0, 3.0), (1.0, 1.0), 5.0),
    "noisy": Case((1.5, 1.5), None, 15.0),
    "noisy, size": Case((1.5, 1.5), None, 15.0, penalty="size"),
    "shot": Case((1.5, 1.5), None, 10.0, shot=True),
    "grain": Case((1.5, 1.5), None, 15.0, grain=0.7),
    "jpeg": Case((1.5, 1.5), None, 10.0, jpeg=80),
    "motion": Case((10.0, 10.0), (0.5, 0.5), 5.0, motion=True),
}
ANGLE = 0.6


def true_kernels(case: Case, count: int, random: np.random.Generator) -> Tensor:
    """(count, size²) about the middle of an LR pixel."""
    places = torch.arange(SIZE) - SIZE // 2 - 0.5
    y, x = torch.meshgrid(places, places, indexing="ij")
    along, across = x * np.cos(ANGLE) + y * np.sin(ANGLE), -x * np.sin(ANGLE) + y * np.cos(ANGLE)
    found = []
    for _ in range(count):
        wide = random.uniform(*case.wide)
        narrow = wide if case.narrow is None else random.uniform(*case.narrow)
        if case.motion:
            shape = torch.erf((along + wide / 2) / narrow / 2**0.5) - torch.erf((along - wide / 2) / narrow / 2**0.5)
        else:
            shape = torch.exp(-((along / wide) ** 2) / 2)
        kernel = (shape * torch.exp(-((across / narrow) ** 2) / 2)).flatten()
        found.append(kernel / kernel.sum())
    return torch.stack(found).float()


def true_noise(case: Case, brightness: Tensor) -> Tensor:
    """Standard deviation in [0, 1] units."""
    growth = (brightness.clamp(0, 1) / 0.5).sqrt() if case.shot else torch.ones_like(brightness)
    return case.noise / 255 * growth


def grained(noise: Tensor, case: Case) -> Tensor:
    """White noise (1, 3, h, w) of unit variance as the grain of a case has it."""
    if not case.grain:
        return noise
    blurred = torch.from_numpy(gaussian_filter(noise.numpy(), (0, 0, case.grain, case.grain), mode="wrap"))
    return blurred / blurred.std()


def with_noise(clean: Tensor, case: Case, generator: torch.Generator) -> np.ndarray:
    """(n, 3, h, w) uint8 of reduced images in [0, 1], as their files show them."""
    noise = grained(torch.randn(clean.shape, generator=generator), case) * true_noise(case, clean)
    return np.stack([compressed(one, case.jpeg) for one in to_uint8((clean + noise).clamp(0, 1)).numpy()])


def neighbours(noise: Tensor) -> float:
    """Correlation of a pixel's noise (n, 3, h, w) with that of the next in its row."""
    return float(torch.corrcoef(torch.stack([noise[..., 1:].flatten(), noise[..., :-1].flatten()]))[0, 1])


def degraded(images: list[np.ndarray], case: Case, seed: int) -> HrPool:
    """References of a case, one kernel for each image."""
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    model, found = LearnedDegradation(SCALE, size=SIZE, channels=8, kernel_blocks=0, noise="none"), []
    for image, kernel in zip(images, true_kernels(case, len(images), random), strict=True):
        clean = model.reduce(torch.from_numpy(image)[None].float() / 255, kernel[None, :, None, None])
        found.append(with_noise(clean, case, generator)[0])
    return HrPool(found)


def compressed(image: np.ndarray, quality: int | None) -> np.ndarray:
    """(3, h, w) as a JPEG file shows it."""
    if quality is None:
        return image
    file = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


def learnt(model: nn.Module, case: Case) -> Iterator[str]:
    """The cells of a row."""
    assert isinstance(model, LearnedDegradation)
    random, generator = np.random.default_rng(1), torch.Generator().manual_seed(1)
    flat = torch.tensor([0.2, 0.5, 0.8])[:, None, None, None].expand(-1, 3, 256, 256).contiguous()
    small = flat[..., : 256 // SCALE, : 256 // SCALE]
    with torch.no_grad():
        kernels = model.draw_kernels(model.latents(DRAWS, (1, 1), generator)[0])[..., 0, 0]
        noise = model(flat, model.latents(3, (small.shape[2], small.shape[3]), generator)).lr - small
    known = torch.from_numpy(with_noise(small, case, generator)).float() / 255 - small
    truth = true_kernels(case, DRAWS, random)
    for name in ("wide", "narrow"):
        found, right = kernel_moments(kernels)[name], kernel_moments(truth)[name]
        yield f"{found.mean():.2f} ± {found.std():.2f} ({right.mean():.2f} ± {right.std():.2f})"
    angles = [float(kernel_moments(one.mean(dim=0, keepdim=True))["angle"]) for one in (kernels, truth)]
    yield f"{angles[0]:.2f} ({angles[1]:.2f})" if case.narrow else ""
    yield f"{F.cosine_similarity(kernels.mean(dim=0), truth.mean(dim=0), dim=0):.3f}"
    yield f"{neighbours(noise):.2f} ({neighbours(known):.2f})" if case.noise else ""
    levels = [" ".join(f"{level:.1f}" for level in 255 * one.std(dim=(1, 2, 3))) for one in (noise, known)]
    yield f"{levels[0]} ({levels[1]})"


def main() -> None:
    """Trains every case, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path)
    parser.add_argument("--references", required=True, type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--cases", default="/".join(CASES), help="names, between slashes")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device, console = torch.device(args.device), Console(width=160)
    hr = HrPool.from_files(scan_folder(args.hr, min_side=128).files, min_side=128, seed=0)
    clean = [read_rgb8(file) for file in scan_folder(args.references, min_side=256).files]
    clean = [image[:, : image.shape[1] // SCALE * SCALE, : image.shape[2] // SCALE * SCALE] for image in clean]
    table = Table(
        "case",
        "steps",
        "along (truth), px",
        "across (truth), px",
        "angle",
        "cosine",
        "neighbours",
        "noise of 255 (truth)",
    )
    for name in args.cases.split("/"):
        case = CASES[name]
        behind = None if case.jpeg is None else Compression.fixed(case.jpeg)
        sizes = {"size": SIZE, "channels": 32, "kernel_blocks": 4, "noise_blocks": 3}
        model = LearnedDegradation(SCALE, compression=behind, **sizes).to(device)
        crops = unpaired_crops(model, hr, degraded(clean, case, 0), batch=8, lr_patch=32, seed=0, device=device)
        task = pdm_task(model, steps=args.steps, seed=0, penalty=case.penalty)
        loop = Loop(task, MadeBatches(crops, args.steps))
        for step in (1, args.steps // 2, args.steps):
            loop.run(until=step)
            table.add_row(name if step == 1 else "", str(step), *learnt(loop.ema_network(), case))
        console.print(table)


if __name__ == "__main__":
    main()
