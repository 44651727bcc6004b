"""`degcraft evaluate`: scores that scikit-image confirms, differences that scipy confirms, and what is left out."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio

from degcraft.cli import main
from degcraft.images import read_image
from degcraft.metrics import NiqeModel
from degcraft.networks import build_network, save_network


def saved(folder: Path, name: str, scale: int = 2, seed: int = 0, broken: bool = False) -> str:
    hyperparameters = {"channels": 4, "blocks": 1}
    network = build_network("srresnet", scale=scale, seed=seed, **hyperparameters)
    if broken:
        with torch.no_grad():
            next(network.parameters()).fill_(1e38)  # finite, but what it gives is not
    file = folder / f"{name}.safetensors"
    save_network(file, network, name="srresnet", hyperparameters=hyperparameters)
    return str(file)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(tmp_path_factory.mktemp("model"), "x2")


def run(*arguments: str | Path) -> int:
    return main(["evaluate", "--device", "cpu", *map(str, arguments)])


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def row_of(file: Path, row: str) -> list[dict[str, str]]:
    return [line for line in rows_of(file) if line["row"] == row]


def test_scores_are_those_of_the_written_images(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    (folder / "hr" / "@eaDir").mkdir()
    assert run(model, "--pairs", folder, "--csv", tmp_path / "scores.csv") == 0
    printed = capsys.readouterr().out
    assert "hr: 1 system folder passed over: @eaDir" in printed
    assert "8 images, x2, no border cut (border 0)" in printed
    assert "PSNR RGB ↑ (dB)" in printed
    rows = row_of(tmp_path / "scores.csv", "x2")
    assert list(rows[0]) == ["name", "row", "psnr", "psnr_y", "ssim", "counts", "reason"]
    mean = sum(float(row["psnr"]) for row in rows) / len(rows)
    assert f"{mean:.2f}" in printed

    assert main(["upscale", "--device", "cpu", model, str(folder / "lr"), "-o", str(tmp_path / "sr")]) == 0
    for row in rows:
        sr, hr = (np.asarray(Image.open(root / f"{row['name']}.png")) for root in (tmp_path / "sr", folder / "hr"))
        assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(hr, sr), abs=1e-3)
    for row in row_of(tmp_path / "scores.csv", "bicubic"):
        lr, hr = (Image.open(folder / part / f"{row['name']}.png") for part in ("lr", "hr"))
        pillow = np.asarray(lr.resize(hr.size, Image.Resampling.BICUBIC))
        assert float(row["psnr"]) == pytest.approx(peak_signal_noise_ratio(np.asarray(hr), pillow), abs=0.03)


def test_several_models_are_compared_with_bicubic_and_with_the_first(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = saved(tmp_path, "other", seed=1)
    assert run(model, other, "--pairs", pairs(2), "--metrics", "psnr", "--json", tmp_path / "all.json") == 0
    printed = capsys.readouterr().out
    content = json.loads((tmp_path / "all.json").read_text())
    compared = [(own["row"], own["over"]) for own in content["differences"]]
    assert compared == [("x2", "bicubic"), ("other", "bicubic"), ("other", "x2")]
    for own in content["differences"]:
        first, second = ([image["scores"]["psnr"] for image in content["scores"][own[key]]] for key in ("row", "over"))
        interval = stats.ttest_rel(first, second).confidence_interval(0.95)
        assert (own["low"], own["high"]) == pytest.approx((interval.low, interval.high))
        assert own["tie"] == (interval.low <= 0 <= interval.high)
        assert f"{own['row']}, PSNR RGB: " in printed
    assert list(content["means"]) == ["bicubic", "x2", "other"]
    assert content["metrics"]["psnr"] == {"label": "PSNR RGB", "unit": "dB", "higher_is_better": True}


def test_a_pair_that_tells_nothing_is_left_out_and_named(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    assert run(model, "--pairs", folder, "--metrics", "psnr", "--json", tmp_path / "before.json") == 0
    for side, part in ((80, "lr"), (160, "hr")):
        Image.new("RGB", (side, side), "white").save(folder / part / "blank.png")
    assert run(model, "--pairs", folder, "--metrics", "psnr", "--json", tmp_path / "after.json") == 0
    before, after = (json.loads((tmp_path / name).read_text()) for name in ("before.json", "after.json"))
    assert after["means"] == before["means"]
    assert after["left_out"] == {"blank": "its ground truth is one flat colour"}
    printed = capsys.readouterr().out
    assert "left out: blank, its ground truth is one flat colour" in printed
    assert "means over 8 of 9 images" in printed
    assert "inf" not in printed


def test_pairs_that_tell_nothing_apart_are_no_success(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side, part in ((80, "lr"), (160, "hr")):
        (tmp_path / "blank" / part).mkdir(parents=True)
        Image.new("RGB", (side, side), "white").save(tmp_path / "blank" / part / "page.png")
    assert run(model, "--pairs", tmp_path / "blank", "--metrics", "psnr") == 2
    assert "at least one image must tell networks apart" in capsys.readouterr().err


def test_an_output_does_not_replace_an_input(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    inside = next((folder / "lr").iterdir())
    for outputs in (["--csv", model], ["--csv", str(inside)], ["--csv", "same.out", "--json", "same.out"]):
        assert run(model, "--pairs", folder, "--overwrite", *outputs) == 2
        assert "must be a file of its own" in capsys.readouterr().err


def test_a_network_that_fails_is_named_after_the_others_are_scored(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = saved(tmp_path, "broken", broken=True)
    arguments = ("--pairs", pairs(2), "--metrics", "psnr", "--csv", tmp_path / "scores.csv")
    assert run(broken, model, *arguments, "--figure", tmp_path / "shown.png") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("degcraft evaluate: broken: the network gave values that are not finite on ")
    assert captured.err.endswith(" and 7 more of 8\n")
    assert "failed" in captured.out
    assert "x2, PSNR RGB: " in captured.out
    assert {row["counts"] for row in row_of(tmp_path / "scores.csv", "broken")} == {"no"}
    assert {row["counts"] for row in row_of(tmp_path / "scores.csv", "x2")} == {"yes"}
    assert (tmp_path / "shown.png").is_file()


def test_hr_that_the_scale_does_not_divide_is_cropped_and_said(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    assert run(model, "--pairs", folder, "--csv", tmp_path / "before.csv") == 0
    file = next((folder / "hr").iterdir())
    image = Image.open(file)
    wider = Image.new("RGB", (161, 161), "red")
    wider.paste(image, (0, 0))
    wider.save(file)
    assert run(model, "--pairs", folder, "--csv", tmp_path / "after.csv") == 0
    assert "cropped: the hr images of 1 pairs are no multiple of 2" in capsys.readouterr().out
    assert rows_of(tmp_path / "after.csv") == rows_of(tmp_path / "before.csv")


def test_aligned_pairs_score_as_if_they_had_never_been_moved(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    for file in (folder / "lr").iterdir():
        image = np.asarray(Image.open(file)).astype(float)
        Image.fromarray(np.roll(image * 0.9 + 3, 1, axis=0).round().astype(np.uint8)).save(file)
    psnr = {}
    for name, options in (("plain", ()), ("aligned", ("--align",))):
        options = ("--metrics", "psnr", "--border", "4", "--json", tmp_path / f"{name}.json", *options)
        assert run(model, "--pairs", folder, *options) == 0
        psnr[name] = json.loads((tmp_path / f"{name}.json").read_text())
    assert psnr["aligned"]["means"]["bicubic"]["psnr"] > psnr["plain"]["means"]["bicubic"]["psnr"] + 3
    found = psnr["aligned"]["alignment"]
    assert len(found) == 8
    certain = [own for own in found.values() if own["dy"]]
    assert len(certain) >= 5
    assert np.median([own["dy"] for own in certain]) == pytest.approx(2, abs=0.05)
    assert np.median([own["gain"] for own in certain]) == pytest.approx(0.9, abs=0.02)
    assert psnr["plain"]["alignment"] == {}
    assert "pairs was fitted to its lr image" in capsys.readouterr().out


def test_the_picture_shows_all_rows(model: str, pairs: Callable[[int], Path], tmp_path: Path) -> None:
    assert run(model, "--pairs", pairs(2), "--figure", tmp_path / "shown.png") == 0
    picture = Image.open(tmp_path / "shown.png")
    # The whole image, bicubic, the network and HR: four cells of 320 pixels.
    assert 4 * 320 < picture.width < 4 * 320 + 100
    assert picture.height > 4 * 320


def test_a_border_is_cut_when_asked(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    assert run(model, "--pairs", folder, "--metrics", "psnr_y", "--border", "4", "--csv", tmp_path / "cut.csv") == 0
    assert "4 pixels cut from each border" in capsys.readouterr().out
    assert run(model, "--pairs", folder, "--metrics", "psnr_y", "--csv", tmp_path / "kept.csv") == 0
    cut, kept = row_of(tmp_path / "cut.csv", "x2"), row_of(tmp_path / "kept.csv", "x2")
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
    fitted, loaded = row_of(tmp_path / "fitted.csv", "x2"), row_of(tmp_path / "loaded.csv", "x2")
    scores = [[float(row["niqe"]) for row in rows] for rows in (fitted, loaded)]
    assert scores[0] == pytest.approx(scores[1])
    assert all(float(row["niqe"]) > 0 for row in fitted)


def enlarged(folder: Path, out: Path, scale: int, suffix: str = ".png") -> Path:
    """What another method would have made of a folder's lr/: the enlargement of Pillow."""
    out.mkdir()
    for file in (folder / "lr").iterdir():
        image = Image.open(file)
        size = (image.width * scale, image.height * scale)
        image.resize(size, Image.Resampling.LANCZOS).save(out / f"{file.stem}{suffix}")
    return out


