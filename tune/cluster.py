"""Connecting to Ray: embedded on this machine, or a cluster by its address."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ray

from degcraft.embedded import embedded_ray
from degcraft.errors import DegcraftError, in_short

PACKAGES = ("degcraft", "tune", "tracking")

ENDED = (
    "Ray's {} on this machine has ended (killed, or for want of memory); what was done is kept, and --resume goes on"
)


@contextmanager
def connected(address: str | None) -> Iterator[str]:
    """Connect this process to Ray, quietly, for as long as the block lasts; gives a line that says to what.

    Args:
        address: None for an embedded Ray on this machine (or, inside a Ray job, for the cluster the job runs on);
            otherwise `auto`, `HOST:PORT` of a cluster that this machine belongs to, or `ray://HOST:PORT`.

    Raises:
        DegcraftError: No cluster answers at the address.
    """
    end_as_interrupted()
    # Ray Tune's newer output prints a box about every experiment whatever the verbosity; we have our own table.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    # Nobody reads the snapshots of the search that Ray Tune would make.
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", str(24 * 3600))
    # Nor its loggers' files, of which TensorBoard's writer has a thread of its own and prints its failures.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    address = address or os.environ.get("RAY_ADDRESS")
    with _joined(address) if address else _own() as where:
        end_as_interrupted()
        # A trial's failure is told in a line; its traceback is in the trial's folder, and need not be here too.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        yield f"{where}, {ray.cluster_resources().get('CPU', 0):g} processors"


def end_as_interrupted() -> None:
    """Treat SIGTERM (docker, Slurm and Kubernetes send it) as Ctrl-C; Ray, when it is imported and when it starts, puts
    handlers of its own in place that abort the process.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@contextmanager
def _own() -> Iterator[str]:
    with embedded_ray(ray.init, ray.shutdown, ENDED) as let_end:
        try:
            yield "Ray on this machine"
        finally:
            let_end()
            ray.shutdown()


@contextmanager
def _joined(address: str) -> Iterator[str]:
    try:
        _join(address)
        yield f"Ray cluster at {address}"
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    # A submitted job brings its own working directory; otherwise our packages travel to workers that lack them.
    environment: dict[str, Any] = {"env_vars": {"OMP_WAIT_POLICY": "passive"}}
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        environment["py_modules"] = [str(_package_folder(name)) for name in PACKAGES]
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise DegcraftError(
            f"--address: must lead to a running Ray cluster, but {address} does not ({in_short(error)})"
        ) from None


def worker_device() -> str:
    """The torch device of the calling Ray worker: the GPU that Ray gave it, else the CPU."""
    return "cuda" if ray.get_gpu_ids() else "cpu"


def largest_node() -> float:
    """Processors of the largest node: what one worker can have at most."""
    return max(node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"])


def worker_threads() -> int:
    """Threads for torch in the calling Ray worker: as many as it was given processors."""
    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))


def fits(cpus: float, gpus: float) -> int:
    """How many workers of this size the cluster holds at once.

    Raises:
        DegcraftError: Not even one.
    """
    have = ray.cluster_resources()
    count = int(have.get("CPU", 0) // cpus)
    if gpus > 0:
        count = min(count, int(have.get("GPU", 0) // gpus))
    if count < 1:
        raise DegcraftError(
            f"resources: a worker asks for {cpus:g} CPUs and {gpus:g} GPUs, but all of Ray has "
            f"{have.get('CPU', 0):g} CPUs and {have.get('GPU', 0):g} GPUs"
        )
    return count


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
