"""One SRResNet training step (batch 16, LR 32), degradation included: measured precision against plain float32.

    python tests/benchmarks/benchmark_training_step.py

The gain comes from bf16 instructions. On a processor that has none (see the line "processor") the trainer's
choice is float32 too, and the ratio is near 1; the target holds for processors with AMX.
"""

import argparse
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE, SpaceSource
from degcraft.images import HrPool
from degcraft.networks import build_network
from degcraft.training import Precision, Trainer, TrainingPlan, choose_precision, cpu_capability

TARGET_WITH_AMX = 3.0


def make_trainer(precision: Precision, plan: TrainingPlan, device: str) -> Trainer:
    random = np.random.default_rng(0)
    pool = HrPool([random.integers(0, 256, (3, 512, 512), dtype=np.uint8) for _ in range(4)])
    source = SpaceSource(PAPER_SPACE, PAPER_SPACE.uniform_weights())
    network = build_network("srresnet", scale=plan.scale)
    return Trainer(network, source, pool, plan, device=device, precision=precision)


def milliseconds(trainer: Trainer) -> float:
    start = time.perf_counter()
    trainer.run(trainer.step + 1)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each kind, alternating (5)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()

    plan = TrainingPlan(steps=args.steps + 1)
    start = time.perf_counter()
    chosen = choose_precision(args.device, build_network("srresnet"), plan)
    probing = time.perf_counter() - start
    plain = Precision(torch.float32, False, "the comparison")
    trainers = {"float32, contiguous": make_trainer(plain, plan, args.device)}
    trainers["auto"] = make_trainer(chosen, plan, args.device)
    for trainer in trainers.values():
        milliseconds(trainer)
    times: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(args.steps):
        for name, trainer in trainers.items():
            times[name].append(milliseconds(trainer))

    table = Table(title="SRResNet training step, batch 16, LR 32, x4, degradation included", title_justify="left")
    for column in ("precision", "median ms", "fastest ms"):
        table.add_column(column, justify="left" if column == "precision" else "right")
    for name, values in times.items():
        table.add_row(name, f"{np.median(values):.0f}", f"{min(values):.0f}")
    console = Console()
    console.print(table)
    # Of the fastest steps: whatever else the machine does only ever makes a step slower.
    ratio = min(times["float32, contiguous"]) / min(times["auto"])
    processor = torch.cuda.get_device_name() if args.device.startswith("cuda") else cpu_capability()
    console.print(f"processor: {processor}; {torch.get_num_threads()} threads", highlight=False, soft_wrap=True)
    console.print(f"auto chose: {chosen}; deciding took {probing:.1f} s", highlight=False, soft_wrap=True)
    console.print(f"ratio: {ratio:.2f} (target with AMX: {TARGET_WITH_AMX:g})", highlight=False)
    if args.device == "cpu" and "AMX" not in cpu_capability():
        console.print("this processor has no AMX, so the target does not apply to it", highlight=False)


if __name__ == "__main__":
    main()
