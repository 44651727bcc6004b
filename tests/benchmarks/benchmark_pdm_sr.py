"""What a learned degradation is for, beside crafted ones: the same network trained on each, on images of a known truth.

    python tests/benchmarks/benchmark_pdm_sr.py --hr HR --references DIR --test DIR --kept DIR
        [--settings 3] [--steps 200] [--pdm-steps 1000] [--lpips-weights FILE] [--device D]

Protocol, written before a look: that of `degcraft reproduce table2` for the shipped x4 start, batch 8, by degnet's
features. PDM learns two degradations of the same references first, as published, and with the JPEG qualities of the
crafted distribution behind it, by the small networks of `pdm train --quick`, batch 8; the start is trained on each, and
once more along with a PDM from scratch (PDM-SR). Trained networks are kept in --kept, PDM's checkpoints too, so that a
run that was cut off goes on.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from degcraft.features import make_extractor
from degcraft.images import HrPool, scan_folder
from degcraft.learned import (
    Compression,
    LearnedDegradation,
    LearnedSource,
    load_learned,
    pdm_task,
    save_learned,
    unpaired_crops,
)
from degcraft.metrics import LpipsMetric
from degcraft.reproduction import Network, Row, Study, Truth, rows_of, run_part
from degcraft.reproduction.study import SCALE, SIDE, TEST_SIDE
from degcraft.reproduction.training import digest_of
from degcraft.training import run_task

SMALL = {"channels": 32, "kernel_blocks": 4, "noise_blocks": 3}
BATCH, LR_PATCH = 8, 32


def learned(study: Study, truth: Truth, compression: Compression | None, steps: int) -> LearnedSource:
    """PDM alone; read from the study's folder where the same was learned before, gone on with where it was begun."""
    references = HrPool(list(study.references(truth).pixels.numpy()))
    model = LearnedDegradation(SCALE, compression=compression, **SMALL)
    settings: dict[str, Any] = {
        **model.describe(), "steps": steps, "batch": BATCH,
        "hr": study.pool.content_hash, "references": references.content_hash,
    }  # fmt: skip
    name = digest_of(settings)
    file, place = study.kept / f"pdm-{name}.safetensors", torch.device(study.device)
    if not file.exists():
        crops = unpaired_crops(model, study.pool, references, batch=BATCH, lr_patch=LR_PATCH, seed=0, device=place)
        task = pdm_task(model.to(place), steps=steps, seed=0)
        if not run_task(task, crops, checkpoint=study.kept / f"pdm-{name}.checkpoint.pt", settings=settings):
            raise SystemExit("stopped: the same command goes on from the checkpoint")
        save_learned(file, LearnedSource(model.cpu().eval(), settings))
    return load_learned(file)


def main() -> None:
    """Trains what is missing, and prints a table per setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--hr", "--references", "--test", "--kept"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--settings", nargs="+", default=["3"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--pdm-steps", type=int, default=1000)
    parser.add_argument("--lpips-weights", type=Path)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()

    console, degnet = Console(width=130), make_extractor("degnet", device=args.device)
    sides = ((args.hr, SIDE), (args.references, SIDE), (args.test, TEST_SIDE))
    study = Study(
        *(scan_folder(folder, min_side=side * SCALE).files for folder, side in sides),
        network=Network.of(f"start:x{SCALE}"), steps=args.steps, batch=BATCH, lr_patch=LR_PATCH, kept=args.kept,
        device=args.device, lpips=LpipsMetric(weights_file=args.lpips_weights) if args.lpips_weights else None,
    )  # fmt: skip
    small = ",".join(f"{name}={value}" for name, value in SMALL.items())

    def alone(study: Study, truth: Truth) -> Path:
        return study.trained(learned(study, truth, None, args.pdm_steps), "what PDM learned")

    def compressed(study: Study, truth: Truth) -> Path:
        behind = Compression.of_crafted(study.crafted(truth, degnet, {"name": "confusion"}))
        return study.trained(learned(study, truth, behind, args.pdm_steps), "what PDM learned, and JPEG")

    known = rows_of(["bicubic", "start", "uniform", "confusion", f"pdm:{small}", "upper"], study, {"degnet": degnet})
    rows = [*known, Row(f"PDM, {args.pdm_steps} steps", alone), Row("PDM with crafted JPEG", compressed)]
    for truth in map(Truth.parse, args.settings):
        part = run_part(study, truth, rows)
        table = Table(*part.headings(), title=part.title())
        for cells in part.cells():
            table.add_row(*cells)
        console.print(table, markup=False)


if __name__ == "__main__":
    main()
