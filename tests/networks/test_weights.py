"""Networks survive the way to a file and back, and other people's files load."""

import json
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, build_network, load_network, save_network
from degcraft.networks.digest import weights_digest
from degcraft.networks.foreign import unwrap
from tests.networks.small import SMALL as SIZES

SMALL = {
    "srresnet": {"channels": 8, "blocks": 3},
    "edsr": {"channels": 8, "blocks": 3},
    "rrdbnet": {"channels": 8, "blocks": 2, "growth": 4},
    "compact": {"channels": 8, "convs": 3},
}


def loud(network: nn.Module) -> nn.Module:
    """The network with weights large enough that a difference in any of them shows in the output."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.1, generator=generator)
    return network.eval()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_round_trip(tmp_path: Path, name: str, scale: int) -> None:
    network = loud(build_network(name, scale=scale, **SMALL[name])).to(memory_format=torch.channels_last)
    file = tmp_path / "new folder" / "model.safetensors"
    save_network(file, network, name=name, hyperparameters=SMALL[name], metadata={"note": "hand-made"})

    # Others may read it where they may read other new files.
    other = tmp_path / "other"
    other.touch()
    assert file.stat().st_mode == other.stat().st_mode

    loaded = load_network(file)

    assert (loaded.name, loaded.scale) == (name, scale)
    assert loaded.hyperparameters == NETWORKS[name].checked(scale, SMALL[name])
    assert loaded.metadata == {"note": "hand-made"}
    assert not loaded.model.training
    lr = torch.rand(1, 3, 6, 9)
    torch.testing.assert_close(loaded.model(lr), network(lr), rtol=0, atol=1e-6)
    assert [entry.name for entry in file.parent.iterdir()] == ["model.safetensors"]


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    network = build_network("srresnet", scale=2, channels=8, blocks=1)
    file = tmp_path / "model.safetensors"
    save_network(file, network, name="srresnet", hyperparameters={"channels": 8, "blocks": 1, "scale": 2})
    with safe_open(file, framework="pt") as content:
        metadata = json.loads(content.metadata()["degcraft"])
    assert metadata == {
        "format": "degcraft-network/1",
        "network": "srresnet",
        "scale": 2,
        "hyperparameters": {"channels": 8, "blocks": 1, "dropout": 0.0},
        "metadata": {},
        "weights": weights_digest(network.state_dict()),
    }
    assert load_file(file).keys() == network.state_dict().keys()


def test_equal_networks_make_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save_network(
            tmp_path / f"{name}.safetensors",
            build_network("srresnet", **SMALL["srresnet"]),
            name="srresnet",
            hyperparameters=SMALL["srresnet"],
            metadata={"training": "long", "crafted": "yes", "note": "none"},
        )
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize(
    ("name", "scale"),
    # Without a header the weights of an RRDBNet x3 are those of an x2 that folds no pixels.
    [(name, scale) for name in SMALL for scale in (1, 2, 3, 4) if (name, scale) != ("rrdbnet", 3)],
)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"params": state},
        lambda state: {"params": {}, "params_ema": {f"module.{k}": v for k, v in state.items()}},
    ],
    ids=["plain", "params", "params_ema of parallel training"],
)
def test_basicsr_checkpoints_load_by_their_shapes(
    tmp_path: Path, name: str, scale: int, wrap: Callable[[dict], dict]
) -> None:
    network = loud(build_network(name, scale=scale, **SMALL[name]))
    hyperparameters = NETWORKS[name].checked(scale, SMALL[name])
    published = NETWORKS[name].publish(network.state_dict(), scale, hyperparameters)
    torch.save(wrap(dict(published)), tmp_path / "net.pth")
    loaded = load_network(tmp_path / "net.pth")
    assert (loaded.name, loaded.scale) == (name, scale)
    assert loaded.hyperparameters == NETWORKS[name].checked(scale, SMALL[name])
    lr = torch.rand(1, 3, 4, 4)
    assert torch.equal(loaded.model(lr), network(lr))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_files_of_the_first_version_still_load(tmp_path: Path, scale: int) -> None:
    """They had BasicSR's names for RRDBNet, and only the hyperparameters that there were."""
    for name, small in SMALL.items():
        network = loud(build_network(name, scale=scale, **small))
        state = NETWORKS[name].publish(network.state_dict(), scale, NETWORKS[name].checked(scale, small))
        header = {"format": "degcraft-network/1", "network": name, "scale": scale, "hyperparameters": small}
        header["metadata"] = {"note": "old"}
        save_file(dict(state), tmp_path / "old.safetensors", metadata={"degcraft": json.dumps(header)})
        loaded = load_network(tmp_path / "old.safetensors")
        assert (loaded.name, loaded.scale, loaded.metadata) == (name, scale, {"note": "old"})
        lr = torch.rand(1, 3, 5, 7)
        assert torch.equal(loaded.model(lr), network(lr))


