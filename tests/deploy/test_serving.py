"""`degcraft serve` as a user starts it: a real Ray Serve, a real registry, swaps and a death under load."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests
import yaml
from PIL import Image

from degcraft.cli import main
from deploy.args import ServeArgs, serve_config
from deploy.model import source
from tests.deploy.conftest import SCALE, save_tiny
from tests.deploy.registry import SOURCE, Registry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 400.0
TOKEN = "open sesame"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
CRAFTED = {
    "format": "degcraft-crafted/1",
    "axes": [
        {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2},
        {"name": "noise_level", "low": 0.0, "high": 40.0, "bins": 2},
    ],
    "weights": [0.05, 0.05, 0.85, 0.05],
    "alpha": 25.0,
    "extractor": "degnet",
    "provenance": {"secret": "of its maker"},
}


def until(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, f"never: {what}"
        time.sleep(0.05)


@dataclass
class Server:
    """A running `degcraft serve`."""

    registry: Registry
    files: list[Path]
    address: str
    process: "subprocess.Popen[str]"
    versions: list[str] = field(default_factory=list)

    def model(self) -> dict[str, Any]:
        response = requests.get(f"{self.address}/v1/model", headers=ADMIN, timeout=60)
        response.raise_for_status()
        return dict(response.json())

    def upscale(self, body: bytes) -> requests.Response:
        return requests.post(f"{self.address}/v1/upscale", data=body, headers=ADMIN, timeout=200)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of a deployment's replicas."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if f"ServeReplica:degcraft:{deployment}" in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    registry = Registry(folder)
    files = [save_tiny(folder / f"network-{seed}.safetensors", seed) for seed in range(3)]
    first = registry.add(files[0], SCALE, CRAFTED)
    (folder / "token").write_text(TOKEN)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = ["serve", "--model", SOURCE, "--follow", "--follow-seconds", "0.5", "--replicas", "2", "--cpus", "0.5"]
    words += ["--device", "cpu", "--port", str(port), "--token-file", str(folder / "token"), "--tile", "64"]
    process = subprocess.Popen(
        [sys.executable, "-m", "degcraft", *words],
        env={**os.environ, "MLFLOW_TRACKING_URI": registry.tracking_uri, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Server(registry, files, f"http://127.0.0.1:{port}", process, [first])

    def is_ready() -> bool:
        assert process.poll() is None, process.communicate()[0]
        try:
            answer = requests.get(f"{running.address}/readyz", timeout=10)
        except requests.RequestException:
            return False
        return answer.ok and answer.json()["replicas"] == 2

    try:
        until(is_ready, "ready")
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


def as_png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def bodies(photograph: np.ndarray) -> list[bytes]:
    """Images of several sizes; the last is restored in tiles."""
    return [as_png(photograph[:side, : side + 8]) for side in (24, 40, 56, 150)]


class Clients:
    """Clients that ask again and again, each as soon as it is answered."""

    def __init__(self, server: Server, bodies: list[bytes], count: int) -> None:
        self.answers: list[tuple[int, str, str]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(server, bodies, number)) for number in range(count)]

    def _ask(self, server: Server, bodies: list[bytes], number: int) -> None:
        while not self._over.is_set():
            response = server.upscale(bodies[number % len(bodies)])
            told = response.headers.get("X-Model", ""), response.headers.get("Retry-After", "")
            self.answers.append((response.status_code, *told))
            number += 1

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads)

    def wait_for(self, model: str) -> None:
        """Until a model has answered from now on."""
        seen = len(self.answers)
        until(lambda: any(answer[1] == model for answer in self.answers[seen:]), f"an answer by {model}")


def test_it_serves_the_champion_and_says_so(server: Server, bodies: list[bytes], photograph: np.ndarray) -> None:
    told = server.model()
    assert told["model"] | {"crafted": None} == {
        "uri": server.versions[0],
        "name": "film",
        "version": "1",
        "run_id": server.registry.run_of(server.versions[0]),
        "network": "srresnet",
        "scale": SCALE,
        "parameters": 4531,
        "device": "cpu",
        "crafted": None,
        "crafted_for": "blur sigma 2 to 4, noise level 0 to 20",
    }
    assert told["model"]["crafted"]["weights"] == CRAFTED["weights"]
    assert "provenance" not in told["model"]["crafted"]
    assert (told["source"], told["following"], told["problem"]) == (SOURCE, True, None)
    expected = source.load(str(server.files[0]), "cpu", None, 64)
    response = server.upscale(bodies[0])
    assert response.headers["X-Model"] == server.versions[0]
    received = np.asarray(Image.open(io.BytesIO(response.content)))
    assert np.abs(received.astype(int) - expected.restore_batch([photograph[:24, :32]])[0]).max() <= 1


def test_it_swaps_under_load_and_nothing_fails(server: Server, bodies: list[bytes]) -> None:
    with Clients(server, bodies, 6) as clients:
        clients.wait_for(server.versions[0])
        server.versions.append(server.registry.add(server.files[1], SCALE))
        clients.wait_for(server.versions[1])
        server.registry.point(server.versions[0])
        clients.wait_for(server.versions[0])
        server.registry.point(server.versions[1])
        clients.wait_for(server.versions[1])
    assert {status for status, _, _ in clients.answers} == {200}
    assert len(server.replicas("Model")) == 2


def test_a_broken_new_model_leaves_the_old_one_serving(server: Server, bodies: list[bytes]) -> None:
    broken = server.registry.add(server.files[2], SCALE, alias="candidate")
    server.registry.damage(broken)
    before = {process.pid for process in server.replicas("Model")}
    with Clients(server, bodies, 3) as clients:
        server.registry.point(broken)
        until(lambda: server.model()["problem"], "the problem is told")
        clients.wait_for(server.versions[1])
    assert {answer[:2] for answer in clients.answers} == {(200, server.versions[1])}
    told = server.model()
    assert broken in told["problem"]
    assert "safetensors" in told["problem"]
    assert (told["model"]["uri"], told["wanted"]) == (server.versions[1], broken)
    ready = requests.get(f"{server.address}/readyz", timeout=60)
    assert (ready.status_code, ready.json()["problem"]) == (200, told["problem"])
    assert {process.pid for process in server.replicas("Model")} == before

    server.registry.point(server.versions[1])
    refreshed = requests.post(f"{server.address}/v1/admin/refresh", headers=ADMIN, timeout=200).json()
    assert (refreshed["problem"], refreshed["wanted"]) == (None, server.versions[1])


def test_a_replica_that_is_killed_costs_nobody_an_answer(server: Server, bodies: list[bytes]) -> None:
    victim = server.replicas("Model")[0]
    with Clients(server, bodies, 6) as clients:
        clients.wait_for(server.versions[1])
        victim.kill()
        clients.wait_for(server.versions[1])

        def is_replaced() -> bool:
            pids = {process.pid for process in server.replicas("Model")}
            return len(pids) == 2 and victim.pid not in pids and len(server.model()["replicas"]) == 2

        until(is_replaced, "another replica takes its place")
        clients.wait_for(server.versions[1])
    lost = [answer for answer in clients.answers if answer[0] != 200]
    assert all(status == 503 and retry for status, _, retry in lost), lost
    assert {entry["model"] for entry in server.model()["replicas"]} == {server.versions[1]}


def test_a_signal_ends_it_and_leaves_nothing_behind(server: Server) -> None:
    family = psutil.Process(server.process.pid).children(recursive=True)
    server.process.send_signal(signal.SIGTERM)
    printed, _ = server.process.communicate(timeout=PATIENCE_S)
    assert server.process.returncode == 0, printed
    assert f"serving at {server.address}" in printed
    assert "Traceback" not in printed
    until(lambda: not psutil.wait_procs(family, timeout=0.1)[1], "all of its processes end")


def test_the_printed_configuration_is_that_of_the_application(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "models:/film/3", "--replicas", "3", "--device", "cuda", "--host", "0.0.0.0", "--port", "9000"]
    assert main(["serve", *words, "--follow", "--timeout", "7", "--print-config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    expected = ServeArgs(model="models:/film/3", replicas=3, device="cuda", follow=True, timeout_s=7)
    assert printed == serve_config(expected, "0.0.0.0", 9000)
    from ray.serve.schema import ServeDeploySchema

    assert ServeDeploySchema.model_validate(printed).applications[0].import_path == "deploy.app:build"


def test_what_cannot_be_served_is_said_before_ray_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network_file: Path
) -> None:
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    for words, sentence in (
        (["--model", str(tmp_path / "none.safetensors")], "there is no such file"),
        (["--model", str(tmp_path / "noise.safetensors")], "not a readable safetensors file"),
        (["--model", "models:/film@champion"], "set MLFLOW_TRACKING_URI"),
        (["--model", str(network_file), "--follow"], "needs a registered model"),
        (["--timeout", "0"], "--timeout: Input should be greater than 0"),
        (["--model", str(network_file), "--token-file", str(tmp_path / "none")], "token_file"),
    ):
        assert main(["serve", *words]) == 2
        printed = capsys.readouterr()
        assert sentence in printed.err
        assert printed.err.count("\n") == 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--model", str(network_file), "--port", str(taken.getsockname()[1])]) == 2
    assert "cannot listen on" in capsys.readouterr().err
