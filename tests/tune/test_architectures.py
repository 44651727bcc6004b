"""The networks of a search, and what they start from."""

from pathlib import Path
from typing import Any

import pytest

from degcraft.errors import DegcraftError
from degcraft.networks import build_network, save_network
from tune.architectures import Architectures
from tune.compared import compared_with
from tune.spec import SearchSpec

OWN = {"channels": 8, "convs": 2}


def spec(network: dict[str, Any], **more: Any) -> SearchSpec:
    return SearchSpec.model_validate(
        {"name": "s", "references": "r", "hr": "h", "output": "o", "network": network} | more
    )


@pytest.fixture
def start(tmp_path: Path) -> str:
    file = tmp_path / "start.safetensors"
    save_network(file, build_network("compact", scale=4, **OWN), name="compact", hyperparameters=OWN)
    return str(file)


def test_without_a_name_the_network_is_the_starts(start: str) -> None:
    found = Architectures(spec({"start": start}))
    (network,) = found.all()
    assert network == {"name": "compact", **OWN, "act_type": "prelu"}
    assert found.start_of(network) is not None
    assert found.to_train() == []


def test_hyperparameters_that_are_left_out_are_the_starts(start: str) -> None:
    assert Architectures(spec({"name": "Compact", "start": start})).all() == [
        {"name": "compact", **OWN, "act_type": "prelu"}
    ]


def test_every_choice_is_a_network() -> None:
    asked = {"name": ["compact", "srresnet"], "compact": {"convs": [2, 3]}, "channels": 8, "start": "none"}
    found = Architectures(spec(asked))
    assert [network["name"] for network in found.all()] == ["compact", "compact", "srresnet"]
    assert [network.get("convs") for network in found.all()] == [2, 3, None]
    assert {network["channels"] for network in found.all()} == {8}
    assert found.to_train() == []


def test_where_no_start_fits_one_is_trained() -> None:
    found = Architectures(spec({"name": "compact", "channels": 4, "convs": 1}))
    assert found.to_train() == found.all()


@pytest.mark.parametrize(
    ("network", "rule"),
    [
        ({"name": "compact", "blocks": 4}, "network: compact: no hyperparameter 'blocks'; it has channels, "),
        ({"name": "compact", "channels": 0}, "network: compact: channels must be "),
        ({"name": "rrdbnet", "fold": 7, "start": "none"}, "network: rrdbnet: fold must be 0, 1, 2 or 4"),
        ({"start": "start:x9"}, "network.start: start:x9: there is no such start"),
        ({"start": "missing.safetensors"}, "network.start: missing.safetensors: there is no such file"),
    ],
)
def test_what_is_refused_in_one_line(network: dict[str, Any], rule: str) -> None:
    with pytest.raises(DegcraftError) as caught:
        Architectures(spec(network))
    assert str(caught.value).startswith(rule)
    assert "\n" not in str(caught.value)


def test_a_start_of_another_network_is_refused(start: str) -> None:
    with pytest.raises(DegcraftError, match=r"network.start: .* must hold srresnet x4 .* but holds compact x4"):
        Architectures(spec({"name": "srresnet", "start": start}))
    with pytest.raises(DegcraftError, match=r"network.start: .* must hold compact x2 .* but holds compact x4"):
        Architectures(spec({"name": "compact", "start": start}, scale=2))


def test_every_network_and_learning_rate_has_a_baseline_of_its_own() -> None:
    asked = spec(
        {"name": "compact", "channels": [4, 8], "convs": 1},
        search={"learning_rate": [1e-4, 2e-4]},
        synthetic={"setting": 1},
        compare=["realesrgan", "bsrgan:jpeg_prob=0"],
    )
    rows = compared_with(asked, Architectures(asked))
    kinds = [row.kind for row in rows]
    assert kinds == ["bicubic", *(["start", "uniform", "uniform", *["comparator"] * 4, "upper bound"] * 2)]
    named = [(row.label(), row.training["learning_rate"]) for row in rows if row.kind == "comparator"]
    assert named[:4] == [(text, rate) for text in asked.compare for rate in (1e-4, 2e-4)]
    baselines = [(row.network["channels"], row.training["learning_rate"]) for row in rows if row.kind == "uniform"]
    assert baselines == [(4, 1e-4), (4, 2e-4), (8, 1e-4), (8, 2e-4)]
