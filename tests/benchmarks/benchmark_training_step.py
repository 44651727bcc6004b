"""One training step of every small candidate against SRResNet's, degradation included, at batch 16 and LR 32, x4.

    python tests/benchmarks/benchmark_training_step.py
    python tests/benchmarks/benchmark_training_step.py --only "srresnet 16x64" --steps 5

Each in plain float32 and in what the trainer chooses by itself. The gain of the choice comes from bf16 instructions:
on a processor that has none (see the line "processor") it is float32 too, and its ratio is near 1; the target holds
for processors with AMX.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.degradation import PAPER_SPACE, SpaceSource
from degcraft.images import HrPool
from degcraft.networks import build_network, parameter_count
from degcraft.training import Precision, Trainer, TrainingPlan, choose_precision, cpu_capability

TARGET_WITH_AMX = 3.0
REFERENCE = "srresnet 16x64"
CANDIDATES: dict[str, tuple[str, dict[str, Any]]] = {
    REFERENCE: ("srresnet", {"channels": 64, "blocks": 16}),
    "srresnet 4x32": ("srresnet", {"channels": 32, "blocks": 4}),
    "edsr 8x32": ("edsr", {"channels": 32, "blocks": 8}),
    "compact 12x32": ("compact", {"channels": 32, "convs": 12}),
    "compact 10x48": ("compact", {"channels": 48, "convs": 10}),
    "compact 8x64": ("compact", {"channels": 64, "convs": 8}),
    "compact 16x64": ("compact", {"channels": 64, "convs": 16}),
    "span 32": ("span", {"channels": 32}),
    "span 48": ("span", {"channels": 48}),
}
"""Name and hyperparameters; layers before channels in the label."""


def pool() -> HrPool:
    random = np.random.default_rng(0)
    return HrPool([random.integers(0, 256, (3, 512, 512), dtype=np.uint8) for _ in range(4)])


def measure(candidate: str, images: HrPool, plan: TrainingPlan, device: str) -> dict[str, Any]:
    """Milliseconds of the fastest step by precision, with what was chosen.

    Of the fastest: whatever else the machine does only ever makes a step slower. The two kinds alternate.
    """
    name, hyperparameters = CANDIDATES[candidate]
    network = build_network(name, scale=plan.scale, **hyperparameters)
    start = time.perf_counter()
    chosen = choose_precision(device, network, plan)
    probing = time.perf_counter() - start
    source = SpaceSource(PAPER_SPACE, PAPER_SPACE.uniform_weights())
    trainers = {}
    for key, precision in (("float32", Precision(torch.float32, False, "the comparison")), ("auto", chosen)):
        built = build_network(name, scale=plan.scale, **hyperparameters)
        trainers[key] = Trainer(built, source, images, plan, device=device, precision=precision)
        milliseconds(trainers[key])
    times: dict[str, list[float]] = {key: [] for key in trainers}
    for _ in range(plan.steps - 1):
        for key, trainer in trainers.items():
            times[key].append(milliseconds(trainer))
    fastest = {key: min(values) for key, values in times.items()}
    return {**fastest, "chosen": chosen, "probing": probing, "parameters": parameter_count(network)}


def milliseconds(trainer: Trainer) -> float:
    # One CPU thread's own time does not count what else the machine does.
    alone = trainer.device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    start = clock()
    trainer.run(trainer.step + 1)
    return 1000 * (clock() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each kind, alternating (3)")
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES), help="candidates (all)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()

    plan = TrainingPlan(steps=args.steps + 1)
    images = pool()
    rows = {name: measure(name, images, plan, args.device) for name in args.only}

    title = "training step, batch 16, LR 32, x4, degradation included; fastest, ms"
    table = Table(title=title, title_justify="left")
    for column in ("network", "parameters", "float32", "of SRResNet's", "auto", "of SRResNet's ", "chosen"):
        table.add_column(column, justify="left" if column in ("network", "chosen") else "right")
    reference = rows.get(REFERENCE)
    for name, row in rows.items():
        shares = [f"{row[key] / reference[key]:.2f}" if reference else "" for key in ("float32", "auto")]
        kind = f"{row['chosen'].name}, {'channels last' if row['chosen'].channels_last else 'contiguous'}"
        table.add_row(
            name, f"{row['parameters']:,}", f"{row['float32']:.0f}", shares[0], f"{row['auto']:.0f}", shares[1], kind
        )
    console = Console(width=120)
    console.print(table)
    processor = torch.cuda.get_device_name() if args.device.startswith("cuda") else cpu_capability()
    console.print(f"processor: {processor}; {torch.get_num_threads()} threads", highlight=False, soft_wrap=True)
    if reference:
        console.print(f"deciding for SRResNet took {reference['probing']:.1f} s", highlight=False)
        ratio = reference["float32"] / reference["auto"]
        console.print(f"SRResNet, float32 / auto: {ratio:.2f} (target with AMX: {TARGET_WITH_AMX:g})", highlight=False)
    if args.device == "cpu" and "AMX" not in cpu_capability():
        console.print("this processor has no AMX, so the target does not apply to it", highlight=False)


if __name__ == "__main__":
    main()
