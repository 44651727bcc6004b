"""What a learned degradation is for, beside crafted ones: the same network trained on each, on images of a known truth.

    python tests/benchmarks/benchmark_pdm_sr.py --hr HR --references DIR --test DIR --kept DIR
        [--settings 3] [--steps 200] [--pdm-steps 1000] [--lpips-weights FILE] [--device D]

Protocol, written before a look: 100 crops of --references are degraded by one of Table 1's settings. From them degnet
crafts a distribution in the paper's space (`confusion`), and PDM learns two: as published, and with the JPEG qualities
of the crafted one behind it. The shipped x4 start is then trained on --hr for --steps, batch 8, on each; once more
along with a PDM from scratch (PDM-SR); on uniform degradations; and on the truth. PDM takes the small networks of
`pdm train --quick`, batch 8. All are scored on centre crops of --test, degraded by draws from the truth, RGB; the
intervals (95 %) are of differences to uniform, image by image. Trained networks are kept in --kept, PDM's checkpoints
too, so that a run that was cut off goes on.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from benchmark_finetuned import COUNT, SCALE, SIDE, Mixed, centres
from finetuning import finetuned, joint_finetuned, scored
from rich.console import Console
from rich.table import Table
from torch import nn

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, CraftedDistribution, DegradationSource
from degcraft.features import make_extractor
from degcraft.images import HrPool, cut_evident, scan_folder
from degcraft.learned import (
    Compression,
    LearnedDegradation,
    LearnedSource,
    load_learned,
    pdm_task,
    save_learned,
    unpaired_crops,
)
from degcraft.matching import craft, measure
from degcraft.metrics import LpipsMetric, ScoreTable, find_metric, score_image
from degcraft.networks import load_network
from degcraft.training import run_task

SMALL = {"channels": 32, "kernel_blocks": 4, "noise_blocks": 3}
BATCH, LR_PATCH = 8, 32


def learned(
    hr: HrPool, references: HrPool, compression: Compression | None, *, steps: int, kept: Path, device: str
) -> LearnedSource:
    """PDM alone; read from `kept` where the same was learned before, gone on with where it was begun."""
    model = LearnedDegradation(SCALE, compression=compression, **SMALL)
    settings: dict[str, Any] = {
        **model.describe(), "steps": steps, "batch": BATCH,
        "hr": hr.content_hash, "references": references.content_hash,
    }  # fmt: skip
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    file, place = kept / f"pdm-{name}.safetensors", torch.device(device)
    if not file.exists():
        crops = unpaired_crops(model, hr, references, batch=BATCH, lr_patch=LR_PATCH, seed=0, device=place)
        task = pdm_task(model.to(place), steps=steps, seed=0)
        if not run_task(task, crops, checkpoint=kept / f"pdm-{name}.checkpoint.pt", settings=settings):
            raise SystemExit("stopped: the same command goes on from the checkpoint")
        save_learned(file, LearnedSource(model.cpu().eval(), settings))
    return load_learned(file)


def main() -> None:
    """Trains what is missing, and prints a table per setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--hr", "--references", "--test", "--kept"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--settings", default="3", help="numbers, between commas")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--pdm-steps", type=int, default=1000)
    parser.add_argument("--lpips-weights", type=Path)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.kept.mkdir(parents=True, exist_ok=True)

    console, extractor = Console(width=130), make_extractor("degnet", device=args.device)
    lpips = None if args.lpips_weights is None else LpipsMetric("squeeze", args.lpips_weights)
    metrics = ["psnr", "ssim", *(["lpips"] if lpips else [])]
    files = scan_folder(args.hr, min_side=SIDE * SCALE).files
    pool, tests = HrPool.from_files(files, min_side=128, seed=0), centres(args.test)
    hr = cut_evident(files, size=SIDE * SCALE, count=COUNT, seed=0, scale=SCALE)
    others = scan_folder(args.references, min_side=SIDE * SCALE).files
    clean = cut_evident(others, size=SIDE * SCALE, count=COUNT, seed=0, scale=SCALE)
    for number in (int(text) for text in args.settings.split(",")):
        truth = Mixed({number: 1.0})
        patches, lr = truth.patches(clean, 0), truth.patches(tests, 1)
        references = HrPool(list(patches.pixels.numpy()))
        measured = measure(PAPER_SPACE, hr, patches, extractor, scale=SCALE, device=args.device, cache=args.kept)
        crafted = craft(measured, {"name": "confusion"}, intervals=False)
        compression = Compression.of_crafted(crafted)
        known: dict[str, Any] = {"scale": SCALE, "steps": args.steps, "seed": 0, "kept": args.kept}

        def on(source: DegradationSource, known: dict[str, Any] = known) -> Callable[[], nn.Module | None]:
            return lambda: finetuned(source, pool, device=args.device, **known)

        def alone(
            behind: Compression | None, references: HrPool = references, known: dict[str, Any] = known
        ) -> Callable[[], nn.Module | None]:
            def train() -> nn.Module:
                source = learned(pool, references, behind, steps=args.pdm_steps, kept=args.kept, device=args.device)
                return finetuned(source, pool, device=args.device, **known)

            return train

        def jointly(references: HrPool = references, known: dict[str, Any] = known) -> nn.Module:
            return joint_finetuned(LearnedDegradation(SCALE, **SMALL), pool, references, device=args.device, **known)

        rows: dict[str, Callable[[], nn.Module | None]] = {
            "bicubic": lambda: None,
            "the start": lambda: load_network(f"start:x{SCALE}", args.device).model.eval(),
            "uniform": on(CraftedDistribution.uniform(PAPER_SPACE).source()),
            "crafted (confusion)": on(crafted.source()),
            f"PDM, {args.pdm_steps} steps": alone(None),
            "PDM with crafted JPEG": alone(compression),
            "PDM-SR, jointly": jointly,
            "the truth's box": on(BoxSource(TEST_SETTINGS[number])),
        }
        scores = {}
        for name, make in rows.items():
            network = make()
            scores[name] = [
                score_image(file, metrics, scored(network, one, SCALE), whole, border=SCALE, lpips=lpips)
                for file, one, whole in zip(tests.files, lr.images(), tests.images(), strict=True)
            ]
            console.print(f"setting {number}: {name}: {ScoreTable(scores).means()[name]}", highlight=False)
        console.print(
            table_of(ScoreTable(scores), metrics, f"setting {number}: {len(tests)} images, {args.steps} steps")
        )


def table_of(scores: ScoreTable, metrics: list[str], title: str) -> Table:
    """Means, and differences to uniform."""
    table = Table("trained on", *(f"{name}, over uniform (95 %)" for name in metrics), title=title)
    means = scores.means()
    for row in scores.rows:
        cells = []
        for name in metrics:
            places, found = 2 if find_metric(name).unit == "dB" else 4, scores.difference(row, "uniform", name)
            cells.append(
                f"{means[row][name]:.{places}f}, {found.mean:+.{places}f} "
                f"({found.low:+.{places}f} to {found.high:+.{places}f})"
            )
        table.add_row(row, *cells)
    return table


if __name__ == "__main__":
    main()
