"""The `dasr` extractor: the published layout, and published checkpoints."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, available, make_extractor

# Of the encoder that the DASR repository publishes: convolutions at 0, 3, …, 15, a batch norm after each.
CHANNELS = [3, 64, 64, 128, 128, 256, 256]
STRIDES = [1, 1, 2, 1, 2, 1]


def published_encoder(seed: int = 0) -> dict[str, Tensor]:
    """A state dict of the published encoder, written down by hand, with values that keep the features' scale."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for index, (inputs, outputs) in enumerate(pairwise(CHANNELS)):
        convolution, norm = f"E.{3 * index}", f"E.{3 * index + 1}"
        state[f"{convolution}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) / (3 * inputs**0.5)
        state[f"{convolution}.bias"] = torch.randn(outputs, generator=generator)
        state[f"{norm}.weight"] = 0.5 + torch.rand(outputs, generator=generator)
        state[f"{norm}.bias"] = torch.randn(outputs, generator=generator)
        state[f"{norm}.running_mean"] = torch.randn(outputs, generator=generator)
        # Published weights read levels of 0 to 255, whose variance is in the thousands.
        state[f"{norm}.running_var"] = (1 + torch.rand(outputs, generator=generator)) * (5000 if index == 0 else 1)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(100_000)
    for layer in (0, 2):
        state[f"mlp.{layer}.weight"] = torch.randn(256, 256, generator=generator) / 16
        state[f"mlp.{layer}.bias"] = torch.randn(256, generator=generator)
    return state


def published_checkpoint(encoder: dict[str, Tensor], prefix: str) -> OrderedDict[str, Tensor]:
    """The whole model's state dict: an SR network and the encoder under its prefix."""
    whole = OrderedDict({"G.head.0.weight": torch.zeros(64, 3, 3, 3), "G.compress.0.weight": torch.zeros(64, 256)})
    whole.update({f"{prefix}{key}": value for key, value in encoder.items()})
    return whole


def by_hand(state: dict[str, Tensor], lr: Tensor, convolutions: int = 6) -> Tensor:
    """What the published network computes in evaluation mode, one formula at a time, in float64."""
    x = lr.double() * 255
    for index in range(convolutions):
        weights = {key.rsplit(".", 1)[-1]: state[key].double() for key in state if key.startswith(f"E.{3 * index}.")}
        norm = {key.rsplit(".", 1)[-1]: state[key].double() for key in state if key.startswith(f"E.{3 * index + 1}.")}
        x = nn.functional.conv2d(x, weights["weight"], weights["bias"], stride=STRIDES[index], padding=1)
        mean, variance = norm["running_mean"][:, None, None], norm["running_var"][:, None, None]
        x = (x - mean) / (variance + 1e-5).sqrt() * norm["weight"][:, None, None] + norm["bias"][:, None, None]
        x = torch.where(x > 0, x, 0.1 * x)
    return x.mean(dim=(2, 3))


def images(count: int = 2, height: int = 24, width: int = 32) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "dasr.safetensors"
    save_file(published_encoder(), path)
    return path


@pytest.mark.parametrize("prefix", ["E.encoder_q.", "encoder_q.", "E.", "module.E.encoder_q.", ""])
@pytest.mark.parametrize("zipped", [True, False], ids=["today's file", "the file of 2021"])
def test_published_checkpoints_load_whatever_holds_the_encoder(prefix: str, zipped: bool, tmp_path: Path) -> None:
    encoder = published_encoder()
    path = tmp_path / "model_600.pt"
    torch.save(published_checkpoint(encoder, prefix), path, _use_new_zipfile_serialization=zipped)
    lr = images()
    reference = by_hand(encoder, lr)
    features = make_extractor("dasr", weights_file=path)(lr)
    assert features.shape == (2, 256)
    torch.testing.assert_close(features.double(), reference, rtol=1e-4, atol=1e-4 * float(reference.abs().max()))


def test_every_layer_is_the_mean_of_its_convolution(tmp_path: Path) -> None:
    state = published_encoder()
    path = tmp_path / "encoder.safetensors"
    save_file(state, path)
    layers = EXTRACTORS["dasr"].layers
    assert layers == ("conv1", "conv2", "conv3", "conv4", "conv5", "encoder")
    lr = images()
    for number, layer in enumerate(layers, 1):
        extractor = make_extractor("dasr", layer=layer, weights_file=path)
        reference = by_hand(state, lr, number)
        assert (extractor.layer, extractor.dimensions) == (layer, CHANNELS[number])
        torch.testing.assert_close(
            extractor(lr).double(), reference, rtol=1e-4, atol=1e-4 * float(reference.abs().max())
        )


def test_the_query_encoder_is_taken_and_the_one_that_follows_it_is_not(tmp_path: Path) -> None:
    query, key = published_encoder(1), published_encoder(2)
    whole = published_checkpoint(query, "E.encoder_q.") | published_checkpoint(key, "E.encoder_k.")
    whole["E.queue"] = torch.zeros(256, 8)
    torch.save(OrderedDict(whole), tmp_path / "model_latest.pt")
    save_file(query, tmp_path / "query.safetensors")
    extractors = [make_extractor("dasr", weights_file=tmp_path / n) for n in ("model_latest.pt", "query.safetensors")]
    assert extractors[0].identity == extractors[1].identity


def _without(key: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_without("E.0.weight"), r"must hold one DASR encoder, .* but holds none"),
        (_without("E.4.running_mean"), r"does not have the layout of dasr: missing E\.4\.running_mean"),
        (lambda state: state | {"E.18.weight": torch.zeros(3)}, r"unexpected E\.18\.weight"),
        (lambda state: state | {"E.3.weight": torch.zeros(64, 32, 3, 3)}, r"E\.3\.weight must have shape"),
        (lambda state: state | {"teacher.E.0.weight": torch.zeros(3)}, r"holds 2 of them, at '', 'teacher\.'"),
    ],
    ids=["no encoder", "a missing tensor", "one too many", "another shape", "two encoders"],
)
def test_other_files_are_refused(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]], rule: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.safetensors"
    save_file(change(published_encoder()), path)
    with pytest.raises(DegcraftError, match=rule):
        make_extractor("dasr", weights_file=path)
    assert str(path) in str(available("dasr", path))


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone.pt"
    with pytest.raises(DegcraftError, match=r"extractor dasr: the weights file .*gone\.pt does not exist"):
        make_extractor("dasr", weights_file=gone)
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(tmp_path))
    reason = str(available("dasr"))
    assert reason.startswith(
        "extractor dasr: no weights file was found, and it has no public download; get a checkpoint"
    )
    assert "as dasr.safetensors or dasr.pth" in reason


def test_the_weights_folder_is_looked_in(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(own_file.parent))
    assert available("dasr") is None
    assert make_extractor("dasr").dimensions == 256


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_the_cpus_features(own_file: Path) -> None:
    on_cpu, on_cuda = (make_extractor("dasr", weights_file=own_file, device=device) for device in ("cpu", "cuda"))
    features = on_cuda(images().cuda())
    assert features.device.type == "cuda"
    torch.testing.assert_close(features.cpu(), on_cpu(images()), rtol=1e-4, atol=1e-4)
