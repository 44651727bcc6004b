"""spandrel's architectures are networks like any other: built by name, trained, saved, and told from their weights."""

from pathlib import Path

import pytest
import spandrel
import torch
from safetensors.torch import load_file, save_file

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, build_network, deployable, load_network, parameter_count, save_network
from degcraft.networks.spandrel_entries import ENTRIES, LEFT_OUT
from tests.networks.small import SMALL

# They are large however small they are made, or want images of 64 x 64 pixels and more.
HEAVY = ("grl", "scunet", "kbnet_l", "fbcnn", "realcugan", "realcugan-fast", "mixdehazenet", "uformer", "ipt")
ALL = [pytest.param(name, marks=[pytest.mark.slow] * (name in HEAVY)) for name in NETWORKS]

# Of spandrel's code, not ours.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{start}")
    for start in ("torch.meshgrid", "'saved_variables' is deprecated", "Initializing zero-element tensors")
]


def images(*size: int) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(0))


def test_every_architecture_of_spandrel_is_there_or_left_out_for_a_reason() -> None:
    known = {support.architecture.id for support in spandrel.MAIN_REGISTRY.architectures("detection")}
    ours = {entry.architecture.id for entry in ENTRIES.values()} | {"ESRGAN"}
    assert ours | LEFT_OUT.keys() == known
    assert not ours & LEFT_OUT.keys()
    assert SMALL.keys() == NETWORKS.keys()


@pytest.mark.parametrize("name", ALL)
def test_takes_any_size_trains_and_leaves_the_global_generator_alone(name: str) -> None:
    scale = NETWORKS[name].usual_scale
    torch.manual_seed(5)
    before = torch.get_rng_state()
    network = build_network(name, scale=scale, seed=1, **SMALL[name])
    again, other = (build_network(name, scale=scale, seed=seed, **SMALL[name]).state_dict() for seed in (1, 2))
    start = {key: value.clone() for key, value in network.state_dict().items()}
    assert all(torch.equal(start[key], again[key]) for key in start)
    assert any(not torch.equal(start[key], other[key]) for key in start)

    lr = images(2, 3, 5, 9)
    untrained = network.eval()(lr)
    assert untrained.shape == (2, 3, 5 * scale, 9 * scale)
    assert network(images(1, 3, 1, 1)).shape == (1, 3, scale, scale)
    torch.testing.assert_close(network(lr[1:]), untrained[1:], rtol=1e-3, atol=1e-4)  # no image sees another

    network.train()
    optimizer = torch.optim.SGD(network.parameters(), 1.0)
    network(images(2, 3, 16, 16)).square().mean().backward()
    optimizer.step()
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(network.eval()(lr), untrained)


@pytest.mark.parametrize("name", ALL)
def test_saved_loaded_and_told_from_its_bare_weights(name: str, tmp_path: Path) -> None:
    scale = NETWORKS[name].usual_scale
    network = build_network(name, scale=scale, **SMALL[name]).eval()
    lr = images(1, 3, 12, 11)
    expected = network(lr)
    save_network(tmp_path / "ours.safetensors", network, name=name, hyperparameters=SMALL[name])
    state = load_file(tmp_path / "ours.safetensors")
    save_file(state, tmp_path / "bare.safetensors")
    for file in ("ours", "bare"):
        loaded = load_network(tmp_path / f"{file}.safetensors")
        assert (loaded.name, loaded.scale) == (name, scale)
        assert torch.equal(loaded.model(lr), expected)
        rebuilt = build_network(loaded.name, scale=loaded.scale, **loaded.hyperparameters).eval()
        rebuilt.load_state_dict(loaded.model.state_dict())
        assert torch.equal(rebuilt(lr), expected)
    torch.testing.assert_close(
        deployable(network)(images(2, 3, 7, 40)), network(images(2, 3, 7, 40)), rtol=0, atol=1e-6
    )
    if name in ENTRIES:  # spandrel's own software opens the file, and computes the same
        descriptor = spandrel.ModelLoader().load_from_file(tmp_path / "ours.safetensors")
        torch.testing.assert_close(descriptor(lr), expected.clamp(0, 1), rtol=0, atol=1e-6)


