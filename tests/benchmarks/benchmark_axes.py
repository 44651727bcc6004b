"""What degnet tells of each of its axes, on photographs that it was not trained on, against a guess.

    python tests/benchmarks/benchmark_axes.py --hr KODAK CLIC [--weights FILE] [--count 600] [--source uniform]

Crops of 288² are degraded by the source `wide` without the paper's share, or by the paper's own space. Printed per
folder and axis, of single crops: the mean error of the median cell of what is believed beside that of guessing the
truths' own median (on the scale of `Parameter.scaled`, no JPEG counted as 100), the same of the crops turned by a
quarter after they were degraded, as a camera held upright has them, and how well crops with this degradation are told
from those without (area under the ROC curve; 0.5 is chance). Then how far the median moves when crops are flipped and
turned.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from torch import Tensor

from degcraft.degradation import find_parameter
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.features.degnet import degnet_posterior
from degcraft.images import cut_structured, scan_folder
from degcraft.sources import make_source
from degcraft.sources.wide import TWICE_THE_PAPERS, WideSource, effective_values

SIDE, SCALE, BATCH = 288, 4, 50
Posteriors = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


def degraded(folder: Path, name: str, count: int, seed: int) -> tuple[Tensor, dict[str, NDArray[np.float64]]]:
    """(n, 3, 72, 72) and the truth on every axis."""
    crops = cut_structured(scan_folder(folder, min_side=SIDE).files, size=SIDE, count=count, seed=seed, scale=SCALE)
    generator = torch.Generator().manual_seed(seed)
    source = make_source({"name": "uniform"}) if name == "uniform" else WideSource(0.0, TWICE_THE_PAPERS)
    images, truths = [], []
    for part in crops.pixels.split(BATCH):
        lr, degradation = source.degrade(part.float() / 255, SCALE, generator)
        images.append(lr)
        truths.append(degradation.parameters if name == "uniform" else effective_values(degradation))
    return torch.cat(images), {axis: torch.cat([one[axis] for one in truths]).double().numpy() for axis in truths[0]}


def believed(extractor: FeatureExtractor, images: Tensor) -> Posteriors:
    """By axis, the values of the cells and (n, cells)."""
    features = torch.cat([extractor(part) for part in images.split(BATCH)]).numpy()
    return {axis: (one.values, one.probabilities) for axis, one in degnet_posterior(features, SCALE).items()}


def on_scale(axis: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = find_parameter(axis).scaled
    return np.array([scaled(float(one) if math.isfinite(one) else 100.0) for one in values])


def median_cells(axis: str, posteriors: Posteriors) -> NDArray[np.float64]:
    grid, rows = posteriors[axis]
    return on_scale(axis, grid[(rows.cumsum(axis=1) >= 0.5).argmax(axis=1)])


def rows_of(truths: dict[str, NDArray[np.float64]], posteriors: Posteriors, turned: Posteriors) -> list[list[str]]:
    """Per axis: its name, the error, that of turned crops, of the guess, the area under the curve, and with it."""
    rows = []
    for axis in [known for known in posteriors if known in truths]:
        grid, probabilities = posteriors[axis]
        truth, none = on_scale(axis, truths[axis]), find_parameter(axis).identity
        found = (median_cells(axis, posteriors), median_cells(axis, turned), np.median(truth))
        errors = (np.abs(one - truth).mean() for one in found)
        some = truths[axis] != none
        told = roc_auc_score(some, 1 - probabilities[:, grid == none].sum(axis=1)) if 0 < some.mean() < 1 else None
        area = "" if told is None else f"{told:.2f}"
        rows.append([axis, *(f"{error:.3f}" for error in errors), area, f"{some.mean():.2f}"])
    return rows


def moved(extractor: FeatureExtractor, images: Tensor) -> list[list[str]]:
    """Per axis: the mean distance of the medians of eight poses to their mean, and the largest."""
    poses = [torch.rot90(one, turn, (2, 3)) for one in (images, images.flip(3)) for turn in range(4)]
    found = [believed(extractor, pose.contiguous()) for pose in poses]
    rows = []
    for axis in found[0]:
        values = np.stack([median_cells(axis, one) for one in found])
        away = np.abs(values - values.mean(axis=0))
        rows.append([axis, f"{away.mean():.3f}", f"{np.quantile(away.max(axis=0), 0.9):.3f}"])
    return rows


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, nargs="+", type=Path, help="clean photographs, not trained on")
    parser.add_argument("--weights", type=Path, help="of degnet (those that come with the package)")
    parser.add_argument("--count", type=int, default=600, help="crops of each folder (600)")
    parser.add_argument("--turned", type=int, default=200, help="of these, flipped and turned (200)")
    parser.add_argument("--source", choices=("wide", "uniform"), default="wide", help="what degrades them (wide)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    console, extractor = Console(width=120), make_extractor("degnet", weights_file=args.weights)
    for folder in args.hr:
        images, truths = degraded(folder, args.source, args.count, args.seed)
        table = Table(
            "axis",
            "error",
            "turned",
            "of a guess",
            "with told from without",
            "with",
            title=f"{folder.name}, {args.source}: {len(images)}",
        )
        turned = torch.rot90(images, 1, (2, 3)).contiguous()
        for row in rows_of(truths, believed(extractor, images), believed(extractor, turned)):
            table.add_row(*row)
        console.print(table)
        table = Table("axis", "moves by", "9 in 10 at most", title=f"{folder.name}: flipped and turned")
        for row in moved(extractor, images[: args.turned]):
            table.add_row(*row)
        console.print(table)


if __name__ == "__main__":
    main()
