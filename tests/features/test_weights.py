"""Where pretrained weights are looked for, what is said when they are missing, and which files are refused."""

import functools
import hashlib
import http.server
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision.models import get_model_weights

from degcraft.errors import DegcraftError
from degcraft.features import available, make_extractor, pretrained
from degcraft.features.imagenet import IMAGENET_URLS
from degcraft.features.pretrained import PretrainedWeights

StateOf = Callable[..., dict[str, torch.Tensor]]

NEEDY = ["alexnet", "vgg19-conv2_2", "vgg19-conv5_4", "squeezenet", "alexnet-minc"]


@pytest.mark.parametrize("layout", list(IMAGENET_URLS))
def test_the_downloads_are_those_that_torchvision_names(layout: str) -> None:
    assert IMAGENET_URLS[layout] == get_model_weights(layout).IMAGENET1K_V1.url


@pytest.mark.parametrize("name", NEEDY)
def test_missing_weights_are_an_error_that_says_what_to_do(name: str, bare_machine: Path) -> None:
    with pytest.raises(DegcraftError) as caught:
        make_extractor(name)
    message = str(caught.value)
    assert message == available(name)
    assert message.startswith(f"extractor {name}: no weights file was found")
    assert "DEGCRAFT_WEIGHTS" in message
    if name == "alexnet-minc":
        assert "MINC" in message
        assert "alexnet-minc.safetensors" in message
    else:
        stem = {"squeezenet": "squeezenet1_1"}.get(name, name.split("-")[0])
        assert f"https://download.pytorch.org/models/{stem}-" in message
        assert f"{stem}.safetensors or {stem}.pth" in message
        assert "no such host" in message


def test_a_named_file_that_does_not_exist_is_not_replaced_by_another(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight_files: dict[str, Path]
) -> None:
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(weight_files["alexnet"].parent))
    gone = tmp_path / "gone.pth"
    with pytest.raises(DegcraftError, match=r"the weights file .*gone\.pth does not exist"):
        make_extractor("alexnet", weights_file=gone)
    assert "does not exist" in str(available("alexnet", gone))


def test_the_first_place_that_has_a_file_wins(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_of: StateOf
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(folder))
    monkeypatch.setattr(pretrained, "_is_whole", lambda download: True)
    own = tmp_path / "own.pth"
    places = [
        (bare_machine / "squeezenet1_1-b8a52dc0.pth", None),
        (folder / "squeezenet1_1_imagenet.safetensors", None),
        (folder / "squeezenet1_1.pth", None),
        (folder / "squeezenet1_1.safetensors", None),
        (own, own),
    ]
    identities = []
    for seed, (place, explicit) in enumerate(places):
        state = state_of("squeezenet1_1", seed=seed)
        if place.suffix == ".pth":
            torch.save(state, place)
        else:
            save_file(state, place)
        assert available("squeezenet", explicit) is None
        identities.append(make_extractor("squeezenet", weights_file=explicit).identity)
    assert len(set(identities)) == len(places)


def test_alexnet_does_not_take_the_weights_of_alexnet_minc(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_of: StateOf
) -> None:
    save_file(state_of("alexnet"), tmp_path / "alexnet-minc.safetensors")
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(tmp_path))
    assert available("alexnet-minc") is None
    with pytest.raises(DegcraftError, match="extractor alexnet: no weights file was found"):
        make_extractor("alexnet")


