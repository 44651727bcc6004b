"""What compose.yaml runs in containers, run as processes of this machine: the same commands, the same environment."""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

COMPOSE = Path(__file__).parents[2] / "deploy" / "container" / "compose.yaml"
HEAD, WORKER = "127.0.0.2", "127.0.0.3"
LIMIT = 240.0
"""Seconds after which something that is to come is taken not to come."""


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody has; distinct, as all are held until the last is found."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs (Debian keeps it out of the PATH), if PostgreSQL is installed."""
    folders = [Path("/usr/lib/postgresql") / name / "bin" for name in _names("/usr/lib/postgresql")]
    found = shutil.which("postgres")
    if found:
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _names(folder: str) -> list[str]:
    return sorted(os.listdir(folder), reverse=True) if os.path.isdir(folder) else []


class Processes:
    """Processes of a test, with their output in files; all of them ended with it, children included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(
        self, name: str, command: list[str], environment: dict[str, str], user: str | None = None
    ) -> "subprocess.Popen[bytes]":
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env=environment, user=user, start_new_session=True
            )
        self._started.append(process)
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Until it is ready; fails with what was printed if a process ends before, or at the limit."""
        ends = time.monotonic() + LIMIT
        while not ready():
            for process in self._started:
                assert process.poll() is None, f"{process.args!r} ended:\n{self._printed()}"
            assert time.monotonic() < ends, f"{name} does not come:\n{self._printed()}"
            time.sleep(0.2)

    def start_ray(self, name: str, command: list[str], environment: dict[str, str], ready: Callable[[], bool]) -> None:
        """As `restart: unless-stopped` does it: Ray gives a node 30 s to start, which a busy machine may exceed."""
        ends = time.monotonic() + LIMIT
        for _ in range(3):
            process = self.start(name, command, environment)
            while process.poll() is None:
                if ready():
                    return
                assert time.monotonic() < ends, f"{name} does not come:\n{self._printed()}"
                time.sleep(0.2)
            self._started.remove(process)
        raise AssertionError(f"{name} ends whenever it starts:\n{self._printed()}")

    def _printed(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-2000:]}" for log in logs)

    def end(self) -> None:
        """Newest first, politely, then by force; Ray's own processes leave the group of their parent."""
        for process in reversed(self._started):
            family = [process.pid, *(child.pid for child in _children(process.pid))]
            process.terminate()
            _gone([process.pid], 10)
            for pid in family:
                if psutil.pid_exists(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        self._started.clear()


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _gone(pids: Iterable[int], seconds: float) -> None:
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=seconds)


