"""`degcraft upscale`: files and folders, names and transparency kept, nothing lost."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from degcraft.cli import main
from degcraft.images import read_image, write_image
from degcraft.networks import build_network, load_network, save_network, upscale


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("model") / "x2.safetensors"
    hyperparameters = {"channels": 4, "blocks": 1}
    network = build_network("srresnet", scale=2, **hyperparameters)
    save_network(file, network, name="srresnet", hyperparameters=hyperparameters)
    return str(file)


@pytest.fixture
def folder(photographs: Path, tmp_path: Path) -> Path:
    """Two images, one of them in a sub-folder and with transparency, a broken one, and a text."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    image = read_image(photographs / "others" / "rocket-0.png").rgb[:, :50, :70]
    write_image(root / "photo.jpg", image)
    alpha = torch.linspace(0, 1, 70).expand(1, 50, 70)
    write_image(root / "sub" / "cut.png", image, alpha)
    (root / "broken.png").write_bytes((root / "sub" / "cut.png").read_bytes()[:900])
    (root / "notes.txt").write_text("not an image")
    write_image(root / "@eaDir" / "thumb.jpg", image)
    return root


def run(*arguments: str | Path) -> int:
    return main(["upscale", "--device", "cpu", *map(str, arguments)])


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_file_is_restored_as_the_network_does(model: str, folder: Path, tmp_path: Path) -> None:
    assert run(model, folder / "photo.jpg", "-o", tmp_path / "out.png", "--tile", "32") == 0
    network = load_network(model).model
    expected = upscale(network, read_image(folder / "photo.jpg").rgb, scale=2)
    result = read_image(tmp_path / "out.png").rgb
    assert result.shape == (3, 100, 140)
    assert (result - expected).abs().max() <= 0.5 / 255 + 1e-4


