"""`degcraft champion` on a real registry: the list, going back, and what cannot be chosen."""

import json
from pathlib import Path

import pytest

from degcraft.cli import main
from degcraft.networks import build_network, save_network
from tests.deploy.registry import NAME, SOURCE, Registry
from tracking.models import resolve_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Three versions, the last of them the champion."""
    folder = tmp_path_factory.mktemp("registered")
    made = Registry(folder)
    sizes = {"channels": 8, "blocks": 1}
    for seed in range(3):
        file = folder / f"{seed}.safetensors"
        save_network(
            file, build_network("srresnet", scale=2, seed=seed, **sizes), name="srresnet", hyperparameters=sizes
        )
        uri = made.add(file, 2)
        made.client.set_model_version_tag(NAME, uri.rpartition("/")[2], "psnr", str(25.5 + seed))
        made.client.set_model_version_tag(NAME, uri.rpartition("/")[2], "degcraft.trial", f"trial-{seed}")
    return made


def words(registry: Registry, *more: str) -> list[str]:
    return ["champion", *more, "--name", NAME, "--tracking-uri", registry.tracking_uri]


def test_versions_are_listed_newest_first_with_their_scores(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert main(words(registry)) == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    rows = [row for row in rows if row and row[0].isdigit()]
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [
        ("3", "champion", "27.5", "trial-2"),
        ("2", "", "26.5", "trial-1"),
        ("1", "", "25.5", "trial-0"),
    ]
    runs = [registry.run_of(f"models:/{NAME}/{number}") for number in (3, 2, 1)]
    assert [row[5] for row in rows] == runs
    assert main(words(registry, "--json")) == 0
    assert [version["run_id"] for version in json.loads(capsys.readouterr().out)] == runs


def test_a_score_on_proxies_is_listed_as_one(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    caveat = "a score on proxies ranks the trials of its search"
    registry.client.set_model_version_tag(NAME, "1", "held_out", "ground truth")
    assert main(words(registry)) == 0
    assert caveat not in capsys.readouterr().out
    registry.client.set_model_version_tag(NAME, "2", "held_out", "proxy")
    try:
        assert main(words(registry)) == 0
        shown = capsys.readouterr().out
        assert "26.5 on proxies" in shown
        assert shown.count("on proxies │") == 1
        assert caveat in shown
    finally:
        registry.client.delete_model_version_tag(NAME, "2", "held_out")


def test_the_alias_goes_back_and_forth(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    for number, sentence in (
        ("1", "is version 1, and was version 3"),
        ("1", "is version 1 already"),
        ("3", "was version 1"),
    ):
        assert main(words(registry, number)) == 0
        assert sentence in capsys.readouterr().out
        assert resolve_model(SOURCE, registry.tracking_uri).uri == f"models:/{NAME}/{number}"
    assert main(words(registry, "2", "--alias", "candidate")) == 0
    assert capsys.readouterr().out.strip() == f"models:/{NAME}@candidate is version 2"


def test_what_is_not_there_cannot_be_chosen(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = registry.tracking_uri
    for arguments, sentence in (
        (words(registry, "7"), "has no version 7"),
        (["champion", "--name", "none", "--tracking-uri", uri], "there is no registered model of this name"),
        (["champion", "1", "--name", "none", "--tracking-uri", uri], "there is no registered model of this name"),
        (["champion", "--tracking-uri", f"sqlite:///{tmp_path}/none.db"], "must be a file, but there is none"),
        (["champion"], "set MLFLOW_TRACKING_URI"),
    ):
        assert main(arguments) == 2
        told = capsys.readouterr().err
        assert sentence in told
        assert told.count("\n") == 1
    assert not (tmp_path / "none.db").exists()
    assert resolve_model(SOURCE, uri).uri == f"models:/{NAME}/3"