class Team:
    """A database, an S3 store, an MLflow server on both, and a Ray head and worker that ask for a token."""

    def __init__(self, folder: Path, s3: str) -> None:
        self.folder, self._s3 = folder, s3
        self.database, self.mlflow, self.gcs, self.dashboard, self.serve = free_ports(5)
        self.processes = Processes(folder)
        self.secrets = {
            name: secrets.token_hex(12)
            for name in ("POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "RAY_AUTH_TOKEN", "DEGCRAFT_TOKEN")
        }
        self.mlflow_uri = f"http://127.0.0.1:{self.mlflow}"
        self.jobs = f"http://127.0.0.1:{self.dashboard}"

    def environment(self, *services: str, **more: str) -> dict[str, str]:
        """This process's environment with that of the services in compose.yaml, at this team's addresses."""
        # The tests' own Ray keeps to one machine's loopback; this one has several nodes.
        own = ("RAY_AUTH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "AWS_")
        found = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        for service in services:
            for name, value in _compose()[service].get("environment", {}).items():
                found[name] = self.here(value)
        # Commands by their bare names, as in an image; and the tests' own temporary and cache folders.
        found["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{found['PATH']}"
        found |= {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return found | {"RAY_DASHBOARD_STARTUP_TIMEOUT_S": "200"} | more

    def here(self, text: str) -> str:
        """A value of compose.yaml with this team's secrets and addresses in it."""
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: self.secrets.get(match[1], "2"), text)
        for theirs, ours in (
            ("database:5432", f"127.0.0.1:{self.database}"),
            ("http://s3:7070", self._s3),
            ("mlflow:5000", f"127.0.0.1:{self.mlflow}"),
            ("ray-head:6379", f"{HEAD}:{self.gcs}"),
        ):
            text = text.replace(theirs, ours)
        return text

    def command(self, service: str) -> list[str]:
        return [self.here(word) for word in _compose()[service]["command"]]

    def start_postgres(self, programs: Path) -> None:
        """As the postgres image does it: a user and a database `mlflow`, and a password."""
        user = None
        if os.geteuid() == 0:  # PostgreSQL does not start as root
            user = "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
            self.folder.chmod(0o755)
        home = self.folder / "postgres"
        home.mkdir()
        (home / "password").write_text(self.secrets["POSTGRES_PASSWORD"], encoding="ascii")
        if user:
            for path in (home, home / "password"):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        making = [str(programs / "initdb"), f"--pgdata={home / 'data'}", "--username=mlflow", "--no-sync"]
        making += [f"--pwfile={home / 'password'}", "--auth=scram-sha-256"]
        made = subprocess.run(making, capture_output=True, text=True, user=user, cwd=home, timeout=LIMIT)
        assert made.returncode == 0, made.stderr
        # A session without a server makes the database. -F: nothing here outlives the machine, so nothing is synced.
        single = [str(programs / "postgres"), "--single", "-F", "-D", str(home / "data"), "postgres"]
        subprocess.run(single, input=b"CREATE DATABASE mlflow;\n", check=True, user=user, cwd=home, timeout=LIMIT)
        command = f"{programs / 'postgres'} -F -D {home / 'data'} -k {home} -h 127.0.0.1 -p {self.database}"
        self.processes.start("postgres", command.split(), dict(os.environ), user)
        self.processes.wait("PostgreSQL", lambda: _listens(self.database))

    def start_mlflow(self, **instead: str) -> None:
        """The command and environment of compose.yaml, on loopback; `instead` replaces some of the environment."""
        environment = self.environment("mlflow", MLFLOW_HOST="127.0.0.1", MLFLOW_PORT=str(self.mlflow), **instead)
        self.processes.start("mlflow", self.command("mlflow"), environment)

    def start_ray(self) -> None:
        """A head on 127.0.0.2 and a worker on 127.0.0.3 (Ray takes 127.0.0.1 for an address of the outside)."""
        environment = self.environment("ray-head", DEGCRAFT_TOKEN=self.secrets["DEGCRAFT_TOKEN"])
        sizes = ["--object-store-memory=150000000", "--disable-usage-stats"]
        client, *others = free_ports(9)
        kinds = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")
        ports = [f"--{kind}-port={port}" for kind, port in zip(kinds * 2, others, strict=True)]
        theirs = {"--port=6379": f"--port={self.gcs}", "--dashboard-host=0.0.0.0": "--dashboard-host=127.0.0.1"}
        head = [theirs.get(word, word) for word in self.command("ray-head")]
        head += [f"--dashboard-port={self.dashboard}", f"--ray-client-server-port={client}"]
        head += [f"--temp-dir={self.folder / 'head'}", f"--node-ip-address={HEAD}"]
        self.processes.start_ray("ray-head", [*head, *sizes, *ports[:4]], environment, lambda: self.has_nodes(1))
        # A folder of its own for either, or the second node would unpack a job's files over the first one's.
        worker = [*self.command("ray-worker"), f"--temp-dir={self.folder / 'worker'}", f"--node-ip-address={WORKER}"]
        self.processes.start_ray("ray-worker", [*worker, *sizes, *ports[4:]], environment, lambda: self.has_nodes(2))

    def run(self, *command: str, expect: int = 0, **environment: str) -> str:
        """A command of a member of the team, with the cluster's token."""
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self.environment("ray-head", RAY_ADDRESS=self.jobs, COLUMNS="160") | environment,
            timeout=LIMIT,
        )
        assert done.returncode == expect, done.stdout
        return done.stdout

    def nodes(self) -> list[dict[str, Any]]:
        """The living nodes, as Ray's dashboard tells them to those with the token."""
        token = {"Authorization": f"Bearer {self.secrets['RAY_AUTH_TOKEN']}"}
        answer = requests.get(f"{self.jobs}/api/v0/nodes", headers=token, timeout=30)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]["result"]
        return [node for node in found if node["state"] == "ALIVE"]

    def has_nodes(self, count: int) -> bool:
        try:
            return len(self.nodes()) == count
        except requests.RequestException:
            return False

    def answers(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def s3_out_of_reach() -> Iterator[str]:
    """An S3 store's address, for those who have its keys. Elsewhere others cannot reach it, which loopback cannot show:
    so it refuses addresses that somebody with keys has signed for them, and the search and the serving must do without.
    """
    store = DomainDispatcherApplication(create_backend_app)

    def reached(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "X-Amz-Signature=" in environ["QUERY_STRING"]:
            start("403 Forbidden", [("Content-Length", "0")])
            return []
        answer: Iterable[bytes] = store(environ, start)
        return answer

    server = make_server("127.0.0.1", 0, reached, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def _listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0
