"""Does a score without ground truth rank as the truth does? Real camera pairs, real networks.

    python tests/benchmarks/benchmark_proxies.py --pairs DIR --scale S --hr HR --kept DIR [--steps 300] [--seeds 2]
        [--metrics psnr ssim lpips] [--lpips-weights FILE]

Protocol, written before anything was looked at. Half of the pairs' LR images (every second one, by name) are the
references that distributions are crafted from; the other half are held out. The start of the scale is fine-tuned on two
thirds of --hr by 14 distributions from very wrong to right; the truth is the PSNR on the held-out pairs, aligned in
shift and brightness as `evaluate --align` does, of the mean over seeds. Proxies are clean centre crops of the other
third of --hr, 24 of them, degraded by what each family says of the held-out LR images; a proxy's score is the PSNR on
them; and so for each of `--metrics`. The start as it is is one more row. Printed are, per metric and family, Spearman's
rank correlation to the truth over the rows, with a bootstrap interval over held-out pairs and proxies, the regret, by
how much the row that the proxy takes is worse than the best, and how many rows tie with it (paired 95 % interval over
proxies), with the regret of the worst. Last, what no score can beat by more than chance: how the truth of half the
pairs ranks that of the others.
"""

import argparse
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from finetuning import finetuned, scored
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from degcraft.degradation import (
    PAPER_SPACE,
    TEST_SETTINGS,
    Axis,
    BoxSource,
    Degradation,
    DegradationSource,
    DegradationSpace,
    ListedSource,
    degrade,
)
from degcraft.features import AxisPosterior, make_extractor
from degcraft.images import (
    HrPool,
    bicubic_enlarge,
    cut_patches,
    cut_structured,
    list_pairs,
    read_rgb8,
    scan_folder,
)
from degcraft.matching import Measurement, craft, measure
from degcraft.matching.estimates import mild_degradations, mild_values, reference_beliefs
from degcraft.metrics import (
    METRICS,
    LpipsMetric,
    aligned_truth,
    compute_scores,
    estimate_alignment,
    find_metric,
    paired_difference,
    psnr,
)
from degcraft.networks import load_network

COUNT, SIDE, PROXIES, PROXY_SIDE, HELD_SIDE = 100, 72, 24, 64, 96
FINE = DegradationSpace(
    (
        Axis.of_edges("blur_sigma", [0, 0.5, 1, 1.5, 2, 3, 4, 6]),
        Axis.of_edges("noise_level", [0, 2, 4, 8, 16, 32, 50]),
        Axis("jpeg_quality", 30, 90, 3, none=True),
    )
)
"""What the paper's space cannot say: hardly any noise, and no compression."""
Scores = dict[str, list[float]]


def drawn_rows(beliefs: Mapping[str, AxisPosterior], seed: int) -> ListedSource:
    """A draw from each image's belief, each axis at its own quantile."""
    random, columns = np.random.default_rng(seed), {}
    for name, belief in beliefs.items():
        found = mild_values(name, belief, random.random(len(belief.probabilities)))
        columns[name] = torch.from_numpy(found).float()
    return ListedSource(columns)


def distributions(fit: Measurement, fine: Measurement) -> dict[str, DegradationSource]:
    """From very wrong to right, for a camera of mild degradations."""
    beliefs = reference_beliefs(fit)
    return {
        "uniform": craft(fit, {"name": "eq4", "alpha": 0.0}, intervals=False).source(),
        **{f"setting {number}": BoxSource(box) for number, box in TEST_SETTINGS.items()},
        "strong JPEG": BoxSource({"blur_sigma": (0, 1), "jpeg_quality": (20, 50)}),
        "noise alone": BoxSource({"noise_level": (5, 20)}),
        "bicubic": BoxSource({"blur_sigma": (0, 0)}),
        "mild": BoxSource({"blur_sigma": (0.5, 2.5), "noise_level": (0, 4)}),
        "blurred": BoxSource({"blur_sigma": (2.5, 4), "noise_level": (0, 4)}),
        "eq4, alpha 25": craft(fit, "eq4", intervals=False).source(),
        "confusion": craft(fit, "confusion", intervals=False).source(),
        "confusion, fine": craft(fine, "confusion", intervals=False).source(),
        "estimates": mild_degradations(beliefs, 0.25),
    }


