"""`degcraft export --for` and `degcraft audit`, as they are typed."""

import json
from pathlib import Path

import pytest

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, Axis, CraftedDistribution, DegradationSpace


@pytest.fixture
def crafted(tmp_path: Path) -> Path:
    path = tmp_path / "crafted.json"
    setting = {"blur_sigma": (1.0, 2.0), "noise_level": (10.0, 30.0), "jpeg_quality": (50.0, 70.0)}
    CraftedDistribution(PAPER_SPACE, PAPER_SPACE.overlap(setting)).save(path)
    return path


def test_a_block_says_how_near_it_is(
    crafted: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "film.toml"
    command = ["export", str(crafted), "--for", "neosr", "-o", str(out), "--scale", "2", "--hr", str(photographs)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "would have to be others (total variation)" in printed
    assert "a classifier tells" in printed
    assert f"wrote {out}" in printed
    assert "scale = 2" in out.read_text()
    assert main(command) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_wtp_gets_a_folder(crafted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(crafted), "--for", "wtp", "-o", str(tmp_path / "film"), "--images", "50"]) == 0
    assert sorted(path.name for path in (tmp_path / "film").iterdir()) == ["1.hcl", "2.hcl"]
    (tmp_path / "film" / "3.hcl").touch()
    (tmp_path / "film" / "mine.hcl").touch()
    again = ["export", str(crafted), "--for", "wtp", "-o", str(tmp_path / "film"), "--overwrite"]
    assert main(again) == 0
    assert sorted(path.name for path in (tmp_path / "film").iterdir()) == ["1.hcl", "2.hcl", "mine.hcl"]
    assert main(["export", str(crafted), "--for", "wtp", "-o", str(tmp_path / "film.hcl")]) == 2
    assert "must be a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(crafted), "--for", "wtp", "-o", str(tmp_path / "film"), "--images", "0"])
    assert stopped.value.code == 2
    assert "--images: must be a whole number of 1 or more" in capsys.readouterr().err


def test_a_network_is_no_distribution(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.safetensors"
    for content, words in (
        (b"no", "must be a JSON file, but Expecting value"),
        (b"\xff\xfe", "must be a JSON file, but is no text"),
        (b"[" * 100_000, "must be a JSON file, but maximum recursion depth"),
    ):
        file.write_bytes(content)
        assert main(["export", str(file), "--for", "neosr", "-o", str(tmp_path / "a.toml")]) == 2
        said = capsys.readouterr().err
        assert f"{file}: {words}" in said
        assert said.count("\n") == 1


def test_the_scale_that_a_distribution_was_made_for_must_be_one(
    crafted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(crafted.read_text())
    crafted.write_text(json.dumps(content | {"provenance": {"scale": "four"}}))
    for scale in ([], ["--scale", "3"]):
        assert main(["export", str(crafted), "--for", "neosr", *scale, "-o", str(tmp_path / "a.toml")]) == 2
        said = f"{crafted}: provenance.scale must be a whole number from 1 to 8, but got 'four'"
        assert said in capsys.readouterr().err


def test_a_configuration_is_held_against_the_images(
    crafted: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    block = tmp_path / "block.yml"
    assert main(["export", str(crafted), "--for", "realesrgan", "-o", str(block), "--scale", "2"]) == 0
    capsys.readouterr()
    folders = ["--references", str(photographs / "others"), "--hr", str(photographs)]
    assert main(["audit", str(block), *folders]) == 0
    printed = capsys.readouterr().out
    # Clean photographs have no JPEG of quality 50 to 70.
    shares = {
        line.split()[1]: int(line.split()[-2].rstrip("%"))
        for line in printed.splitlines()
        if "%" in line and "│" in line
    }
    assert shares["jpeg_quality"] > 80
    assert "of what it draws has a" in printed
    assert "a block that fits: " in printed
    space = DegradationSpace((Axis("blur_sigma", 0, 1, 1), Axis("noise_level", 0, 1, 1)))
    CraftedDistribution.uniform(space).save(crafted)
    again = ["export", str(crafted), "--for", "traiNNer-redux", "-o", str(block), "--scale", "2", "--overwrite"]
    assert main(again) == 0
    assert main(["audit", str(block), *folders]) == 0
    printed = capsys.readouterr().out
    assert "of what it draws has a" in printed
    assert "a block that fits: " not in printed


def test_a_configuration_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path / "no.yml"), "--references", str(tmp_path), "--hr", str(tmp_path)]) == 2
    assert "no.yml: cannot be read" in capsys.readouterr().err
