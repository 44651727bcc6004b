"""A learned degradation as a picture: its kernels, and its noise by brightness and by frequency."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from degcraft.figures import style

if TYPE_CHECKING:
    from degcraft.learned import LearnedDegradation

_DRAWN, _SIDE, _LEVELS = 16, 64, 12


def draw_learned(model: "LearnedDegradation", path: str | Path, *, seed: int = 0) -> None:
    """Draws the mean kernel, 16 kernels, the noise's standard deviation by brightness and its spectrum; writes a PNG.

    Args:
        model: On any device; moved to the CPU for the drawing.
        path: the PNG file; its folder is made where it is missing.
        seed: Of what is drawn.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    model = model.cpu().eval()
    generator = torch.Generator().manual_seed(seed)
    size = model.knobs["size"]
    with torch.no_grad():
        kernels = model.draw_kernels(model.latents(256, (1, 1), generator)[0])[..., 0, 0].view(-1, size, size).numpy()
        flat = torch.linspace(0.05, 0.95, _LEVELS)[:, None, None, None].expand(-1, 3, *[_SIDE * model.scale] * 2)
        noise = model(flat.contiguous(), model.latents(_LEVELS, (_SIDE, _SIDE), generator)).noise
    with rc_context(style.TEXT):
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        parts = figure.subfigures(1, 4, width_ratios=(1, 1.15, 1.2, 1.2), squeeze=False)
        first, drawn, second, third = parts[0]
        axes = first.subplots()
        axes.imshow(kernels.mean(axis=0), cmap="magma")
        axes.set_title("mean kernel")
        axes.set_axis_off()
        drawn.suptitle(f"{_DRAWN} draws", fontsize=10)
        for place, kernel in zip(drawn.subplots(4, 4).ravel(), kernels, strict=False):
            place.imshow(kernel, cmap="magma")
            place.set_axis_off()
        axes = second.subplots()
        levels = 255 * noise.std(dim=(1, 2, 3)).numpy()
        axes.plot(255 * flat[:, 0, 0, 0].numpy(), levels, color=style.PALETTE[0], marker="o", markersize=4)
        axes.set_ylim(bottom=0, top=max(1.0, float(levels.max()) * 1.15))
        axes.set_xlabel("brightness of a flat image, of 255")
        axes.set_ylabel("standard deviation of the noise, of 255")
        style.without_frame(axes)
        axes = third.subplots()
        power = np.abs(np.fft.rfft2(noise.numpy())) ** 2
        radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
        bins = np.linspace(0.02, 0.5, 17)
        mean = power.mean(axis=(0, 1)) / _SIDE**2 * 255**2
        found = [mean[(radius >= low) & (radius < high)].mean() for low, high in pairwise(bins)]
        axes.plot((bins[1:] + bins[:-1]) / 2, found, color=style.PALETTE[1])
        axes.set_ylim(bottom=0, top=max(1.0, max(found) * 1.15))
        axes.set_xlabel("frequency, cycles per pixel")
        axes.set_ylabel("power of the noise (white is flat)")
        style.without_frame(axes)
        style.save(figure, path)
