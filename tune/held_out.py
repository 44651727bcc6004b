"""The held-out score: the same images for every trial, with real ground truth or with proxies a fixed judge makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from degcraft.degradation import CraftedDistribution
from degcraft.images import Patches, to_uint8
from degcraft.metrics import LpipsMetric, NiqeModel, compute_scores
from degcraft.networks import upscale
from tune.data import Pair
from tune.spec import SearchSpec

TILE = 256
"""LR side above which a held-out image is restored in tiles."""

SAMPLES = 3
"""Held-out images whose restored versions are kept as pictures."""

NIQE_SIDE = 96
"""Side of NIQE's blocks: a smaller restored image has no NIQE."""

LOGGED = ("psnr", "ssim")
"""Scores that are logged beside the one that is searched for."""


@dataclass(frozen=True)
class HeldOut:
    """What every trial is scored on."""

    kind: Literal["ground truth", "proxy"]
    pairs: tuple[Pair, ...]
    references: tuple[np.ndarray, ...]
    """Held-out LR references, uint8 (3, h, w): restored, and looked at by NIQE."""
    metric: str
    border: int
    scale: int
    niqe: NiqeModel
    lpips_weights: str | None

    def score(self, network: nn.Module, device: str) -> tuple[dict[str, float], tuple[np.ndarray, ...]]:
        """Restore and score everything held out.

        Args:
            network: LR (B, 3, h, w) to SR (B, 3, h·scale, w·scale), in evaluation mode.
            device: where the network lies.

        Returns:
            Mean of each score by its name: `score` (the one that is searched for), PSNR and SSIM on the pairs, and
            NIQE of the restored references (left out where they are too small or too flat for it); and the first
            restored images, uint8 (3, H, W).
        """
        lpips = LpipsMetric(weights_file=self.lpips_weights) if self.metric == "lpips" else None
        names = sorted({self.metric, *LOGGED})
        rows: list[dict[str, float]] = []
        samples: list[np.ndarray] = []
        for pair in self.pairs:
            restored = self._restore(network, pair.lr, device)
            rows.append(compute_scores(names, restored, to_image(pair.hr), border=self.border, lpips=lpips))
            if len(samples) < SAMPLES:
                samples.append(to_uint8(restored).numpy())
        means = {name: float(np.mean([row[name] for row in rows])) for name in names}
        large = [image for image in self.references if min(image.shape[1:]) * self.scale >= NIQE_SIDE]
        natural = [self.niqe.score(self._restore(network, image, device)) for image in large]
        finite = [value for value in natural if np.isfinite(value)]
        if finite:
            means["niqe"] = float(np.mean(finite))
        return {"score": means[self.metric], **means}, tuple(samples)

    def _restore(self, network: nn.Module, lr: np.ndarray, device: str) -> Tensor:
        tile = TILE if max(lr.shape[1:]) > TILE else None
        with torch.inference_mode():
            return upscale(network, to_image(lr), scale=self.scale, tile=tile, device=device).cpu().clamp(0, 1)


def proxy_pairs(crops: Patches, judged: CraftedDistribution, spec: SearchSpec) -> tuple[Pair, ...]:
    """Pairs for a search without ground truth: held-out clean crops, degraded as the judge finds the references to be.

    Args:
        crops: HR crops of files that no trial trains on.
        judged: What the judge estimates from the held-out references.
        spec: The search; its seed decides what is drawn, so every resume makes the same pairs.
    """
    hr = crops.images()[: spec.held_out.count]
    generator = torch.Generator().manual_seed(spec.seed)
    lr, _ = judged.source().degrade(hr, spec.scale, generator)
    return tuple(
        Pair(f"proxy-{index:02d}", to_uint8(lr[index]).numpy(), to_uint8(hr[index]).numpy()) for index in range(len(hr))
    )


def fit_niqe(images: Sequence[np.ndarray], at_most: int = 40) -> NiqeModel:
    """NIQE's pristine model of clean training images, uint8 (3, H, W), at most so many of them."""
    return NiqeModel.fit(to_image(image) for image in images[:at_most])


def to_image(image: np.ndarray) -> Tensor:
    """uint8 (3, H, W) to float32 in [0, 1]."""
    # Arrays out of Ray's object store are read-only, which torch warns about: hence the copy.
    return torch.from_numpy(np.array(image)).float() / 255
