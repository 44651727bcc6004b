"""`degcraft networks` tells what there is, and what it costs; networks are typed as names with values."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from degcraft.cli import main
from degcraft.cli._network import parse_network
from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, STARTS, build_network, save_network


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["networks", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(STARTS):
        monkeypatch.delitem(STARTS, name)
    small = {"channels": 8, "convs": 2}
    path = tmp_path / "x2.safetensors"
    network = build_network("compact", scale=2, **small)
    save_network(path, network, name="compact", hyperparameters=small, metadata={"licence": "Apache-2.0"})
    monkeypatch.setitem(STARTS, "x2", path)


@pytest.mark.usefixtures("start")
def test_it_lists_every_network_and_start_without_building_the_large_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, spec in NETWORKS.items():
        if spec.parameters is not None:
            monkeypatch.setitem(NETWORKS, name, replace(spec, build=None))
    found = listed(capsys)
    rows = {row["name"]: row for row in found["networks"]}
    assert rows.keys() == NETWORKS.keys()
    assert (rows["srresnet"]["parameters"], rows["srresnet"]["scale"]) == (1_517_571, 4)
    assert rows["compact"]["hyperparameters"]["channels"]["default"] == 64
    assert rows["scunet"]["scales"] == [1]
    (start,) = found["starts"]
    assert (start["start"], start["network"], start["scale"], start["licence"]) == (
        "start:x2",
        "compact",
        2,
        "Apache-2.0",
    )


@pytest.mark.usefixtures("start")
def test_the_table_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "Compact", "srresnet"]) == 0
    out = capsys.readouterr().out
    assert "621,424 (x4)" in out
    assert "1,517,571 (x4)" in out
    assert 'start:x2: compact x2, channels 8, convs 2, act_type "prelu"; licence: Apache-2.0' in out


def test_only_those_that_enlarge_by_a_scale(capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys, "compact", "--scale", "2")
    assert [(row["scale"], row["parameters"]) for row in found["networks"]] == [(2, 600_652)]
    assert main(["networks", "scunet", "--scale", "4"]) == 2
    assert capsys.readouterr().err == "degcraft networks: network scunet: scale must be 1, but got 4\n"
    assert main(["networks", "nothing"]) == 2
    assert "there is no network" in capsys.readouterr().err


def test_what_cannot_be_measured_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Small(nn.Module):
        """It takes small images only."""

        scale = 4

        def forward(self, lr: Tensor) -> Tensor:
            if lr.shape[-1] > 64:
                raise RuntimeError("not enough memory")
            return lr.repeat_interleave(4, 2).repeat_interleave(4, 3)

    toy = replace(NETWORKS["srresnet"], name="toy", hyperparameters={}, build=lambda **_: Small())
    monkeypatch.setitem(NETWORKS, "toy", toy)
    found = listed(capsys, "toy", "compact", "--measure", "--device", "cpu")
    rows = {row["name"]: row for row in found["networks"]}
    assert rows["toy"]["failed"] == "not enough memory"
    assert rows["compact"]["seconds_per_megapixel"] > 0
    assert main(["networks", "toy", "--measure", "--device", "cpu"]) == 0
    assert "toy: could not be measured (not enough memory)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("compact", ("compact", {})),
        ("compact:channels=48,convs=8", ("compact", {"channels": 48, "convs": 8})),
        ("rrdbnet: dropout=0.5, plus=true", ("rrdbnet", {"dropout": 0.5, "plus": True})),
        ("swinir:depths=[6,6],upsampler=nearest+conv", ("swinir", {"depths": [6, 6], "upsampler": "nearest+conv"})),
    ],
)
def test_a_network_is_typed_with_its_values(text: str, expected: tuple[str, dict[str, Any]]) -> None:
    assert parse_network(text) == expected


@pytest.mark.parametrize("text", ["compact:channels", "compact:channels=", ":channels=3", "compact:=3"])
def test_what_is_not_of_that_form_is_refused(text: str) -> None:
    with pytest.raises(DegcraftError, match="must be NAME or NAME:KEY=VALUE"):
        parse_network(text)