def test_results_made_elsewhere_are_a_row_like_any_other(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs(2)
    made = enlarged(folder, tmp_path / "made", 2)
    options = ("--pairs", folder, "--metrics", "psnr", "--json", tmp_path / "all.json")
    shown = tmp_path / "shown.png"
    assert run(model, "--results", f"Lanczos={made}", *options, "--figure", shown, "--align") == 0
    assert shown.is_file()
    content = json.loads((tmp_path / "all.json").read_text())
    compared = [(own["row"], own["over"]) for own in content["differences"]]
    assert compared == [("x2", "bicubic"), ("Lanczos", "bicubic"), ("Lanczos", "x2")]
    assert "Lanczos, PSNR RGB: " in capsys.readouterr().out

    # A row of upscaled files is the row of the network that made them, and the scale is that of the pairs.
    assert main(["upscale", "--device", "cpu", model, str(folder / "lr"), "-o", str(tmp_path / "sr")]) == 0
    assert run("--results", f"again={tmp_path / 'sr'}", *options, "--overwrite") == 0
    again = json.loads((tmp_path / "all.json").read_text())
    assert again["scale"] == 2
    assert run(model, *options, "--overwrite") == 0
    assert again["means"]["again"] == json.loads((tmp_path / "all.json").read_text())["means"]["x2"]


def test_results_may_be_of_images_without_ground_truth(
    pairs: Callable[[int], Path], photographs: Path, tmp_path: Path
) -> None:
    folder = pairs(4)
    made = enlarged(folder, tmp_path / "made", 4, ".bmp")
    options = ("--lr", folder / "lr", "--niqe-clean", photographs / "clean", "--json", tmp_path / "all.json")
    assert run("--results", f"Lanczos={made}", *options) == 0
    content = json.loads((tmp_path / "all.json").read_text())
    assert content["scale"] == 4
    assert content["means"]["Lanczos"]["niqe"] > 0


def test_results_that_do_not_belong_to_the_images_are_refused(
    model: str, pairs: Callable[[int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x2 = pairs(2)
    made = enlarged(x2, tmp_path / "made", 2)
    small = enlarged(x2, tmp_path / "small", 1)
    wrong = {
        "there must be a model or results to score": [],
        "--results: must be NAME=DIR, but got 'made'": ["--results", "made"],
        "every row must have a name of its own, but 'bicubic' is taken": ["--results", f"bicubic={made}"],
        "'a' is taken": ["--results", f"a={made}", "--results", f"a={made}"],
        "nowhere: no such folder": ["--results", "a=nowhere"],
        "must be 2 times as large as its lr image, but the two are 80x80 and 80x80": ["--results", f"a={small}"],
        "must be a file of its own": ["--results", f"a={made}", "--csv", str(made / "scores.csv")],
        "own, but is read": ["--results", f"a={made}", "--figure", str(made / "scores.png")],
    }
    for message, arguments in wrong.items():
        assert run(*arguments, "--pairs", x2) == 2
        assert message in capsys.readouterr().err
    gone = next(made.iterdir())
    gone.unlink()
    assert run(model, "--results", f"a={made}", "--pairs", x2) == 2
    assert f"but has none for {gone.stem}" in capsys.readouterr().err


def test_what_is_wrong_is_said_in_a_line(
    model: str, pairs: Callable[[int], Path], photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.csv").write_text("precious")
    (tmp_path / "corrupt.safetensors").write_bytes(Path(model).read_bytes()[:-100])
    (tmp_path / "corrupt.npz").write_bytes(b"not an archive")
    x4, x2 = pairs(4), pairs(2)
    wrong = {
        "niqe needs to know clean images: give some by --niqe-clean": [model, "--lr", photographs / "others"],
        "metrics: psnr compares with ground truth, so it needs pairs": [
            model, "--lr", photographs / "others", "--metrics", "psnr",
        ],
        "must be 2 times as large as its lr image for these rows, but the two are 160x160 and 40x40; the pair looks "
        "like x4, for networks of that scale such as start:x4\n": [model, "--pairs", x4],
        "x4: networks that are compared must have one scale, but this is x4 and x2 is x2": [
            model, saved(tmp_path, "x4", scale=4), "--pairs", x2,
        ],
        "every model must be given once, but": [model, model, "--pairs", x2],
        "align: fits the ground truth to the lr images": [model, "--lr", photographs / "others", "--align"],
        "the name must end in .png": [model, "--pairs", x2, "--figure", tmp_path / "shown.jpg"],
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


@pytest.mark.parametrize("name", ["vmaf", "start:x2"])
def test_what_is_no_metric_is_named(
    name: str, pairs: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("--pairs", pairs(2), "--metrics", "psnr", name)
    assert f"but got {name!r}; write the models before --metrics" in capsys.readouterr().err