def test_grey_networks_are_refused(tmp_path: Path) -> None:
    from spandrel.architectures.Compact import Compact

    grey = Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=2, upscale=2)
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    with pytest.raises(DegcraftError, match=r"grey.pth: the network must take and give RGB, .* takes 1"):
        load_network(tmp_path / "grey.pth")


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    torch.save(build_network("srresnet", **SMALL["srresnet"]), tmp_path / "object.pth")
    with pytest.raises(DegcraftError, match=r"object.pth: holds more than tensors or is damaged"):
        load_network(tmp_path / "object.pth")


def test_files_that_are_no_networks_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"gone.pth: there is no such file"):
        load_network(tmp_path / "gone.pth")

    (tmp_path / "image.png").write_bytes(b"")
    with pytest.raises(DegcraftError, match=r"image.png: network weights must end in .safetensors, .pth"):
        load_network(tmp_path / "image.png")

    for suffix in ("safetensors", "pth"):
        (tmp_path / f"noise.{suffix}").write_bytes(b"these are no weights" * 10)
        with pytest.raises(DegcraftError, match=rf"noise.{suffix}: "):
            load_network(tmp_path / f"noise.{suffix}")

    save_file({"fc.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(DegcraftError, match=r"other.safetensors: neither degcraft nor spandrel .* knows"):
        load_network(tmp_path / "other.safetensors")

    torch.save({"step": 3}, tmp_path / "empty.pth")
    with pytest.raises(DegcraftError, match=r"empty.pth: holds no tensors"):
        load_network(tmp_path / "empty.pth")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    network = build_network("srresnet", **SMALL["srresnet"])
    save_network(tmp_path / "whole.safetensors", network, name="srresnet", hyperparameters=SMALL["srresnet"])
    content = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "part.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(DegcraftError, match=r"part.safetensors: not a readable safetensors file"):
        load_network(tmp_path / "part.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format": "degcraft-network/9"},
            "format must be 'degcraft-network/1', but is 'degcraft-network/9'",
        ),
        ({"network": "nothing"}, "there is no network 'nothing'"),
        ({"scale": "four"}, "scale must be one of 1, 2, 3, 4, but got 'four'"),
        ({"scale": []}, "scale must be one of"),
        ({"metadata": 3}, "does not say how to build the network"),
        ({"scale": 2}, "not the weights of srresnet x2"),
        ({"hyperparameters": {"channels": 8, "blocks": 4}}, "missing: body.3.conv1.bias, .* and 1 more"),
        ({"hyperparameters": {"channels": 8, "blocks": 2}}, "not part of it: body.2.conv1.bias"),
        ({"hyperparameters": {"channels": 9, "blocks": 3}}, "must have shape"),
        ({"hyperparameters": 7}, "does not say how to build the network"),
        ({"hyperparameters": {"depth": 3}}, "no hyperparameter 'depth'"),
    ],
)
def test_wrong_metadata_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "model.safetensors"
    save_network(
        file,
        build_network("srresnet", **SMALL["srresnet"]),
        name="srresnet",
        hyperparameters=SMALL["srresnet"],
    )
    with safe_open(file, framework="pt") as content:
        header = json.loads(content.metadata()["degcraft"])
    save_file(load_file(file), file, metadata={"degcraft": json.dumps(header | change)})
    with pytest.raises(DegcraftError, match=message):
        load_network(file)


def test_weights_that_changed_since_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_network(
        file, build_network("srresnet", **SMALL["srresnet"]), name="srresnet", hyperparameters=SMALL["srresnet"]
    )
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DegcraftError, match="is damaged: its weights are not those that were written"):
        load_network(file)


def test_saving_refuses_what_would_not_load_again(tmp_path: Path) -> None:
    network = build_network("srresnet", **SMALL["srresnet"])
    good = {"name": "srresnet", "hyperparameters": SMALL["srresnet"]}
    with pytest.raises(DegcraftError, match=r"saved as .safetensors, but the name ends in '.pth'"):
        save_network(tmp_path / "a.pth", network, **good)
    with pytest.raises(DegcraftError, match="not the weights of srresnet x4"):
        save_network(tmp_path / "a.safetensors", network, name="srresnet", hyperparameters={})
    with pytest.raises(DegcraftError, match="metadata 'steps' must be a string, but is a int"):
        save_network(tmp_path / "a.safetensors", network, **good, metadata={"steps": 3})
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    network = build_network("srresnet", scale=2, channels=8, blocks=1)
    with torch.no_grad():
        network.conv_last.weight[0, 0, 0, 0] = torch.nan
    file = tmp_path / "nan.safetensors"
    save_network(file, network, name="srresnet", hyperparameters={"channels": 8, "blocks": 1})
    with pytest.raises(DegcraftError, match=r"nan.safetensors: conv_last.weight must hold finite numbers"):
        load_network(file)