def proxies(hr: torch.Tensor, held: Measurement, fine: Measurement, scale: int) -> Iterator[tuple[str, torch.Tensor]]:
    """(family, LR): the same clean crops, degraded as each family says."""
    beliefs = reference_beliefs(held)
    families: dict[str, DegradationSource] = {
        "eq4, alpha 25": craft(held, "eq4", intervals=False).source(),
        "confusion": craft(held, "confusion", intervals=False).source(),
        "confusion, fine": craft(fine, "confusion", intervals=False).source(),
        "estimates, 0.25": mild_degradations(beliefs, 0.25),
        "estimates, 0.5": mild_degradations(beliefs, 0.5),
        "estimates, 0.5, blur halved": mild_degradations(beliefs, 0.5, blur=0.5),
        "posterior draws": drawn_rows(beliefs, 0),
    }
    for name, source in families.items():
        lr, _ = source.degrade(hr, scale, torch.Generator().manual_seed(0))
        yield name, lr


def consistency(network: torch.nn.Module | None, lr: list[torch.Tensor], rows: ListedSource, scale: int) -> list[float]:
    """PSNR of a held-out image against its restored version, degraded by the image's own estimate without its noise."""
    found = []
    for index, image in enumerate(lr):
        values = {name: column[index : index + 1] for name, column in rows.parameters.items() if name != "noise_level"}
        again = degrade(scored(network, image, scale)[None], Degradation(values), scale, torch.Generator())
        found.append(float(psnr(again[0], image, border=4)))
    return found


