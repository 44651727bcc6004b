"""What the weights are for: the start fine-tuned on each weighting's distribution, on images of a known truth.

    python tests/benchmarks/benchmark_finetuned.py --hr HR --references DIR --test DIR --kept DIR
        [--cases 3,A,B] [--steps 400] [--seeds N] [--device D]

Protocol: degnet measures 100 crops of --references, degraded by the truth, against 100 of --hr in the paper's space.
The shipped x4 start is then fine-tuned on --hr by every weighting: equation 4 at alpha 25 and at the alpha whose
weights are nearest to the truth (which no user could know), `confusion`, uniform, and the truth itself. All are scored
by RGB PSNR on centre crops of --test, degraded by draws from the truth; differences are over images, of the mean over
seeds. Trained networks are kept in --kept, so that a run that was cut off goes on.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from finetuning import finetuned, scored
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from degcraft.comparison import known_references
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, DegradationSource, SpaceSource
from degcraft.features import make_extractor
from degcraft.images import HrPool, Patches, cut_evident, read_rgb8, scan_folder
from degcraft.matching import craft_weights, make_weighting, measure
from degcraft.metrics import psnr
from degcraft.metrics.paired import Difference, paired_difference

COUNT, SIDE, SCALE, TEST_SIDE = 100, 72, 4, 128
ALPHAS = np.geomspace(1, 1000, 25)
CASES: dict[str, Mapping[int, float]] = {
    "3": {3: 1.0},
    "A": {1: 0.7, 4: 0.3},
    "B": {2: 0.5, 3: 0.5},
}
"""Share of each setting."""


@dataclass(frozen=True)
class Mixed:
    """Several boxes, drawn by their shares."""

    shares: Mapping[int, float]

    def weights(self) -> NDArray[np.float64]:
        """Over the bins of the paper's space."""
        parts = [share * PAPER_SPACE.overlap(TEST_SETTINGS[number]) for number, share in self.shares.items()]
        return np.sum(parts, axis=0)

    def patches(self, clean: Patches, seed: int) -> Patches:
        """Clean crops degraded by it, the boxes dealt over the crops."""
        dealt = np.random.default_rng(seed).permutation(len(clean))
        ends = np.cumsum([round(share * len(clean)) for share in self.shares.values()])[:-1]
        pixels: torch.Tensor | None = None
        for number, places in zip(self.shares, np.split(dealt, ends), strict=True):
            found = known_references(clean, TEST_SETTINGS[number], SCALE, seed + number).pixels
            pixels = found.clone() if pixels is None else pixels
            pixels[places] = found[places]
        assert pixels is not None
        return Patches(pixels, clean.files)


def centres(folder: Path) -> Patches:
    """A centre crop of each image."""
    files, side = scan_folder(folder, min_side=TEST_SIDE * SCALE).files, TEST_SIDE * SCALE
    crops = []
    for file in files:
        image = read_rgb8(file)
        top, left = ((have - side) // 2 for have in image.shape[1:])
        crops.append(torch.from_numpy(image[:, top : top + side, left : left + side].copy()))
    return Patches(torch.stack(crops), tuple(map(str, files)))


def main() -> None:
    """Trains what is missing, and prints a table per case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--hr", "--references", "--test", "--kept"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.kept.mkdir(parents=True, exist_ok=True)

    console, extractor = Console(width=130), make_extractor("degnet", device=args.device)
    hr_files = scan_folder(args.hr, min_side=SIDE * SCALE).files
    pool, tests = HrPool.from_files(hr_files, min_side=128, seed=0), centres(args.test)
    hr = cut_evident(hr_files, size=SIDE * SCALE, count=COUNT, seed=0, scale=SCALE)
    others = scan_folder(args.references, min_side=SIDE * SCALE).files
    clean = cut_evident(others, size=SIDE * SCALE, count=COUNT, seed=0, scale=SCALE)
    for case in args.cases.split(","):
        truth = Mixed(CASES[case])
        known = truth.weights()
        references = truth.patches(clean, 0)
        measured = measure(PAPER_SPACE, hr, references, extractor, scale=SCALE, device=args.device, cache=args.kept)

        def apart(weights: NDArray[np.float64], known: NDArray[np.float64] = known) -> float:
            return float(np.abs(weights - known).sum() / 2)

        by_alpha = {float(alpha): craft_weights(measured.distances, alpha) for alpha in ALPHAS}
        best = min(by_alpha, key=lambda alpha: apart(by_alpha[alpha]))
        weights = {
            "uniform": PAPER_SPACE.uniform_weights(),
            "eq4, alpha 25": craft_weights(measured.distances, 25),
            f"eq4, alpha {best:.3g} (best)": by_alpha[best],
            "confusion": make_weighting(measured, "confusion").weights(),
        }
        sources: dict[str, DegradationSource] = {name: SpaceSource(PAPER_SPACE, one) for name, one in weights.items()}
        sources["the truth's bins"] = SpaceSource(PAPER_SPACE, known)
        if len(truth.shares) == 1:
            sources["the truth's box"] = BoxSource(TEST_SETTINGS[next(iter(truth.shares))])
        lr = truth.patches(tests, 1)

        def score(network: torch.nn.Module | None, lr: Patches = lr) -> NDArray[np.float64]:
            pairs = zip(lr.images(), tests.images(), strict=True)
            return np.array([float(psnr(scored(network, one, SCALE), whole, border=SCALE)) for one, whole in pairs])

        rows = {"bicubic": score(None)}
        for name, source in sources.items():
            each = []
            for seed in range(args.seeds):
                settings = {"scale": SCALE, "steps": args.steps, "seed": seed, "kept": args.kept}
                each.append(score(finetuned(source, pool, device=args.device, **settings)))
                console.print(f"{case}: {name}, seed {seed}: {each[-1].mean():.3f} dB", highlight=False)
            rows[name] = np.mean(each, axis=0)

        def shown(found: Difference) -> str:
            return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"

        title = f"case {case} {dict(truth.shares)}: PSNR of {len(tests)} images, {args.steps} steps, {args.seeds} seeds"
        table = Table("trained on", "TV to the truth", "PSNR", "over uniform (95 %)", "over eq4, alpha 25", title=title)
        for name, values in rows.items():
            table.add_row(
                name, f"{apart(weights[name]):.2f}" if name in weights else "", f"{values.mean():.2f}",
                *(shown(paired_difference(values, rows[other])) for other in ("uniform", "eq4, alpha 25")),
            )  # fmt: skip
        console.print(table)


if __name__ == "__main__":
    main()