@pytest.mark.parametrize("name", ["srresnet", "edsr", "rrdbnet", "compact", "span", "swinir", "drunet"])
@pytest.mark.parametrize("value", [20_000, 1_000_000_000, [7] * 2_000, [20_000] * 1_000])
def test_what_a_header_claims_is_not_built_beyond_its_file(tmp_path: Path, name: str, value: int | list[int]) -> None:
    """Whichever hyperparameter it is."""
    file = tmp_path / "hostile.safetensors"
    network = build_network(name, scale=4 if 4 in NETWORKS[name].scales else 1, **SIZES[name])
    save_network(file, network, name=name, hyperparameters=SIZES[name])
    with safe_open(file, framework="pt") as content:
        header = json.loads(content.metadata()["degcraft"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for key, usual in header["hyperparameters"].items():
        if isinstance(usual, (bool, str)) or isinstance(value, list) != isinstance(usual, list):
            continue
        lie = header | {"hyperparameters": header["hyperparameters"] | {key: value}}
        save_file(load_file(file), file, metadata={"degcraft": json.dumps(lie)})
        with suppress(DegcraftError):  # of some hyperparameters nothing in the weights depends
            load_network(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000  # KiB


def test_a_lie_about_the_size_is_told_as_one(tmp_path: Path) -> None:
    file = tmp_path / "hostile.safetensors"
    small = SMALL["srresnet"]
    save_network(file, build_network("srresnet", **small), name="srresnet", hyperparameters=small)
    with safe_open(file, framework="pt") as content:
        header = json.loads(content.metadata()["degcraft"])
    for lie, message in (
        ({"channels": 20_000, "blocks": 3}, "hostile.safetensors: .* far larger than the file that holds it"),
        ({"channels": 8, "blocks": 65_536}, "hostile.safetensors: .* far larger than the file that holds it"),
        ({"channels": 8, "blocks": 10**9}, "hostile.safetensors: blocks must be at most 65536, but is 1000000000"),
    ):
        save_file(load_file(file), file, metadata={"degcraft": json.dumps(header | {"hyperparameters": lie})})
        with pytest.raises(DegcraftError, match=message):
            load_network(file)


def test_keys_that_count_to_a_billion_are_not_built(tmp_path: Path) -> None:
    state = build_network("srresnet", **SMALL["srresnet"]).state_dict()
    torch.save({**state, "body.999999999.conv1.weight": torch.zeros(8, 8, 3, 3)}, tmp_path / "net.pth")
    with pytest.raises(DegcraftError, match=r"net.pth: .* far larger than the file that holds it"):
        load_network(tmp_path / "net.pth")


def test_tensors_that_claim_more_than_they_hold_are_not_believed(tmp_path: Path) -> None:
    state = dict(build_network("srresnet", scale=1, **SMALL["srresnet"]).state_dict())
    for key, value in state.items():
        state[key] = torch.zeros(1).expand([20_000 if side == 8 else side for side in value.shape])
    torch.save(state, tmp_path / "net.pth")
    assert (tmp_path / "net.pth").stat().st_size < 100_000
    with pytest.raises(DegcraftError, match=r"net.pth: .* far larger than the file that holds it"):
        load_network(tmp_path / "net.pth")


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "model.", "net_g.module.", "generator."])
@pytest.mark.parametrize("wrapping", [None, "params-ema", "state_dict"])
def test_what_wrappers_put_before_the_names_is_taken_off(tmp_path: Path, prefix: str, wrapping: str | None) -> None:
    network = build_network("srresnet", scale=2, channels=4, blocks=1)
    state = {f"{prefix}{key}": value for key, value in network.state_dict().items()}
    state["n_averaged"] = torch.tensor(7)
    torch.save(state if wrapping is None else {wrapping: state}, tmp_path / "a.pth")
    loaded = load_network(tmp_path / "a.pth")
    assert (loaded.name, loaded.scale) == ("srresnet", 2)
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], value)


def test_a_network_that_is_a_numbered_sequence_keeps_its_names() -> None:
    state = {"model.0.weight": torch.zeros(1), "model.1.weight": torch.zeros(1)}
    assert unwrap(Path("esrgan.pth"), {"state_dict": state}).keys() == state.keys()