OTHER_FORMS = [
    ("compact", 2, {}),
    ("compact", 8, {}),
    ("span", 2, {"norm": False}),
    ("rrdbnet", 2, {"growth": 32}),
    ("rrdbnet", 2, {"growth": 32, "fold": 1}),
    ("rrdbnet", 1, {"growth": 32, "plus": True}),
    ("swinir", 1, {"upsampler": ""}),
    ("swinir", 3, {"upsampler": "pixelshuffledirect"}),
    ("swinir", 4, {"upsampler": "nearest+conv"}),
    ("swinir", 2, {"upsampler": "nearest+conv", "start_unshuffle": 2}),
    ("swin2sr", 2, {"upsampler": "pixelshuffledirect"}),
    ("dat", 2, {"upsampler": "pixelshuffledirect"}),
    ("rcan", 2, {"unshuffle_mod": True}),
    ("rcan", 4, {"norm": False}),
    ("realplksr", 2, {"dysample": True, "layer_norm": True}),
    ("plksr", 3, {"ccm_type": "DCCM", "use_ea": False}),
    ("moesr", 2, {"upsampler": "dysample"}),
    ("mosr", 2, {"upsampler": "gps"}),
    ("dncnn", 1, {"mode": "FDnCNN"}),
]


@pytest.mark.parametrize(("name", "scale", "own"), OTHER_FORMS)
def test_other_forms_of_an_architecture_are_told_too(
    name: str, scale: int, own: dict[str, object], tmp_path: Path
) -> None:
    network = build_network(name, scale=scale, **SMALL[name] | own).eval()
    hyperparameters = NETWORKS[name].checked(scale, SMALL[name] | own)
    bare = NETWORKS[name].publish(network.state_dict(), scale, hyperparameters)
    torch.save({"params_ema": dict(bare)}, tmp_path / "published.pth")
    loaded = load_network(tmp_path / "published.pth")
    assert (loaded.name, loaded.scale, loaded.hyperparameters) == (name, scale, hyperparameters)
    lr = images(2, 3, 9, 14)
    assert torch.equal(loaded.model(lr), network(lr))
    descriptor = spandrel.ModelLoader().load_from_file(tmp_path / "published.pth")
    if not own.get("start_unshuffle"):  # spandrel pads those too little to compute at all
        torch.testing.assert_close(descriptor(lr[:1]), network(lr[:1]).clamp(0, 1), rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, spec in NETWORKS.items() if spec.parameters is not None])
def test_the_numbers_of_parameters_that_are_written_down_are_right(name: str) -> None:
    spec = NETWORKS[name]
    assert parameter_count(build_network(name, scale=spec.usual_scale)) == spec.parameters


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    network = build_network("compact", scale=2, **SMALL["compact"])
    torch.save({key: value.half() for key, value in network.state_dict().items()}, tmp_path / "half.pth")
    assert {value.dtype for value in load_network(tmp_path / "half.pth").model.state_dict().values()} == {torch.float32}


def test_tensors_that_spandrel_keeps_aside_follow_the_network_to_a_device() -> None:
    for name in ("span", "swinir"):
        network = build_network(name, scale=2, **SMALL[name])
        assert dict(network.named_buffers())["network.mean"].device.type == "cpu"
        assert dict(network.to("meta").named_buffers())["network.mean"].device.type == "meta"
        assert not any("mean" in key for key in network.state_dict())


def test_what_is_left_out_is_refused_with_the_reason(tmp_path: Path) -> None:
    # The keys by which spandrel recognises LaMa.
    keys = (
        "model.model.1.bn_l.running_mean",
        "generator.model.1.bn_l.running_mean",
    )
    lama = next(
        s.architecture for s in spandrel.MAIN_REGISTRY.architectures("detection") if s.architecture.id == "LaMa"
    )
    state = {key: torch.zeros(1) for key in keys}
    assert lama.detect(state)
    torch.save(state, tmp_path / "lama.pth")
    with pytest.raises(DegcraftError, match=r"lama.pth: LaMa is no network for degcraft: it fills what a mask covers"):
        load_network(tmp_path / "lama.pth")
