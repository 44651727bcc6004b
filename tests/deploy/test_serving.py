"""`degcraft serve` as a user starts it: a real Ray Serve, a real registry, swaps and a death under load."""

import io
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
import yaml
from PIL import Image

from degcraft.cli import main
from deploy.app import INGRESSES
from deploy.args import ServeArgs, serve_config
from deploy.model import source
from tests.deploy.conftest import SCALE, save_tiny
from tests.deploy.registry import SOURCE, Registry
from tests.deploy.running import PATIENCE_S, Clients, Server, as_png, running, until
from tests.listening import listened_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

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


@dataclass
class Served:
    """A server of the champion, and what it can be given."""

    server: Server
    registry: Registry
    files: list[Path]
    versions: list[str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    registry = Registry(folder)
    files = [save_tiny(folder / f"network-{seed}.safetensors", seed) for seed in range(3)]
    first = registry.add(files[0], SCALE, CRAFTED)
    words = ["--model", SOURCE, "--follow", "--follow-seconds", "0.5", "--cpus", "0.5", "--device", "cpu"]
    words += ["--tile", "64"]
    environment = {"MLFLOW_TRACKING_URI": registry.tracking_uri, "OMP_NUM_THREADS": "1"}
    with running(*words, replicas=2, token="open sesame", **environment) as server:
        yield Served(server, registry, files, [first])


@pytest.fixture
def server(served: Served) -> Server:
    return served.server


@pytest.fixture(scope="module")
def bodies(photograph: np.ndarray) -> list[bytes]:
    """Images of several sizes; the last is restored in tiles."""
    return [as_png(photograph[:side, : side + 8]) for side in (24, 40, 56, 150)]


def test_it_serves_the_champion_and_says_so(
    served: Served, server: Server, bodies: list[bytes], photograph: np.ndarray
) -> None:
    told = server.model()
    assert told["model"] | {"crafted": None} == {
        "uri": served.versions[0],
        "name": "film",
        "version": "1",
        "run_id": served.registry.run_of(served.versions[0]),
        "network": "srresnet",
        "scale": SCALE,
        "parameters": 4531,
        "device": "cpu",
        "crafted": None,
        "crafted_for": "blur sigma 2 to 4, noise 0 to 20",
    }
    assert told["model"]["crafted"]["weights"] == CRAFTED["weights"]
    assert "provenance" not in told["model"]["crafted"]
    assert (told["source"], told["following"], told["problem"]) == (SOURCE, True, None)
    expected = source.load(str(served.files[0]), "cpu", None, 64)
    response = server.upscale(bodies[0])
    assert response.headers["X-Model"] == served.versions[0]
    received = np.asarray(Image.open(io.BytesIO(response.content)))
    assert np.abs(received.astype(int) - expected.restore_batch([photograph[:24, :32]])[0]).max() <= 1


def test_it_swaps_under_load_and_nothing_fails(served: Served, server: Server, bodies: list[bytes]) -> None:
    with Clients(server, bodies, 6) as clients:
        clients.wait_for(served.versions[0])
        served.versions.append(served.registry.add(served.files[1], SCALE))
        clients.wait_for(served.versions[1])
        served.registry.point(served.versions[0])
        clients.wait_for(served.versions[0])
        served.registry.point(served.versions[1])
        clients.wait_for(served.versions[1])
    assert {answer.status for answer in clients.answers} == {200}
    assert len(server.replicas("Model")) == 2


def test_a_broken_new_model_leaves_the_old_one_serving(served: Served, server: Server, bodies: list[bytes]) -> None:
    broken = served.registry.add(served.files[2], SCALE, alias="candidate")
    served.registry.damage(broken)
    before = {process.pid for process in server.replicas("Model")}
    with Clients(server, bodies, 3) as clients:
        served.registry.point(broken)
        until(lambda: server.model()["problem"], "the problem is told")
        clients.wait_for(served.versions[1])
    assert {(answer.status, answer.model) for answer in clients.answers} == {(200, served.versions[1])}
    told = server.model()
    assert broken in told["problem"]
    assert "safetensors" in told["problem"]
    assert (told["model"]["uri"], told["wanted"]) == (served.versions[1], broken)
    ready = requests.get(f"{server.address}/readyz", headers=server.headers, timeout=60)
    assert (ready.status_code, ready.json()["problem"]) == (200, told["problem"])
    assert {process.pid for process in server.replicas("Model")} == before

    served.registry.point(served.versions[1])
    refreshed = requests.post(f"{server.address}/v1/admin/refresh", headers=server.headers, timeout=200).json()
    assert (refreshed["problem"], refreshed["wanted"]) == (None, served.versions[1])


def test_a_replica_that_is_killed_costs_nobody_an_answer(served: Served, server: Server, bodies: list[bytes]) -> None:
    victim = server.replicas("Model")[0]
    with Clients(server, bodies, 6) as clients:
        clients.wait_for(served.versions[1])
        victim.kill()
        clients.wait_for(served.versions[1])

        def is_replaced() -> bool:
            pids = {process.pid for process in server.replicas("Model")}
            return len(pids) == 2 and victim.pid not in pids and len(server.model()["replicas"]) == 2

        until(is_replaced, "another replica takes its place")
        clients.wait_for(served.versions[1])
    assert refused_in_json(clients)
    assert {entry["model"] for entry in server.model()["replicas"]} == {served.versions[1]}


def refused_in_json(clients: Clients) -> bool:
    """Whether who got no image was told in JSON when to come again."""
    lost = [answer for answer in clients.answers if answer.status != 200]
    return all((one.status, one.kind) == (503, "application/json") and one.retry_after for one in lost)


def test_an_ingress_that_is_killed_leaves_another(served: Served, server: Server, bodies: list[bytes]) -> None:
    victim = server.replicas("Ingress")[0]
    with Clients(server, bodies, 4) as clients:
        clients.wait_for(served.versions[1])
        victim.kill()
        clients.wait_for(served.versions[1])

        def is_replaced() -> bool:
            pids = {process.pid for process in server.replicas("Ingress")}
            return len(pids) == INGRESSES and victim.pid not in pids

        until(is_replaced, "another ingress takes its place")
    assert refused_in_json(clients)


def test_a_proxy_that_is_killed_comes_back(served: Served, server: Server, bodies: list[bytes]) -> None:
    (victim,) = server.proxies()
    with Clients(server, bodies, 2) as clients:
        clients.wait_for(served.versions[1])
        victim.kill()
        # Those whose connection ended with it are not told; all that come while it is gone are.
        until(lambda: any(answer.status == 503 for answer in clients.answers), "its clients are told")
        clients.wait_for(served.versions[1])
    told = [answer for answer in clients.answers if answer.status == 503]
    assert all(answer.kind == "application/json" and answer.retry_after for answer in told)
    (successor,) = server.proxies()
    assert successor.pid != victim.pid


def test_other_names_and_sites_are_refused_through_ray_too(server: Server, bodies: list[bytes]) -> None:
    answers: list[requests.Response] = []

    def is_answered(headers: dict[str, str]) -> bool:
        whole = server.headers | headers
        answers.append(requests.post(f"{server.address}/v1/upscale", data=bodies[0], headers=whole, timeout=60))
        return answers[-1].status_code != 503

    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
        # Of a proxy that an earlier test killed the stand-in may still be there, which tells clients to come again.
        until(partial(is_answered, headers), "the server is back")
        assert (answers[-1].status_code, answers[-1].headers["Content-Type"]) == (status, "application/json")
    ready = partial(requests.get, f"{server.address}/readyz", timeout=60)
    until(lambda: ready().json() == {"status": "ready"}, "the server is ready")


def test_it_listens_on_loopback_but_for_a_port_of_each_replica(server: Server) -> None:
    """That by which deployments call each other, for which Ray has no setting."""
    assert [command for _, command in listened_on(server.process.pid) if "ServeReplica" not in command] == []


def test_a_signal_ends_it_and_leaves_nothing_behind(server: Server) -> None:
    family = psutil.Process(server.process.pid).children(recursive=True)
    server.process.send_signal(signal.SIGTERM)
    printed, _ = server.process.communicate(timeout=PATIENCE_S)
    assert server.process.returncode == 0, printed
    assert f"serving at {server.address}" in printed
    assert "Traceback" not in printed
    assert "graceful_shutdown" not in printed
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
