"""`degcraft start`: what it writes is a search that fits, and a page that needs no other file."""

import shutil
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from degcraft.cli import main
from degcraft.errors import DegcraftError
from degcraft.images import write_image
from tests.images.clips import write_clip
from tune.spec_file import load_spec


def test_start_writes_a_search_and_a_page(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "started"
    command = ["start", str(photographs / "others"), "--hr", str(photographs / "clean"), "-o", str(out), "--size"]
    assert main([*command, "laptop"]) == 0
    assert f"next: degcraft search {out / 'search.yaml'}" in capsys.readouterr().out
    spec = load_spec(out / "search.yaml")
    assert (spec.training.steps, spec.training.batch, spec.budget.trials) == (300, 8, 3)
    assert spec.output == str(out / "search")
    assert spec.space != "paper"
    page = (out / "start.html").read_text(encoding="utf-8")
    assert "degcraft search" in page
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page, "nothing is fetched"
    assert main([*command, "laptop"]) == 2
    assert "must be a new or an empty folder" in capsys.readouterr().err


def test_start_says_what_repeats_and_names_a_main_source_only_beside_others(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pile = tmp_path / "pile"
    pile.mkdir()
    for number in range(6):
        shutil.copy(photographs / "others" / "chelsea-0.png", pile / f"{number}.png")
    (pile / "broken.png").write_bytes(b"no image")
    assert main(["start", str(pile), "-o", str(tmp_path / "out"), "--size", "laptop"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "images: 6 of 7 looked at; blur sigma" in printed
    assert "main source" not in printed
    assert "5 images repeat another; each content counts once" in printed
    assert "5 images repeat" in (tmp_path / "out" / "start.html").read_text(encoding="utf-8")


def test_the_picture_is_titled_by_the_pile(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = []

    def drawn(pile: object, path: Path, *, title: str = "") -> None:
        titles.append(title)
        write_image(path, torch.zeros(3, 8, 8))

    monkeypatch.setattr("degcraft.figures.draw_inspection", drawn)
    assert main(["start", str(photographs / "others"), "-o", str(tmp_path / "out"), "--size", "laptop"]) == 0
    assert titles == ["others"]


def test_a_video_and_no_clean_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEGCRAFT_CACHE", str(tmp_path / "cache"))
    clip = write_clip(tmp_path / "clip <b>.mp4")
    assert main(["start", str(clip), "-o", str(tmp_path / "out"), "--size", "laptop"]) == 0
    assert "first point `hr` in" in capsys.readouterr().out
    assert "clip &lt;b&gt;" in (tmp_path / "out" / "start.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", ["huge", "4", "-1", "1e9"])
def test_a_size_that_there_is_not(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", f"--size={size}"]) == 2
    assert "--size: must be laptop, workstation, gpu or minutes from 5 to 10000" in capsys.readouterr().err


def test_pairs_are_what_the_search_scores_on(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("lr", "hr"):
        (tmp_path / "pairs" / side).parent.mkdir(exist_ok=True)
        (tmp_path / "pairs" / side).symlink_to(photographs / "others")
    command = ["start", str(tmp_path / "pairs"), "--hr", str(photographs / "clean"), "-o", str(tmp_path / "out")]
    assert main([*command, "--size", "laptop"]) == 0
    spec = load_spec(tmp_path / "out" / "search.yaml")
    printed = capsys.readouterr().out
    assert "of pairs: the LR images are looked at" in printed
    assert "clean: a search needs 288x288 pixels" in printed
    assert spec.references is None
    assert spec.held_out.pairs == str((tmp_path / "pairs").resolve())


def test_what_fails_on_the_way_leaves_nothing_behind(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["start", str(photographs / "others"), "-o", str(out), "--size", "laptop", "--hr"]
    write_image(tmp_path / "flat" / "a.png", torch.full((3, 64, 64), 0.5))
    assert main([*command, str(tmp_path / "flat")]) == 2
    assert "hr: none of 1 clean image could be used; the first: " in capsys.readouterr().err

    def full(*_: object) -> NoReturn:
        raise DegcraftError("the disk is full")

    with monkeypatch.context() as failing:
        failing.setattr("degcraft.inspection.page.write_page", full)
        assert main([*command, str(photographs / "clean")]) == 2
    assert not out.exists()
    assert main([*command, str(photographs / "clean")]) == 0


def test_a_slip_is_said_before_the_images_are_looked_at(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def looked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("looked at")

    monkeypatch.setattr("degcraft.inspection.inspect_files", looked)
    out = ["-o", str(tmp_path / "out"), "--size", "laptop"]
    assert main(["start", str(photographs / "others"), "--hr", "nowhere", *out]) == 2
    assert "nowhere: no such file or folder" in capsys.readouterr().err
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "lr").symlink_to(photographs / "others")
    (tmp_path / "pairs" / "hr").symlink_to(photographs / "clean")
    assert main(["start", str(tmp_path / "pairs"), *out]) == 2
    assert "every image in lr must have one of the same name in hr, but has none" in capsys.readouterr().err
