"""What a served model stands: swaps and a death under load, and 500 bodies that no honest client sends.

    python tests/benchmarks/benchmark_endurance.py [--requests 2000] [--hostile 500]

The first part counts what became of requests of mixed sizes while the champion was swapped five times and one of two
replicas was killed. The second compares what the processes hold in memory before and after, as a ratio.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import psutil
import requests
import skimage.data
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning
from rich.console import Console
from rich.table import Table

from tests.deploy.conftest import SCALE, save_tiny
from tests.deploy.hostile import Hostile, hostile_requests
from tests.deploy.registry import SOURCE, Registry
from tests.deploy.running import Clients, Server, as_png, running, until

SIDES = (24, 40, 56, 72, 150, 300)
CLIENTS = 8
SWAPS = 5
warnings.simplefilter("ignore", NonInteractiveExampleWarning)
console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--hostile", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(folder)
        versions = [
            registry.add(save_tiny(folder / f"{number}.safetensors", number), SCALE) for number in range(SWAPS + 1)
        ]
        registry.point(versions[0])
        words = ["--model", SOURCE, "--follow", "--follow-seconds", "0.5", "--device", "cpu", "--cpus", "0.5"]
        words += ["--tile", "128", "--max-pixels", "250000", "--max-body-bytes", "1000000"]
        with running(*words, replicas=2, MLFLOW_TRACKING_URI=registry.tracking_uri) as server:
            _endure_swaps(server, registry, versions, args.requests)
            _endure_hostility(server, args.hostile)


def _endure_swaps(server: Server, registry: Registry, versions: list[str], count: int) -> None:
    photograph = skimage.data.astronaut()
    bodies = [as_png(photograph[:side, : side + 8]) for side in SIDES]
    began = time.perf_counter()
    with Clients(server, bodies, CLIENTS, count) as clients:
        for number, version in enumerate(versions):
            # The fourth swap and the death come together.
            until(lambda due=count * number // (SWAPS + 1): len(clients.answers) >= due, "enough answers")
            registry.point(version)
            if number == SWAPS - 1:
                server.replicas("Model")[0].kill()
            if number:
                clients.wait_for(version)
    seconds = time.perf_counter() - began
    table = Table(title=f"{count} requests of {len(SIDES)} sizes, {CLIENTS} clients, {SWAPS} swaps, 1 replica killed")
    for column in ("status", "model", "requests"):
        table.add_column(column, justify="right" if column == "requests" else "left")
    outcomes = Counter((answer.status, answer.model) for answer in clients.answers)
    for (status, model), number in sorted(outcomes.items()):
        table.add_row(str(status or "no answer"), model, str(number))
    console.print(table)
    failed = [answer for answer in clients.answers if answer.status != 200]
    hopeless = [answer for answer in failed if answer.status != 503 or not answer.retry_after]
    console.print(
        f"{len(failed)} of {len(clients.answers)} not restored, {len(hopeless)} of them without a word of when to come "
        f"again; longest answer {max(answer.seconds for answer in clients.answers):.1f} s; "
        f"{count / seconds:.0f} requests/s"
    )


def _endure_hostility(server: Server, count: int) -> None:
    until(lambda: len(server.replicas("Model")) == 2 and len(server.model()["replicas"]) == 2, "two replicas")
    # The first ones fill caches and load codecs; what a hostile client can make grow comes after.
    _send_hostile(server, count, 1)
    before = _memory(server)
    statuses = _send_hostile(server, count, 2)
    after = _memory(server)
    told = ", ".join(f"{status}: {number}" for status, number in sorted(statuses.items()))
    console.print(
        f"{sum(statuses.values())} hostile bodies: {told}; {sum(n for s, n in statuses.items() if s >= 500)} 5xx"
    )
    for name, bytes_before in before.items():
        ratio = after[name] / bytes_before if name in after else float("nan")
        console.print(f"memory of {name}: {bytes_before >> 20} MiB, after them {ratio:.3f} times that")


def _send_hostile(server: Server, count: int, number: int) -> Counter[int]:
    statuses: Counter[int] = Counter()

    @seed(number)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(hostile_requests)
    def send(request: Hostile) -> None:
        response = requests.post(
            f"{server.address}/v1/upscale{request.query}", data=request.body, headers=request.headers, timeout=100
        )
        statuses[response.status_code] += 1

    send()
    return statuses


def _memory(server: Server) -> dict[str, int]:
    """Resident bytes of the processes that see what clients send."""
    found: list[psutil.Process] = [*server.replicas("Ingress"), *server.replicas("Model")]
    return {f"{process.cmdline()[0].split(':')[-1]} {process.pid}": process.memory_info().rss for process in found}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
