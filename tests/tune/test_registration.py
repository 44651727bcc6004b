"""The champion moves only when it is beaten beyond doubt on the same images."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tune.registration
from degcraft.errors import DegcraftError
from degcraft.metrics import ImageScore
from tests.tune.test_summary import summary, trial
from tracking import StateFile, Store
from tracking.champion import NoSuchModel, Version
from tune.held_out import HeldOut, Scores
from tune.registration import Registration, decide
from tune.spec import SearchSpec
from tune.state import SearchState

BICUBIC = trial("i", "bicubic", [22.0, 24.0, 26.0])
BEST = trial("c", "crafted", [24.0, 26.1, 28.0], 25.0)
STORE = Store("sqlite:////nowhere/mlflow.db", None, "a store")


def spec(**tracking: Any) -> SearchSpec:
    return SearchSpec.model_validate({"name": "s", "references": "r", "hr": "h", "output": "o", "tracking": tracking})


class Held:
    """Held-out images on which the present champion has given scores."""

    scale = 4

    def __init__(self, *scores: float, kind: str = "ground truth") -> None:
        self._scores, self.kind = scores, kind

    def score(self, network: Any, device: str) -> Scores:
        images = (ImageScore(f"image {n}", {"psnr": score}) for n, score in enumerate(self._scores))
        return Scores("psnr", tuple(images), None, ())


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Version 3 is the champion and enlarges by 4, unless a test says otherwise."""
    versions = [Version(3, ("champion",), datetime.now(tz=UTC), {}, "x", "run")]
    holder = SimpleNamespace(versions=versions, scale=4, error=None)

    def listed(name: str, uri: str) -> list[Version]:
        if holder.error is not None:
            raise holder.error
        return holder.versions

    monkeypatch.setattr(tune.registration, "list_versions", listed)
    monkeypatch.setattr(
        tune.registration,
        "load_sr_model",
        lambda uri, device, tracking_uri: SimpleNamespace(scale=holder.scale, model=None),
    )
    return holder


def decided(tmp_path: Path, held: Held, *rows: Any, **tracking: Any) -> Registration:
    with closing(StateFile(tmp_path / "state.sqlite")) as file:
        found = decide(spec(**tracking), summary(*rows), cast("HeldOut", held), STORE, SearchState(file))
    assert found is not None
    return found


def test_a_champion_that_is_beaten_gives_way(tmp_path: Path, registry: SimpleNamespace) -> None:
    found = decided(tmp_path, Held(23.0, 25.0, 27.2), BICUBIC, BEST)
    assert found.alias == "champion"
    assert found.sentence.startswith("champion: +0.97 dB over version 3, the champion (95 % interval ")
    assert found.sentence.endswith(" on the same held-out images")


def test_what_was_beaten_on_proxies_is_said_to_be(tmp_path: Path, registry: SimpleNamespace) -> None:
    found = decided(tmp_path, Held(23.0, 25.0, 27.2, kind="proxy"), BICUBIC, BEST)
    assert found.sentence.endswith(" on the same proxies")


def test_a_tie_leaves_the_champion(tmp_path: Path, registry: SimpleNamespace) -> None:
    found = decided(tmp_path, Held(23.0, 27.0, 27.9), BICUBIC, BEST)
    assert found.alias == "candidate"
    assert "tie with version 3" in found.sentence


def test_what_loses_to_bicubic_never_becomes_champion(tmp_path: Path, registry: SimpleNamespace) -> None:
    registry.error = NoSuchModel("model degcraft-sr: there is no registered model of this name")
    found = decided(tmp_path, Held(), BICUBIC, trial("c", "crafted", [21.0, 23.1, 25.0], 25.0))
    assert found.alias == "candidate"
    assert "below bicubic" in found.sentence


def test_the_first_becomes_champion(tmp_path: Path, registry: SimpleNamespace) -> None:
    registry.error = NoSuchModel("model degcraft-sr: there is no registered model of this name")
    assert decided(tmp_path, Held(), BICUBIC, BEST).alias == "champion"


def test_where_the_store_is_away_nothing_is_displaced(tmp_path: Path, registry: SimpleNamespace) -> None:
    registry.error = DegcraftError("model degcraft-sr: the store refuses (no route)")
    found = decided(tmp_path, Held(), BICUBIC, BEST)
    assert found.alias == "candidate"
    assert "no route" in found.sentence


def test_networks_of_other_scales_do_not_compare(tmp_path: Path, registry: SimpleNamespace) -> None:
    registry.scale = 2
    found = decided(tmp_path, Held(23.0, 25.0, 27.2), BICUBIC, BEST)
    assert found.alias == "candidate"
    assert "enlarges by 2" in found.sentence


@pytest.mark.parametrize(("policy", "alias"), [("always", "champion"), ("never", None)])
def test_the_policy_can_be_another(policy: str, alias: str | None, tmp_path: Path, registry: SimpleNamespace) -> None:
    assert decided(tmp_path, Held(30.0, 30.0, 30.0), BICUBIC, BEST, register=policy).alias == alias


def test_it_is_decided_once(tmp_path: Path, registry: SimpleNamespace) -> None:
    first = decided(tmp_path, Held(23.0, 25.0, 27.2), BICUBIC, BEST)
    # By now the champion is the network itself, and would be a tie.
    assert decided(tmp_path, Held(24.0, 26.1, 28.0), BICUBIC, BEST) == first
