"""A team's whole deployment, in processes: PostgreSQL, S3, MLflow, two Ray nodes, a submitted search, serving."""

import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import requests
import yaml
from mlflow import MlflowClient
from PIL import Image

from tests.deploy.team import HEAD, LIMIT, WORKER, Team, postgres_programs, s3_out_of_reach
from tracking.models import load_sr_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

POSTGRES = postgres_programs()
BACKEND = "sqlite" if POSTGRES is None else "postgresql"
"""PostgreSQL wherever it is installed; the names of the tests say what it was."""


@pytest.fixture(scope="module", params=[BACKEND])
def team() -> Iterator[Team]:
    """All of compose.yaml but serving, up and healthy."""
    # Not pytest's folder, whose name is too long for the sockets of Ray and PostgreSQL.
    with (
        s3_out_of_reach() as address,
        tempfile.TemporaryDirectory(prefix="team-", dir="/tmp", ignore_cleanup_errors=True) as folder,
    ):
        made = Team(Path(folder), address)
        try:
            keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
            boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="mlflow")
            if POSTGRES is None:
                made.start_mlflow(MLFLOW_BACKEND_STORE_URI=f"sqlite:///{folder}/mlflow.db")
            else:
                made.start_postgres(POSTGRES)
                made.start_mlflow()
            made.start_ray()
            made.processes.wait("MLflow", lambda: made.answers(f"{made.mlflow_uri}/health"))
            yield made
        finally:
            made.processes.end()


@pytest.fixture(scope="module")
def champion(team: Team, photographs: Path) -> dict[str, Any]:
    """What `ray job submit` of a small search made the champion: version, run, and what was printed."""
    job = team.folder / "job"
    job.mkdir()
    spec = {
        "name": "tiny",
        "references": str(photographs / "others"),
        "hr": str(photographs / "clean"),
        "output": str(team.folder / "searches" / "tiny"),
        "scale": 2,
        "synthetic": {"box": {"blur_sigma": [2.0, 3.0], "noise_level": [0.0, 10.0]}},
        "space": [
            {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2},
            {"name": "noise_level", "low": 0.0, "high": 40.0, "bins": 2},
        ],
        "patches": {"count": 8, "size": 64},
        "held_out": {"fraction": 0.4, "size": 64, "count": 3},
        "network": {"name": "srresnet", "channels": 8, "blocks": 1, "start": "none"},
        "search": {"extractor": "alexnet-random"},
        "training": {
            "steps": 4,
            "batch": 2,
            "lr_patch": 16,
            "reports": 1,
            "precision": "float32",
        },
        "budget": {"trials": 1},
        # So small a network does not beat bicubic, and would only become candidate.
        "tracking": {"register": "always"},
    }
    (job / "search.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    printed = team.run("ray", "job", "submit", "--working-dir", str(job), "--", "degcraft", "search", "search.yaml")
    found = MlflowClient(team.mlflow_uri).get_model_version_by_alias("degcraft-sr", "champion")
    return {"version": found.version, "run": found.run_id, "printed": printed}


@pytest.fixture(scope="module")
def served(team: Team, champion: dict[str, Any]) -> str:
    """The address of the champion, served on the cluster from the configuration that degcraft prints."""
    words = ["--host", "127.0.0.1", "--port", str(team.serve), "--device", "cpu", "--follow"]
    printed = team.run("degcraft", "serve", *words, "--print-config")
    (team.folder / "serve.yaml").write_text(printed, encoding="utf-8")
    team.run("serve", "deploy", "serve.yaml", "--address", team.jobs)
    address = f"http://127.0.0.1:{team.serve}"
    team.processes.wait("the served model", lambda: team.answers(f"{address}/readyz"))
    return address


def test_the_cluster_has_two_nodes_and_the_compose_files_say_when_they_are_healthy(team: Team) -> None:
    assert sorted((node["node_ip"], node["is_head_node"]) for node in team.nodes()) == [
        (HEAD, True),
        (WORKER, False),
    ]
    team.run("ray", "health-check", f"--address={HEAD}:{team.gcs}")


@pytest.mark.parametrize("token", [None, "Bearer " + "0" * 24])
def test_without_the_token_the_cluster_takes_no_job(team: Team, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    answer = requests.post(f"{team.jobs}/api/jobs/", json={"entrypoint": "true"}, headers=headers, timeout=30)
    assert answer.status_code in (401, 403)


def test_a_submitted_search_makes_a_champion(team: Team, champion: dict[str, Any]) -> None:
    assert "Ray cluster at" in champion["printed"]
    assert "succeeded" in champion["printed"]
    assert champion["version"] == "1"
    client = MlflowClient(team.mlflow_uri)
    run = client.get_run(champion["run"])
    assert run.info.status == "FINISHED"
    # Files went to the store through the server: whoever searches has no key of it.
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    store = boto3.client(
        "s3",
        endpoint_url=team.here("http://s3:7070"),
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    )
    stored = [item["Key"] for item in store.list_objects_v2(Bucket="mlflow")["Contents"]]
    assert sum(name.endswith("network.safetensors") for name in stored) >= 1


def test_the_served_champion_restores_as_the_network_itself_does(
    team: Team, champion: dict[str, Any], served: str, photographs: Path
) -> None:
    lr = next(iter(sorted((photographs / "others").iterdir()))).read_bytes()
    refused = requests.post(f"{served}/v1/upscale", data=lr, timeout=60)
    assert refused.status_code == 401
    token = {"Authorization": f"Bearer {team.secrets['DEGCRAFT_TOKEN']}"}
    answer = requests.post(f"{served}/v1/upscale", data=lr, headers=token, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    restored = np.asarray(Image.open(io.BytesIO(answer.content)))

    import torch

    network = load_sr_model("models:/degcraft-sr@champion", tracking_uri=team.mlflow_uri)
    pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(lr)).convert("RGB"))).permute(2, 0, 1) / 255
    with torch.no_grad():
        expected = network.model(pixels[None])[0].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert restored.shape == expected.shape
    assert np.abs(restored.astype(int) - expected).max() <= 1


def test_the_champion_is_changed_and_rolled_back_by_its_alias(
    team: Team, champion: dict[str, Any], served: str
) -> None:
    client = MlflowClient(team.mlflow_uri)
    first = client.get_model_version("degcraft-sr", champion["version"])
    model_id = first.source.split("/")[-2]  # the server keeps it, and does not tell it
    second = client.create_model_version("degcraft-sr", first.source, run_id=first.run_id, model_id=model_id)
    token = {"Authorization": f"Bearer {team.secrets['DEGCRAFT_TOKEN']}"}

    def serves(version: str) -> bool:
        answer = requests.get(f"{served}/v1/model", headers=token, timeout=30)
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["model"]["version"] == version)

    for version in (second.version, first.version):
        team.run("degcraft", "champion", str(version))
        ends = time.monotonic() + LIMIT
        while not serves(version):
            assert time.monotonic() < ends, f"version {version} is not served"
            time.sleep(0.5)