def test_a_folder_keeps_its_names_and_transparency_and_names_what_it_skips(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(model, folder, "-o", out) == 3
    printed = capsys.readouterr().out
    assert "broken.png" in printed
    assert "wrote 2 images to" in printed
    assert "1 skipped; 1 other file ignored; 1 system folder passed over: @eaDir" in printed
    assert files(out) == ["photo.jpg", "sub/cut.png"]

    alpha = read_image(out / "sub" / "cut.png").alpha
    assert alpha is not None
    source = read_image(folder / "sub" / "cut.png").alpha
    assert source is not None
    expected = F.interpolate(source[None], scale_factor=2.0, mode="bilinear")[0]
    assert (alpha - expected).abs().max() < 0.02


def test_another_format_can_be_asked_for(model: str, folder: Path, tmp_path: Path) -> None:
    assert run(model, folder / "photo.jpg", folder, "-o", tmp_path / "out", "--format", "webp") == 2
    assert run(model, folder, "-o", tmp_path / "out", "--format", "webp") == 3
    assert files(tmp_path / "out") == ["photo.webp", "sub/cut.webp"]
    assert read_image(tmp_path / "out" / "sub" / "cut.webp").alpha is not None


def test_transparency_that_a_format_cannot_hold_is_not_dropped(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, folder, "-o", tmp_path / "out", "--format", "jpg") == 3
    assert "which a jpeg cannot be" in capsys.readouterr().out
    assert files(tmp_path / "out") == ["photo.jpg"]


def test_nothing_is_replaced_without_being_told(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.png").unlink()
    before = (folder / "photo.jpg").read_bytes()
    for arguments in ([folder, "-o", folder], [folder / "photo.jpg", "-o", folder / "photo.jpg", "--overwrite"]):
        assert run(model, *arguments) == 2
        assert "would replace the image that it is made from" in capsys.readouterr().err
    assert (folder / "photo.jpg").read_bytes() == before

    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "cut.png").write_bytes(b"precious")
    assert run(model, folder, "-o", out) == 2
    assert "cut.png: is there already; add --overwrite" in capsys.readouterr().err
    assert files(out) == ["sub/cut.png"]
    assert run(model, folder, "-o", out, "--overwrite") == 0
    assert read_image(out / "sub" / "cut.png").rgb.shape == (3, 100, 140)


def test_what_is_there_already_can_be_left_alone(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.png").unlink()
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub" / "cut.png").write_bytes(b"precious")
    assert run(model, folder, "-o", out, "--skip-existing") == 0
    assert "1 of 2 images are there already" in capsys.readouterr().out
    assert (out / "sub" / "cut.png").read_bytes() == b"precious"
    assert files(out) == ["photo.jpg", "sub/cut.png"]
    assert run(model, folder, "-o", out, "--skip-existing") == 0


def test_one_image_that_its_format_cannot_hold_does_not_cost_the_others(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name, width in (("a", 20), ("strip [1]", 8200), ("z", 20)):
        Image.new("RGB", (width, 2)).save(tmp_path / "in" / f"{name}.webp")
    assert run(model, tmp_path / "in", "-o", tmp_path / "out") == 3
    printed = capsys.readouterr().out
    assert "strip [1].webp: a webp may have sides of 16383 pixels" in printed
    assert files(tmp_path / "out") == ["a.webp", "z.webp"]


def test_two_images_of_one_name_are_refused(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "again")
    assert run(model, folder, tmp_path / "again", "-o", tmp_path / "out") == 2
    assert "would hold both" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (9, 200)])
def test_any_size_and_grey(model: str, size: tuple[int, int], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(tmp_path / "grey.png")
    assert run(model, tmp_path / "grey.png", "-o", tmp_path / "out.png", "--tile", "24") == 0
    with Image.open(tmp_path / "out.png") as written:
        assert (written.mode, written.size) == ("L", (2 * size[1], 2 * size[0]))


def test_an_mlflow_model_is_asked_of_the_tracking_room(
    model: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tracking.models

    asked = []

    def load_sr_model(uri: str, device: str) -> object:
        asked.append((uri, device))
        return load_network(model)

    monkeypatch.setattr(tracking.models, "load_sr_model", load_sr_model)
    assert run("models:/mine@champion", folder / "photo.jpg", "-o", tmp_path / "out.png") == 0
    assert asked == [("models:/mine@champion", "cpu")]


def test_what_is_wrong_is_said_in_a_line(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corrupt.safetensors").write_bytes(Path(model).read_bytes()[:-100])
    (tmp_path / "corrupt.pth").write_bytes(b"not a checkpoint")
    (tmp_path / "crafted.json").write_text("{}")
    wrong = {
        "nowhere: no such file or folder": [model, "nowhere", "-o", tmp_path / "out"],
        "notes.txt: must be an image": [model, folder / "notes.txt", "-o", tmp_path / "out"],
        "out.png: must be a folder for more than one image": [model, folder, "-o", tmp_path / "out.png"],
        "none of 1 images could be restored": [model, folder / "broken.png", "-o", tmp_path / "out"],
        "nothing.pth: there is no such file": ["nothing.pth", folder, "-o", tmp_path / "out"],
        "corrupt.safetensors: not a readable safetensors file": [
            tmp_path / "corrupt.safetensors", folder, "-o", tmp_path / "out",
        ],
        "corrupt.pth: holds more than tensors or is damaged": [
            tmp_path / "corrupt.pth", folder, "-o", tmp_path / "out",
        ],
        "crafted.json: network weights must end in .safetensors": [
            tmp_path / "crafted.json", folder, "-o", tmp_path / "out",
        ],
        "holds no images": [model, Path(model).parent, "-o", tmp_path / "out"],
        "--format: must agree with the name": [
            model, folder / "photo.jpg", "-o", tmp_path / "out.png", "--format", "jpg",
        ],
    }  # fmt: skip
    for message, arguments in wrong.items():
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(SystemExit) as stopped:
        run(model, folder, "-o", tmp_path / "out", "--tile", "3")
    assert stopped.value.code == 2
    assert "--tile: must be a whole number of 8 or more, but got '3'" in capsys.readouterr().err


def test_an_image_that_memory_has_no_room_for_is_not_begun(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("degcraft.networks.loaded._BYTES_PER_PIXEL", 10**9)
    assert run(model, folder / "photo.jpg", "-o", tmp_path / "out") == 2
    assert "photo.jpg: 70x50 pixels, restored x2, need 14000.0 GB of memory, but " in capsys.readouterr().err


def test_a_device_without_memory_ends_it_at_the_first_image(
    model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def full(*_: object, **options: object) -> object:
        begun.append(options["into"])
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("degcraft.networks.loaded.LoadedNetwork.__call__", full)
    assert run(model, folder, "-o", tmp_path / "out") == 2
    assert len(begun) == 1
    said = capsys.readouterr()
    assert "cpu has not the memory for tiles of 256 pixels; give a smaller --tile" in said.err
    assert "skipped" not in said.out
