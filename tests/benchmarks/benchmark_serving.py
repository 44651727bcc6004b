"""What serving costs: throughput against the same network called in a loop, and latency by the number of clients.

    python tests/benchmarks/benchmark_serving.py [--model FILE] [--device cuda]

The loop calls the network on one image after the other, unbatched, with pixels in memory. The server gets the same
images as PNG over HTTP, and sends PNGs back. Loop and server take turns within the run; the ratio is of one turn.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.data
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from degcraft.networks import build_network, save_network
from deploy.model import source
from tests.deploy.running import Clients, Server, as_png, running

SIDE = 64
CLIENTS = (1, 8, 32)
console = Console()


def photographs() -> list[np.ndarray]:
    """32 crops of 64x64 pixels."""
    photograph = skimage.data.astronaut()
    places = [(y, x) for y in range(0, 256, SIDE) for x in range(0, 512, SIDE)]
    return [np.ascontiguousarray(photograph[y : y + SIDE, x : x + SIDE]) for y, x in places]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="weights file (an untrained SRResNet x4 of the usual size)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--requests", type=int, default=96, help="of a turn, and of each number of clients")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or _untrained(Path(folder) / "srresnet.safetensors")
        with running("--model", str(model), "--device", args.device) as server:
            _measure(server, model, args)


def _untrained(path: Path) -> Path:
    save_network(path, build_network("srresnet", scale=4, seed=0), name="srresnet", hyperparameters={})
    return path


def _measure(server: Server, model: Path, args: argparse.Namespace) -> None:
    images = photographs()
    bodies = [as_png(image) for image in images]
    restorer = source.load(str(model), args.device, None, 256)

    def loop() -> float:
        began = time.perf_counter()
        for number in range(args.requests):
            restorer.restore_batch([images[number % len(images)]])
        return args.requests / (time.perf_counter() - began)

    def served(count: int) -> tuple[float, list[float]]:
        began = time.perf_counter()
        with Clients(server, bodies, count, args.requests) as clients:
            pass
        seconds = time.perf_counter() - began
        assert {answer.status for answer in clients.answers} == {200}
        return args.requests / seconds, [answer.seconds for answer in clients.answers]

    loop(), served(32)  # first calls choose kernels and fill caches
    turns = [(loop(), served(32)[0]) for _ in track(range(args.turns), "taking turns", console=console)]
    ratios = [ours / theirs for theirs, ours in turns]
    info = restorer.info
    threads = f"{torch.get_num_threads()} threads" if args.device == "cpu" else torch.cuda.get_device_name()
    console.print(
        f"{info.network} x{info.scale}, {info.parameters} parameters, {SIDE}x{SIDE} pixels, {threads}: in a loop "
        f"{statistics.median(theirs for theirs, _ in turns):.2f} images/s, served to 32 clients "
        f"{statistics.median(ours for _, ours in turns):.2f}; ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}, {args.turns} turns of {args.requests} images)",
        highlight=False,
        soft_wrap=True,
    )
    alone = statistics.median(args.requests / theirs for theirs, _ in turns) / args.requests
    table = Table(title=f"latency of {args.requests} requests, in calls of the network")
    for column in ("clients", "p50", "p99", "p50 [ms]", "p99 [ms]", "images/s"):
        table.add_column(column, justify="right")
    for count in CLIENTS:
        throughput, seconds = served(count)
        p50, p99 = np.percentile(seconds, [50, 99])
        row = (f"{p50 / alone:.1f}", f"{p99 / alone:.1f}", f"{1000 * p50:.0f}", f"{1000 * p99:.0f}")
        table.add_row(str(count), *row, f"{throughput:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
