"""LPIPS is its paper's equation 1 on the backbone weights that were given."""

from importlib.resources import files
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.metrics import LpipsMetric

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

# Indices in torchvision's `features` after which each calibrated layer is read.
TAPS = {
    "alex": ("alexnet", (1, 4, 7, 9, 11)),
    "vgg": ("vgg16", (3, 8, 15, 22, 29)),
    "squeeze": ("squeezenet1_1", (1, 4, 7, 9, 10, 11, 12)),
}


def backbone_file(name: str, path: Path) -> torch.nn.Sequential:
    """A seeded random backbone, its `features` written as a weights file."""
    with torch.device("meta"):
        features = getattr(torchvision.models, TAPS[name][0])(weights=None).features
    random = torch.Generator().manual_seed(3)
    state = {
        key: torch.randn(value.shape, generator=random) * (2 / max(1, value[0].numel())) ** 0.5
        for key, value in features.state_dict().items()
    }
    features.load_state_dict(state, assign=True)
    tensors = {f"features.{key}": value for key, value in state.items()}
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return features.eval()


@torch.no_grad()
def reference(name: str, features: torch.nn.Sequential, sr: Tensor, hr: Tensor) -> float:
    """Equation 1: unit-normalised features, squared differences weighted by channel, means over places, a sum."""
    resource = files("lpips") / "weights" / "v0.1" / f"{name}.pth"
    calibration = torch.load(str(resource), map_location="cpu", weights_only=True)
    total = 0.0
    # The package rounds the ImageNet statistics of inputs in [-1, 1].
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, y = (((2 * image - 1) - shift.view(3, 1, 1)) / scale.view(3, 1, 1) for image in (sr, hr))
    torch.testing.assert_close(x, (sr - MEAN) / STD, atol=0.01, rtol=0)
    x, y = x[None], y[None]
    taps = TAPS[name][1]
    for index, layer in enumerate(features[: taps[-1] + 1]):
        # torchvision's activations work in place, so what was kept is cloned.
        x, y = layer(x.clone()), layer(y.clone())
        if index in taps:
            unit_x, unit_y = (f / f.norm(dim=1, keepdim=True) for f in (x, y))
            weights = calibration[f"lin{taps.index(index)}.model.1.weight"]
            total += float(((unit_x - unit_y).square() * weights).sum(dim=1).mean())
    return total


@pytest.mark.parametrize(("name", "suffix"), [("alex", ".pth"), ("vgg", ".pth"), ("squeeze", ".safetensors")])
def test_it_is_the_published_distance(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    features = backbone_file(name, path)
    random = torch.Generator().manual_seed(0)
    hr = torch.rand(3, 70, 64, generator=random)
    sr = (hr + 0.2 * torch.randn(hr.shape, generator=random)).clamp(0, 1)
    torch.manual_seed(0)
    metric = LpipsMetric(name, path)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), drawn)  # building it moved no random state
    expected = reference(name, features, sr, hr)
    assert expected > 0.01
    assert metric(sr, hr) == pytest.approx(expected, rel=1e-4)
    assert metric(sr, hr, border=4) == pytest.approx(
        reference(name, features, sr[:, 4:-4, 4:-4], hr[:, 4:-4, 4:-4]), rel=1e-4
    )
    assert metric(torch.stack([sr, hr]), torch.stack([hr, hr])) == pytest.approx(expected / 2, rel=1e-4)
    assert metric(hr, hr) == 0


def test_images_too_small_for_the_backbone_are_named(tmp_path: Path) -> None:
    backbone_file("alex", tmp_path / "a.pth")
    metric = LpipsMetric("alex", tmp_path / "a.pth")
    assert metric(torch.zeros(3, 31, 31), torch.ones(3, 31, 31)) > 0
    with pytest.raises(DegcraftError, match="at least 31 pixels a side"):
        metric(torch.zeros(3, 30, 31), torch.ones(3, 30, 31))


def test_an_unknown_backbone_and_unfitting_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="alex, vgg, squeeze, but is 'resnet'"):
        LpipsMetric("resnet")
    backbone_file("squeeze", tmp_path / "a.pth")
    with pytest.raises(DegcraftError, match=r"backbone alex.*a\.pth does not have the layout of alexnet"):
        LpipsMetric("alex", tmp_path / "a.pth")
    with pytest.raises(DegcraftError, match=r"backbone alex.*absent\.pth"):
        LpipsMetric("alex", tmp_path / "absent.pth")


@pytest.mark.parametrize("name", TAPS)
def test_the_backbone_is_the_one_that_the_file_holds(name: str, tmp_path: Path) -> None:
    backbone_file(name, tmp_path / "weights.safetensors")
    metric = LpipsMetric(weights_file=tmp_path / "weights.safetensors")
    assert metric.backbone == name
    assert metric.note == (None if name == "alex" else f"LPIPS by {name}; papers give it by alex")


def test_a_file_that_holds_no_backbone_is_said(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(DegcraftError, match=r"other\.safetensors: must hold the backbone of LPIPS .* alexnet, vgg16"):
        LpipsMetric(weights_file=tmp_path / "other.safetensors")


def test_a_backbone_that_cannot_be_had_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("DEGCRAFT_WEIGHTS", raising=False)
    # A proxy on a closed port stands for a machine without a network.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DegcraftError, match="LPIPS with the backbone alex") as caught:
        LpipsMetric("alex")
    for words in ("https://download.pytorch.org/models/alexnet-owt", "DEGCRAFT_WEIGHTS", "alexnet.pth"):
        assert words in str(caught.value)


def test_weights_are_found_in_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone_file("squeeze", tmp_path / "squeezenet1_1.safetensors")
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(tmp_path))
    assert LpipsMetric("squeeze")(torch.zeros(3, 40, 40), torch.ones(3, 40, 40)) > 0
