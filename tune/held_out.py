"""The held-out score: the same images for every trial, with real ground truth or with proxies a fixed judge makes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from degcraft.degradation import DegradationSource
from degcraft.errors import DegcraftError
from degcraft.images import Patches, bicubic_enlarge, to_uint8
from degcraft.metrics import (
    ImageScore,
    LpipsMetric,
    NiqeModel,
    ScoreTable,
    aligned_truth,
    describe_alignments,
    estimate_alignment,
    score_image,
)
from degcraft.networks import upscale
from tune.data import Pair
from tune.spec import SearchSpec

TILE = 256
"""LR side above which a held-out image is restored in tiles."""

SAMPLES_KEPT, PHOTOS_KEPT = 6, 4
"""Held-out images whose restored versions are kept for pictures: of the pairs, and of the references."""

NIQE_SIDE = 96
"""Side of NIQE's blocks: a smaller restored image has no NIQE."""

LOGGED = ("psnr", "ssim")
"""Scores that are logged beside the one that is searched for."""


@dataclass(frozen=True)
class Scores:
    """What one row restored, and how well."""

    metric: str
    images: tuple[ImageScore, ...]
    """One for each held-out pair, in order."""
    niqe: float | None
    """Mean of the restored references, where they are large and structured enough for it."""
    samples: tuple[np.ndarray, ...]
    """The first restored images, uint8 (3, H, W), and behind them the restored `HeldOut.photos`."""

    def means(self) -> dict[str, float]:
        """Each score over the images that count, `score` being the one that is searched for."""
        means = ScoreTable({"this": self.images}).means()["this"]
        if self.niqe is not None:
            means["niqe"] = self.niqe
        return {"score": means.get(self.metric, math.nan), **means}

    def failure(self) -> str | None:
        """Why the row has no score, in words."""
        return ScoreTable({"this": self.images}).failed.get("this")

    def report(self) -> dict[str, Any]:
        """Plain JSON: the means, and `images` one by one."""
        return {**self.means(), "images": [score.to_json() for score in self.images]}


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
    photos: tuple[tuple[str, np.ndarray], ...] = ()
    """Where pairs are proxies: names and uint8 (3, h, w) patches of held-out references, for people to look at."""

    @property
    def sampled(self) -> tuple[Pair, ...]:
        """The pairs that samples are of, before the photos."""
        return self.pairs[:SAMPLES_KEPT]

    def score(self, network: nn.Module | None, device: str) -> Scores:
        """Restore and score everything held out.

        Args:
            network: LR (B, 3, h, w) to SR (B, 3, h·scale, w·scale), in evaluation mode; None enlarges by bicubic.
            device: where the network lies.
        """
        lpips = LpipsMetric(weights_file=self.lpips_weights) if self.metric == "lpips" else None
        names = sorted({self.metric, *LOGGED})
        images: list[ImageScore] = []
        samples: list[np.ndarray] = []
        for pair in self.pairs:
            restored = self._restore(network, pair.lr, device)
            border = self.border + pair.border
            images.append(score_image(pair.name, names, restored, to_image(pair.hr), border=border, lpips=lpips))
            if len(samples) < SAMPLES_KEPT:
                samples.append(to_uint8(restored.nan_to_num()).numpy())
        samples += [to_uint8(self._restore(network, lr, device).nan_to_num()).numpy() for _, lr in self.photos]
        return Scores(self.metric, tuple(images), self._naturalness(network, device), tuple(samples))

    def _naturalness(self, network: nn.Module | None, device: str) -> float | None:
        large = [image for image in self.references if min(image.shape[1:]) * self.scale >= NIQE_SIDE]
        restored = (self._restore(network, image, device) for image in large)
        scores = [self.niqe.score(image) for image in restored if torch.isfinite(image).all()]
        finite = [value for value in scores if math.isfinite(value)]
        return math.fsum(finite) / len(finite) if finite else None

    def _restore(self, network: nn.Module | None, lr: np.ndarray, device: str) -> Tensor:
        image = to_image(lr)
        if network is None:
            return bicubic_enlarge(image, self.scale)
        tile = TILE if max(lr.shape[1:]) > TILE else None
        with torch.inference_mode():
            return upscale(network, image, scale=self.scale, tile=tile, device=device).cpu()


def photos_of(references: Patches) -> tuple[tuple[str, np.ndarray], ...]:
    """Patches of a few files, spread evenly over them."""
    first = {name: place for place, name in reversed(list(enumerate(references.names())))}
    names = sorted(first)
    chosen = [
        names[place] for place in np.linspace(0, len(names) - 1, min(PHOTOS_KEPT, len(names))).round().astype(int)
    ]
    return tuple((name, references.pixels[first[name]].numpy()) for name in chosen)


def aligned_pairs(pairs: Sequence[Pair], scale: int) -> tuple[tuple[Pair, ...], str]:
    """Real pairs with the shift and brightness between LR and HR taken out of the truth, and what was done in words.

    Both are estimated from the bicubic enlargement, never from a network, so that all rows are scored the same way.
    """
    moved, alignments = [], []
    for pair in pairs:
        hr = to_image(pair.hr)
        alignment = estimate_alignment(bicubic_enlarge(to_image(pair.lr), scale), hr)
        alignments.append(alignment)
        if alignment.moves:
            truth, border = aligned_truth(hr, alignment)
            pair = Pair(pair.name, pair.lr, to_uint8(truth).numpy(), border)
        moved.append(pair)
    return tuple(moved), describe_alignments(alignments)


def without_degenerate(pairs: Sequence[Pair], scale: int, border: int) -> tuple[tuple[Pair, ...], list[str]]:
    """The pairs that can tell networks apart, and a note on each that cannot: a blank page, or what bicubic restores
    without any error.

    Raises:
        DegcraftError: There is no other.
    """
    kept, notes = [], []
    for pair in pairs:
        enlarged = bicubic_enlarge(to_image(pair.lr), scale)
        found = score_image(pair.name, ("psnr",), enlarged, to_image(pair.hr), border=border + pair.border)
        if found.fault is None:
            kept.append(pair)
        else:
            notes.append(f"left out: held-out {pair.name}: {found.reason}")
    if not kept:
        raise DegcraftError(f"held-out pairs: at least one must be able to tell networks apart, but {notes[0]}")
    return tuple(kept), notes


def proxy_pairs(crops: Patches, judged: DegradationSource, spec: SearchSpec) -> tuple[Pair, ...]:
    """Pairs for a search without ground truth: held-out clean crops, degraded as the judge finds the references to be.

    Args:
        crops: HR crops of files that no trial trains on.
        judged: What the judge makes of the held-out references.
        spec: The search; its seed decides what is drawn, so every resume makes the same pairs.
    """
    # Evenly over the crops, and so over the files that they stand in the order of.
    chosen = np.linspace(0, len(crops) - 1, min(spec.held_out.count, len(crops))).round().astype(int)
    hr = crops.images()[chosen]
    generator = torch.Generator().manual_seed(spec.seed)
    lr, _ = judged.degrade(hr, spec.scale, generator)
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
