"""The Kubernetes manifests: against KubeRay's own schemas, and against each other."""

import copy
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from ray.serve.schema import ServeDeploySchema

from deploy.args import ServeArgs, serve_config
from tune.spec import SearchSpec

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
Manifest = dict[str, Any]


@cache
def schemas() -> dict[str, Any]:
    """See condense_crds.py."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("kuberay.schema.json").read_text(encoding="utf-8"))
    return found


def schema_at(kind: str, *path: str) -> dict[str, Any]:
    """A part of a kind's schema; `*` steps into the items of a list."""

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = schemas()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return found

    part = resolved(schemas()["kinds"][kind])
    for step in path:
        part = resolved(part["items"] if step == "*" else part["properties"][step])
    return {**part, "$defs": schemas()["$defs"]}


def problems(instance: Any, schema: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(instance)]


def manifests() -> list[tuple[str, Manifest]]:
    return [
        (f"{file.stem}-{document['kind']}", document)
        for file in sorted(FOLDER.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def manifest(kind: str) -> Manifest:
    (found,) = [copy.deepcopy(document) for _, document in manifests() if document["kind"] == kind]
    return found


def cluster_of(document: Manifest) -> Manifest:
    """The specification of the Ray cluster in a manifest of any of the three kinds."""
    spec: Manifest = document["spec"]
    return (
        spec
        if document["kind"] == "RayCluster"
        else spec["rayClusterSpec" if "entrypoint" in spec else "rayClusterConfig"]
    )


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping anywhere in a manifest."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from inside(item)


def pod_specs(document: Manifest) -> list[Manifest]:
    return [
        one["template"]["spec"] for one in inside(document) if "containers" in one.get("template", {}).get("spec", {})
    ] + [one["submitterPodTemplate"]["spec"] for one in inside(document) if "submitterPodTemplate" in one]


RAY_KINDS = ("RayCluster", "RayJob", "RayService")


@pytest.mark.parametrize("kind", RAY_KINDS)
def test_what_kuberay_would_take(kind: str) -> None:
    assert problems(manifest(kind), schema_at(kind)) == []


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("RayCluster", "spec.authOption", {"mode": "token"}),
        ("RayCluster", "spec.authOptions.mode", "tokens"),
        ("RayCluster", "spec.headGroupSpec.template.spec.containers", {}),
        ("RayCluster", "spec.enableInTreeAutoscaling", "yes"),
        ("RayJob", "spec.submissionmode", "HTTPMode"),
        ("RayJob", "spec.rayClusterSpec.headGroupSpec.template.spec.restartpolicy", "Never"),
        ("RayService", "spec.serveConfigV2", {"applications": []}),
        ("RayService", "spec.upgradeStrategy.maxSurge", 100),
    ],
)
def test_what_kuberay_would_refuse(kind: str, path: str, wrong: Any) -> None:
    document = manifest(kind)
    *steps, last = path.split(".")
    part = document
    for step in steps:
        part = part[step]
    part[last] = wrong
    assert len(problems(document, schema_at(kind))) == 1


def test_the_other_kinds_by_the_schemas_that_kuberays_hold_of_them() -> None:
    pod = schema_at("RayCluster", "spec", "headGroupSpec", "template")
    service = schema_at("RayCluster", "spec", "headGroupSpec", "headService", "spec")
    volume = ("spec", "headGroupSpec", "template", "spec", "volumes", "*")
    claim = schema_at("RayCluster", *volume, "ephemeral", "volumeClaimTemplate", "spec")
    deployment = manifest("Deployment")["spec"]
    assert problems(deployment["template"], pod) == []
    assert problems(manifest("Service")["spec"], service) == []
    assert problems(manifest("PersistentVolumeClaim")["spec"], claim) == []
    labels = deployment["template"]["metadata"]["labels"].items()
    assert deployment["selector"]["matchLabels"].items() <= labels
    assert manifest("Service")["spec"]["selector"].items() <= labels


