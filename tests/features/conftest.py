"""Weight files in torchvision's layouts with seeded values, and a machine without a network or downloads."""

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import alexnet, squeezenet1_1, vgg19

MAKERS: dict[str, Callable[..., nn.Module]] = {"alexnet": alexnet, "vgg19": vgg19, "squeezenet1_1": squeezenet1_1}


def _state_of(layout: str, *, whole: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """A state dict of the layout; without `whole`, only what lies under `features`."""
    with torch.device("meta"):
        shapes = MAKERS[layout](weights=None).state_dict()
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, value in shapes.items():
        if whole or key.startswith("features."):
            fan_in = value[0].numel() if value.ndim > 1 else value.numel()
            state[key] = torch.randn(value.shape, generator=generator) * (2 / fan_in) ** 0.5
    return state


@pytest.fixture(scope="session")
def state_of() -> Callable[..., dict[str, Tensor]]:
    """(layout, whole=False, seed=0) → a state dict."""
    return _state_of


@pytest.fixture(scope="session")
def weight_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Layout → a safetensors file of its features."""
    folder = tmp_path_factory.mktemp("weights")
    files = {layout: folder / f"{layout}-seeded.safetensors" for layout in MAKERS}
    for layout, path in files.items():
        save_file(_state_of(layout), path)
    return files


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights folder, an empty torch cache (the returned folder), and a network where no name resolves."""

    def unreachable(*args: object, **kwargs: object) -> None:
        raise urllib.error.URLError("no such host")

    monkeypatch.delenv("DEGCRAFT_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    return cache