def truths(pairs: list[tuple[Path, Path]], scale: int) -> list[tuple[torch.Tensor, torch.Tensor, int]]:
    """(LR, aligned HR, border) of the middle of the held-out pairs."""
    found = []
    for lr_file, hr_file in pairs:
        lr, hr = (torch.from_numpy(read_rgb8(file)).float() / 255 for file in (lr_file, hr_file))
        alignment = estimate_alignment(bicubic_enlarge(lr, scale), hr)
        truth, border = aligned_truth(hr, alignment)
        top, left = (max(0, have - HELD_SIDE) // 2 for have in lr.shape[1:])
        lr = lr[:, top : top + HELD_SIDE, left : left + HELD_SIDE]
        rows, columns = (slice(start * scale, (start + HELD_SIDE) * scale) for start in (top, left))
        found.append((lr, truth[:, rows, columns], max(0, border - top * scale) + scale))
    return found


def centres(files: list[Path], side: int) -> torch.Tensor:
    """(n, 3, side, side) float."""
    crops = []
    for file in files:
        image = read_rgb8(file)
        top, left = ((have - side) // 2 for have in image.shape[1:])
        crops.append(torch.from_numpy(image[:, top : top + side, left : left + side].copy()).float() / 255)
    return torch.stack(crops)


def main() -> None:
    """Trains what is missing, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--pairs", "--hr", "--kept"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--scale", required=True, type=int)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--metrics",
        nargs="+",
        choices=[name for name in METRICS if find_metric(name).needs_reference],
        default=["psnr"],
    )
    parser.add_argument("--lpips-weights", type=Path, help="SqueezeNet's, of torchvision")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.kept.mkdir(parents=True, exist_ok=True)
    scale, console = args.scale, Console(width=130)

    pairs = list_pairs(args.pairs).files
    clean = list(scan_folder(args.hr, min_side=SIDE * 4).files)
    training = [file for index, file in enumerate(clean) if index % 3]
    others = clean[::3]
    extractor = make_extractor("degnet", device=args.device)
    hr = cut_structured(training, size=SIDE * scale, count=COUNT, seed=0, scale=scale)

    def measured(files: list[Path], space: DegradationSpace) -> Measurement:
        patches = cut_structured(files, size=SIDE, count=COUNT, seed=0, on_jpeg_blocks=True)
        return measure(space, hr, patches, extractor, scale=scale, device=args.device, cache=args.kept)

    fit_files, held_pairs = [lr for lr, _ in pairs[::2]], pairs[1::2]
    held_files = [lr for lr, _ in held_pairs]
    sources = distributions(measured(fit_files, PAPER_SPACE), measured(fit_files, FINE))
    pool = HrPool.from_files(training, min_side=32 * scale, seed=0)
    held, crops = truths(held_pairs, scale), centres(others[:PROXIES], PROXY_SIDE * scale)
    families = dict(proxies(crops, measured(held_files, PAPER_SPACE), measured(held_files, FINE), scale))
    whole = cut_patches(held_files, size=SIDE, count=len(held_files), seed=0)
    own = mild_degradations(
        reference_beliefs(measure(PAPER_SPACE, hr, whole, extractor, scale=scale, cache=args.kept)), 0.25
    )

    lpips = LpipsMetric(weights_file=args.lpips_weights) if "lpips" in args.metrics else None

    def scores(network: torch.nn.Module | None, pairs: Iterable[tuple[torch.Tensor, torch.Tensor, int]]) -> Scores:
        """By metric, more being better, of every pair."""
        each = [
            compute_scores(args.metrics, scored(network, lr, scale).clamp(0, 1), truth, border=border, lpips=lpips)
            for lr, truth, border in pairs
        ]
        return {
            name: [one[name] * (1 if find_metric(name).higher_is_better else -1) for one in each] for name in each[0]
        }

    tables: dict[str, dict[str, dict[str, NDArray[np.float64]]]] = {metric: {} for metric in args.metrics}
    start = load_network(f"start:x{scale}").model.to(args.device).eval()
    for name, source in {"start": None, **sources}.items():
        found: dict[str, list[Scores]] = defaultdict(list)
        for seed in range(args.seeds):
            settings = {"scale": scale, "steps": args.steps, "seed": seed, "kept": args.kept, "device": args.device}
            network = start if source is None else finetuned(source, pool, **settings)
            found["truth"].append(scores(network, held))
            for family, lr in families.items():
                found[family].append(scores(network, zip(lr, crops, itertools.repeat(scale))))
            agreement = consistency(network, [lr for lr, _, _ in held], own, scale)
            found["consistency"].append(dict.fromkeys(args.metrics, agreement))
            words = ", ".join(f"{metric} {np.mean(values):.4g}" for metric, values in found["truth"][-1].items())
            console.print(f"{name}, seed {seed}: {words}", highlight=False)
        for metric, table in tables.items():
            table[name] = {family: np.mean([one[metric] for one in seeds], axis=0) for family, seeds in found.items()}
    bicubic = {metric: np.mean(values) for metric, values in scores(None, held).items()}
    for metric, table in tables.items():
        trained = f"{args.steps} steps, {args.seeds} seeds"
        report(console, table, f"{args.pairs.name} x{scale}, {metric}: bicubic {bicubic[metric]:.4g}, {trained}")


def report(console: Console, table: Mapping[str, Mapping[str, NDArray[np.float64]]], title: str) -> None:
    """The distributions by their scores, and the families by how they rank them."""
    names = list(table)
    families = [family for family in table[names[0]] if family != "truth"]
    shown = Table("trained on", "truth", *families, title=title)
    for name in sorted(names, key=lambda one: -table[one]["truth"].mean()):
        shown.add_row(name, *(f"{table[name][family].mean():.4g}" for family in ("truth", *families)))
    console.print(shown)
    random = np.random.default_rng(0)
    ranks = Table("proxies", "Spearman (95 %)", "takes", "regret (95 %)", "ties, worst", title=title)
    for family in families:
        truth, proxy = (np.stack([table[name][one] for name in names]) for one in ("truth", family))
        drawn = [
            ranked(truth[:, random.integers(0, truth.shape[1], truth.shape[1])].mean(axis=1),
                   proxy[:, random.integers(0, proxy.shape[1], proxy.shape[1])].mean(axis=1))
            for _ in range(500)
        ]  # fmt: skip
        found = ranked(truth.mean(axis=1), proxy.mean(axis=1))
        ends = np.quantile(drawn, [0.025, 0.975], axis=0)
        top = int(proxy.mean(axis=1).argmax())
        ties = [row for row in range(len(names)) if row == top or paired_difference(proxy[top], proxy[row]).is_tie]
        ranks.add_row(
            family, f"{found[0]:.2f} ({ends[0, 0]:.2f} to {ends[1, 0]:.2f})", names[top],
            f"{found[1]:.2g} ({ends[0, 1]:.2g} to {ends[1, 1]:.2g})",
            f"{len(ties)}, {truth.mean(axis=1).max() - truth[ties].mean(axis=1).min():.2g}",
        )  # fmt: skip
    truth, found = np.stack([table[name]["truth"] for name in names]), []
    for _ in range(500):
        one, other = np.array_split(random.permutation(truth.shape[1]), 2)
        found.append(ranked(truth[:, one].mean(axis=1), truth[:, other].mean(axis=1)))
    low, middle, high = np.quantile(found, [0.025, 0.5, 0.975], axis=0)
    cells = (f"{middle[place]:.2g} ({low[place]:.2g} to {high[place]:.2g})" for place in (0, 1))
    ranks.add_row("half of the truth", next(cells), "", next(cells), "")
    console.print(ranks)


def ranked(truth: NDArray[np.float64], proxy: NDArray[np.float64]) -> tuple[float, float]:
    """Spearman's correlation, and the regret."""
    return float(spearmanr(truth, proxy)[0]), float(truth.max() - truth[int(proxy.argmax())])


if __name__ == "__main__":
    main()