def test_a_weights_folder_that_does_not_exist_is_an_error(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEGCRAFT_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(DegcraftError, match=r"DEGCRAFT_WEIGHTS must name a folder, but got .*nowhere"):
        make_extractor("squeezenet")
    assert "nowhere" in str(available("squeezenet"))


def test_one_network_in_any_file_is_one_identity(tmp_path: Path, state_of: StateOf) -> None:
    whole = state_of("squeezenet1_1", whole=True)
    features = {key: value for key, value in whole.items() if key.startswith("features.")}
    torch.save(whole, tmp_path / "whole.pth")
    save_file(whole, tmp_path / "whole.safetensors")
    save_file(features, tmp_path / "features.safetensors")
    files = ("whole.pth", "whole.safetensors", "features.safetensors")
    extractors = [make_extractor("squeezenet", weights_file=tmp_path / file) for file in files]
    assert len({extractor.identity for extractor in extractors}) == 1


def test_half_precision_files_are_read_as_float32(tmp_path: Path, state_of: StateOf) -> None:
    save_file({key: value.half() for key, value in state_of("squeezenet1_1").items()}, tmp_path / "half.safetensors")
    extractor = make_extractor("squeezenet", weights_file=tmp_path / "half.safetensors")
    assert extractor(torch.zeros(1, 3, 72, 72)).dtype == torch.float32


def test_another_layout_is_refused_by_its_keys(tmp_path: Path, weight_files: dict[str, Path]) -> None:
    with pytest.raises(
        DegcraftError, match=r"layout of squeezenet1_1: missing features\.3\..* and \d+ more; unexpected"
    ):
        make_extractor("squeezenet", weights_file=weight_files["alexnet"])

    state = load_file(weight_files["squeezenet1_1"])
    save_file({key: value for key, value in state.items() if key != "features.0.bias"}, tmp_path / "a.safetensors")
    with pytest.raises(DegcraftError, match=r"a\.safetensors does not have the layout .*: missing features\.0\.bias$"):
        make_extractor("squeezenet", weights_file=tmp_path / "a.safetensors")

    save_file({**state, "features.13.weight": torch.zeros(1)}, tmp_path / "b.safetensors")
    with pytest.raises(DegcraftError, match=r": unexpected features\.13\.weight$"):
        make_extractor("squeezenet", weights_file=tmp_path / "b.safetensors")

    save_file({**state, "features.0.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "c.safetensors")
    with pytest.raises(
        DegcraftError, match=r"features\.0\.weight must have shape \(64, 3, 3, 3\), but has \(64, 3, 5, 5\)"
    ):
        make_extractor("squeezenet", weights_file=tmp_path / "c.safetensors")


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return exec, ("raise SystemExit('ran')",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.safetensors", b"not a header", "is not a readable safetensors file"),
        ("a.pth", b"not a pickle", "is not a file of plain weights"),
        ("a.pth", pickle.dumps(_Payload(), protocol=2), "is not a file of plain weights"),
        ("a.onnx", b"", "must be a .safetensors, .pth or .pt file, but got '.onnx'"),
    ],
    ids=["damaged safetensors", "damaged pth", "code", "suffix"],
)
def test_files_that_hold_no_weights_are_refused(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DegcraftError, match=words):
        make_extractor("squeezenet", weights_file=tmp_path / name)


def test_a_checkpoint_around_the_weights_is_refused(tmp_path: Path, state_of: StateOf) -> None:
    torch.save({"epoch": 3, "weights": state_of("squeezenet1_1")}, tmp_path / "checkpoint.pth")
    with pytest.raises(DegcraftError, match="must hold a state dict of tensors"):
        make_extractor("squeezenet", weights_file=tmp_path / "checkpoint.pth")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address it is served under."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("DEGCRAFT_WEIGHTS", raising=False)
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


def downloadable(url: str) -> PretrainedWeights:
    return PretrainedWeights(extractor="tiny", stem="tiny", url=url, origin=url)


def test_a_download_lands_in_torchs_cache_and_is_not_repeated(
    server: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, address = server
    torch.save({"weight": torch.ones(2)}, folder / "made.pth")
    content = (folder / "made.pth").read_bytes()
    name = f"tiny-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(content)
    weights = downloadable(f"{address}/{name}")
    assert weights.missing() is None
    path = weights.obtain()
    assert path.read_bytes() == content
    assert path.parent.name == "checkpoints"
    (folder / name).unlink()
    assert weights.obtain() == path
    for damaged in (b"", content[:100], content[:-1] + bytes([content[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(DegcraftError, match=r"is damaged .*; with the file removed it is downloaded anew"):
            weights.obtain()
    assert capsys.readouterr().out == ""


def test_a_download_that_fails_says_why(server: tuple[Path, str]) -> None:
    folder, address = server
    absent = downloadable(f"{address}/tiny-00000000.pth")
    with pytest.raises(DegcraftError, match=r"its address cannot be reached \(.*[Nn]ot [Ff]ound\)"):
        absent.obtain()
    torch.save({"weight": torch.ones(2)}, folder / "tiny-00000000.pth")
    with pytest.raises(DegcraftError, match=r"the download failed \(invalid hash"):
        absent.obtain()
    assert absent.find() is None
