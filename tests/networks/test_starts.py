"""A training begins with the shipped start that fits, with the file that is named, or with nothing."""

from pathlib import Path

import pytest

from degcraft.errors import DegcraftError
from degcraft.networks import STARTS, build_network, load_network, resolve_start, save_network
from degcraft.networks.shipped import start_licence

SMALL = {"channels": 8, "convs": 2}


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This installation has one start, start:x2."""
    path = tmp_path / "x2.safetensors"
    network = build_network("compact", scale=2, seed=3, **SMALL)
    save_network(path, network, name="compact", hyperparameters=SMALL, metadata={"licence": "CC0-1.0"})
    for name in list(STARTS):
        monkeypatch.delitem(STARTS, name)
    monkeypatch.setitem(STARTS, "x2", path)
    return path


def test_every_start_of_this_installation_loads() -> None:
    for name in STARTS:
        loaded = load_network(f"start:{name}")
        assert name == f"x{loaded.scale}"


@pytest.mark.usefixtures("shipped")
def test_a_start_stands_wherever_a_file_does() -> None:
    assert load_network("start:x2").hyperparameters == SMALL | {"act_type": "prelu"}
    with pytest.raises(DegcraftError, match=r"^start:x9: there is no such start; this installation has start:x2$"):
        load_network("start:x9")


@pytest.mark.usefixtures("shipped")
def test_auto_takes_the_shipped_start_of_this_very_network() -> None:
    loaded = resolve_start("auto", "Compact", 2, SMALL)
    assert loaded is not None
    assert (loaded.name, loaded.scale) == ("compact", 2)
    assert resolve_start("auto", "compact", 4, SMALL) is None
    assert resolve_start("auto", "compact", 2, SMALL | {"convs": 3}) is None
    assert resolve_start("auto", "srresnet", 2, {}) is None
    assert resolve_start("none", "compact", 2, SMALL) is None


def test_a_named_start_must_be_that_network(shipped: Path) -> None:
    assert resolve_start(str(shipped), "compact", 2, SMALL) is not None
    assert resolve_start("start:x2", "compact", 2, SMALL) is not None
    with pytest.raises(
        DegcraftError,
        match=r"^start:x2: must hold compact x4 with channels 8, convs 2, .* but holds compact x2 with channels 8",
    ):
        resolve_start("start:x2", "compact", 4, SMALL)
    with pytest.raises(
        DegcraftError, match=r"must hold compact x2 with channels 9, .* but holds compact x2 with channels 8"
    ):
        resolve_start(str(shipped), "compact", 2, SMALL | {"channels": 9})
    with pytest.raises(DegcraftError, match=r"must hold srresnet x2 .* but holds compact x2"):
        resolve_start(str(shipped), "srresnet", 2, {})
    with pytest.raises(DegcraftError, match="no hyperparameter 'blocks'"):
        resolve_start("none", "compact", 2, {"blocks": 3})
    with pytest.raises(DegcraftError, match=r"gone\.pth: there is no such file"):
        resolve_start("gone.pth", "compact", 2, SMALL)


def test_dropout_may_differ_from_the_start(tmp_path: Path) -> None:
    small = {"channels": 8, "blocks": 1}
    path = tmp_path / "plain.safetensors"
    save_network(path, build_network("srresnet", **small), name="srresnet", hyperparameters=small)
    assert resolve_start(str(path), "srresnet", 4, small | {"dropout": 0.5}) is not None


def test_the_licence_is_in_the_file_or_on_its_card(shipped: Path) -> None:
    assert start_licence("start:x2") == "CC0-1.0"
    save_network(shipped, build_network("compact", scale=2, **SMALL), name="compact", hyperparameters=SMALL)
    assert start_licence("start:x2") == "not stated"
    card = shipped.with_suffix(".md")
    for text in (
        "# x2\n\nLicence: Apache-2.0\n",
        "| what | value |\n| **Licence** | Apache-2.0 |\n",
        "- license: Apache-2.0",
    ):
        card.write_text(text)
        assert start_licence("start:x2") == "Apache-2.0"
