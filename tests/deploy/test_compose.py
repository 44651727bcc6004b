"""The container image's definition and the compose files: well-formed, consistent, and closed to the outside."""

import ipaddress
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.http.proxy import PROXY_ENVIRONMENT

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "container"
COMPOSE = ("compose.yaml", "compose.gpu.yaml")


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("compose.yaml"))["services"]
    return found


def example() -> dict[str, str]:
    """The lines of `.env.example`."""
    lines = [line for line in read(".env.example").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", read("Containerfile"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def given(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


@pytest.mark.parametrize("name", COMPOSE)
def test_the_compose_specification(name: str) -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text(encoding="utf-8"))
    validator = Draft7Validator(schema)
    written = yaml.safe_load(read(name))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(written)] == []
    written["services"]["serve"] = {"port": "8000:8000"}
    assert len(list(validator.iter_errors(written))) == 1


def _docker_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60).returncode == 0


@pytest.mark.skipif(not _docker_compose(), reason="docker compose is not installed")
def test_what_docker_compose_makes_of_it(tmp_path: Path) -> None:
    filled = tmp_path / "filled.env"
    filled.write_text("".join(f"{name}={value or 'secret'}\n" for name, value in example().items()), encoding="utf-8")
    files = [word for name in COMPOSE for word in ("--file", str(FOLDER / name))]
    command = ["docker", "compose", "--env-file", str(filled), *files, "--profile", "serve", "config", "--quiet"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr


def test_every_setting_is_in_the_example_and_used() -> None:
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", read("compose.yaml")))
    assert used == set(example())
    # A setting that is left out stops compose with a word about it, and no secret has a value that many would share.
    assert len(re.findall(r"\$\{", read("compose.yaml"))) == len(re.findall(r"\$\{\w+:\?", read("compose.yaml")))
    secret = {name for name in used if name.endswith(("PASSWORD", "KEY", "TOKEN"))}
    assert len(secret) == 5
    assert all(example()[name] == "" for name in secret)
    assert "/.env" in read(".gitignore").splitlines()


def test_only_this_machine_reaches_the_ports() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (5000, 8000, 8265)]


def test_everyone_waits_for_what_they_need() -> None:
    for name, service in services().items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services()[needed], f"{name} would wait for {needed} for ever"
            assert set(service["networks"]) & set(services()[needed]["networks"]), f"{name} does not reach {needed}"


def test_the_store_is_out_of_reach_of_searches() -> None:
    assert {name for name, service in services().items() if "store" in service["networks"]} == {
        "database",
        "s3",
        "mlflow",
    }


def test_images_have_versions() -> None:
    for service in services().values():
        name, version = service["image"].split(":", 1)
        assert re.match(r"v?\d" if name != "degcraft" else r"\$\{TORCH:\?", version)


def test_the_gpu_file_adds_to_services_that_are_there() -> None:
    assert set(yaml.safe_load(read("compose.gpu.yaml"))["services"]) <= set(services())


def test_the_image_is_not_root_and_tells_its_health() -> None:
    assert given("USER") == ["1000:1000"]
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    (check,) = given("HEALTHCHECK")
    assert "/readyz" in check
    (command,), (entry,) = given("CMD"), given("ENTRYPOINT")
    assert json.loads(command)[:2] == ["degcraft", "serve"]
    assert json.loads(entry) == ["tini", "--"]


def test_the_image_has_the_environment_of_the_proxy() -> None:
    written = dict(pair.split("=", 1) for line in given("ENV") for pair in line.split())
    assert written | PROXY_ENVIRONMENT == written


def test_one_argument_chooses_between_cpu_and_gpu() -> None:
    assert given("ARG") == ["TORCH=cpu"]
    assert example()["TORCH"] == "cpu"
    assert sum('--torch-backend "$TORCH"' in command for command in given("RUN")) == 1


def test_the_image_holds_the_whole_project_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = [source for rest in given("COPY") for source in rest.split()[:-1]]
    assert set(packages) <= set(copied)
    assert all((ROOT / source).exists() for source in copied)
    kept = [line[1:] for line in read("Containerfile.dockerignore").splitlines() if line.startswith("!")]
    assert sorted(kept) == sorted(copied)
    extras = re.findall(r"--extra (\w+)", " ".join(given("RUN")))
    assert set(extras) <= set(project["project"]["optional-dependencies"])


def test_the_image_has_what_starts_and_probes_it_from_outside() -> None:
    packages = next(command for command in given("RUN") if "apt-get install" in command)
    # rsync by `ray up`, ssh by the head that it starts, wget by KubeRay and by HEALTHCHECK.
    assert {"rsync", "openssh-client", "wget"} <= set(packages.split())


def test_the_cluster_file_is_one_that_ray_up_takes() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    written = yaml.safe_load((ROOT / "deploy" / "cluster.yaml").read_text(encoding="utf-8"))
    prepared = prepare_config(written)
    validate_config(prepared)
    assert prepared["max_workers"] == len(written["provider"]["worker_ips"])
    # Ray compares them with what its nodes call themselves.
    for address in (written["provider"]["head_ip"], *written["provider"]["worker_ips"]):
        ipaddress.ip_address(address)
    starts = [*written["head_start_ray_commands"], *written["worker_start_ray_commands"]]
    assert all("RAY_AUTH_MODE=token" in command for command in starts if "ray start" in command)