@pytest.mark.parametrize("kind", RAY_KINDS)
def test_a_cluster_asks_for_a_token_and_scales_its_gpu_workers(kind: str) -> None:
    cluster = cluster_of(manifest(kind))
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["enableInTreeAutoscaling"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (workers,) = cluster["workerGroupSpecs"]
    assert 1 <= workers["minReplicas"] == workers["replicas"] < workers["maxReplicas"]
    (container,) = workers["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize("kind", RAY_KINDS)
def test_the_ray_of_the_manifests_is_the_ray_of_the_image(kind: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"ray=={cluster_of(manifest(kind))['rayVersion']}" in project["tool"]["uv"]["constraint-dependencies"]


@pytest.mark.parametrize("kind", [*RAY_KINDS, "Deployment"])
def test_nothing_runs_as_root(kind: str) -> None:
    pods = pod_specs(manifest(kind))
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_one_image_and_a_place_to_name_it() -> None:
    images = {c["image"] for _, document in manifests() for pod in pod_specs(document) for c in pod["containers"]}
    (place,) = manifest("Kustomization")["images"]
    assert images == {f"{place['name']}:{place['newTag']}"}


def test_what_pods_refer_to_is_there_or_is_a_secret_that_the_reader_is_told_to_make() -> None:
    told = set(re.findall(r"create secret generic (\S+)", (FOLDER / "kustomization.yaml").read_text(encoding="utf-8")))
    made = {(document["kind"], document.get("metadata", {}).get("name")) for _, document in manifests()}
    for _, document in manifests():
        for part in inside(document):
            if "secretRef" in part:
                assert part["secretRef"]["name"] in told
            if "configMap" in part:
                assert ("ConfigMap", part["configMap"]["name"]) in made
            if "persistentVolumeClaim" in part:
                assert ("PersistentVolumeClaim", part["persistentVolumeClaim"]["claimName"]) in made
            if part.get("name") == "MLFLOW_TRACKING_URI":
                name, port = re.fullmatch(r"http://(.+):(\d+)", part["value"]).groups()  # type: ignore[union-attr]
                assert name == manifest("Service")["metadata"]["name"]
                assert int(port) == manifest("Service")["spec"]["ports"][0]["port"]


def test_services_of_different_clusters_do_not_meet() -> None:
    """KubeRay names the head's service after the cluster, and after the RayService."""
    assert manifest("RayCluster")["metadata"]["name"] != manifest("RayService")["metadata"]["name"]


def test_the_search_of_the_job_is_one_that_a_search_takes() -> None:
    spec = SearchSpec.model_validate(yaml.safe_load(manifest("ConfigMap")["data"]["search.yaml"]))
    job = manifest("RayJob")["spec"]
    head = job["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    mounted = {mount["mountPath"] for mount in head["volumeMounts"]}
    assert job["entrypoint"].split()[:2] == ["degcraft", "search"]
    assert str(Path(job["entrypoint"].split()[2]).parent) in mounted
    assert str(Path(spec.output).parent) in mounted
    # Pods share no folder, so what workers write and read has to be at a URI.
    assert str(spec.storage).startswith("s3://")
    (workers,) = job["rayClusterSpec"]["workerGroupSpecs"]
    assert spec.search.concurrent == workers["maxReplicas"]
    assert spec.resources.gpus == spec.resources.distance_gpus == 1


def test_the_service_runs_the_configuration_that_degcraft_prints() -> None:
    written = yaml.safe_load(manifest("RayService")["spec"]["serveConfigV2"])
    ServeDeploySchema.model_validate(written)
    given = ServeArgs.model_validate(written["applications"][0].pop("args"))
    printed = serve_config(given, "0.0.0.0", 8000)
    assert given.follow
    assert given.device == "cuda"
    assert given.replicas == cluster_of(manifest("RayService"))["workerGroupSpecs"][0]["minReplicas"]
    printed["applications"][0].pop("args")
    assert written == printed


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_puts_an_image_of_your_own_everywhere(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    place = tmp_path / "kubernetes" / "kustomization.yaml"
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace("newName: registry.example/degcraft", "newName: mine/sr"), encoding="utf-8")
    built = subprocess.run(
        ["kubectl", "kustomize", str(place.parent)], capture_output=True, text=True, check=True, timeout=60
    )
    documents = list(yaml.safe_load_all(built.stdout))
    assert {one["kind"] for one in documents} == {
        "Deployment",
        "PersistentVolumeClaim",
        "RayCluster",
        "RayService",
        "Service",
    }
    images = [c["image"] for one in documents for pod in pod_specs(one) for c in pod["containers"]]
    assert images == ["mine/sr:cuda"] * 5
    for one in documents:
        if one["kind"] in RAY_KINDS:
            assert problems(one, schema_at(one["kind"])) == []
