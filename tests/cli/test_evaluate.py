"""`degcraft evaluate`: scores that scikit-image confirms."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from degcraft.cli import main
from degcraft.images import read_image
from degcraft.metrics import NiqeModel
from degcraft.networks import build_network, save_network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("model") / "x2.safetensors"
    hyperparameters = {"channels": 4, "blocks": 1}
    network = build_network("srresnet", scale=2, **hyperparameters)
    save_network(file, network, name="srresnet", hyperparameters=hyperparameters)
    return str(file)


def run(*arguments: str | Path) -> int:
    return main(["evaluate", "--device", "cpu", *map(str, arguments)])


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def test_scores_are_those_of_the_written_images(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    assert run(model, "--pairs", folder, "--csv", tmp_path / "scores.csv") == 0
    printed = capsys.readouterr().out
    assert "8 images, x2, borders kept" in printed
    rows = rows_of(tmp_path / "scores.csv")
    assert list(rows[0]) == ["name", "psnr", "psnr_y", "ssim", "psnr_bicubic", "psnr_y_bicubic", "ssim_bicubic"]
    mean = sum(float(row["psnr"]) for row in rows) / len(rows)
    assert f"{mean:.4g}" in printed

    assert main(["upscale", "--device", "cpu", model, str(folder / "lr"), "-o", str(tmp_path / "sr")]) == 0
    for row in rows:
        sr, hr = (np.asarray(Image.open(root / f"{row['name']}.png")) for root in (tmp_path / "sr", folder / "hr"))
        assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(hr, sr), abs=1e-3)


def test_a_border_is_cut_when_asked(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    assert run(model, "--pairs", folder, "--metrics", "psnr_y", "--border", "4", "--csv", tmp_path / "cut.csv") == 0
    assert "4 pixels cut from each border" in capsys.readouterr().out
    assert run(model, "--pairs", folder, "--metrics", "psnr_y", "--csv", tmp_path / "kept.csv") == 0
    cut, kept = rows_of(tmp_path / "cut.csv"), rows_of(tmp_path / "kept.csv")
    assert [row["name"] for row in cut] == [row["name"] for row in kept]
    assert all(a["psnr_y"] != b["psnr_y"] for a, b in zip(cut, kept, strict=True))


def test_images_without_ground_truth_are_scored_by_niqe(
    model: str, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, lr = photographs / "clean", photographs / "others"
    assert run(model, "--lr", lr, "--niqe-clean", clean, "--csv", tmp_path / "fitted.csv") == 0
    assert "lr: 8 images" in capsys.readouterr().out
    NiqeModel.fit(read_image(file).rgb for file in sorted(clean.iterdir())).save(tmp_path / "niqe.npz")
    assert run(model, "--lr", lr, "--niqe-model", tmp_path / "niqe.npz", "--csv", tmp_path / "loaded.csv") == 0
    fitted, loaded = rows_of(tmp_path / "fitted.csv"), rows_of(tmp_path / "loaded.csv")
    scores = [[float(row["niqe"]) for row in rows] for rows in (fitted, loaded)]
    assert scores[0] == pytest.approx(scores[1])
    assert all(float(row["niqe"]) > 0 for row in fitted)


def test_what_is_wrong_is_said_in_a_line(
    model: str, pairs: Callable[[int], Path], photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.csv").write_text("precious")
    (tmp_path / "corrupt.safetensors").write_bytes(Path(model).read_bytes()[:-100])
    (tmp_path / "corrupt.npz").write_bytes(b"not an archive")
    x4, x2 = pairs(4), pairs(2)
    wrong = {
        "niqe needs to know clean images: give --niqe-clean": [model, "--lr", photographs / "others"],
        "psnr compares with ground truth, so it needs --pairs": [
            model, "--lr", photographs / "others", "--metrics", "psnr",
        ],
        "the metric must be one of psnr": [model, "--pairs", x4, "--metrics", "vmaf"],
        "must be 2 times as large as its lr image for this network, but the two are 160x160 and 40x40": [
            model, "--pairs", x4,
        ],
        "old.csv: is there already; add --overwrite": [model, "--pairs", x4, "--csv", tmp_path / "old.csv"],
        "has no lr": [model, "--pairs", photographs],
        "nowhere": [model, "--pairs", "nowhere"],
        "nowhere: no such folder": [model, "--lr", "nowhere", "--niqe-clean", photographs / "clean"],
        "corrupt.safetensors: ": [tmp_path / "corrupt.safetensors", "--pairs", x2],
        "corrupt.npz": [model, "--lr", photographs / "others", "--niqe-model", tmp_path / "corrupt.npz"],
        "border": [model, "--pairs", x2, "--border", "-1"],
        "gone.pth does not exist": [
            model, "--pairs", x2, "--metrics", "lpips", "--lpips-weights", "gone.pth",
        ],
    }  # fmt: skip
    for message, arguments in wrong.items():
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert (tmp_path / "old.csv").read_text() == "precious"
