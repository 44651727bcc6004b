"""What a search reads: split by file, without leaks, the same every time."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degcraft.errors import DegcraftError
from degcraft.images import hash_pixels, read_rgb8, write_image
from tune.data import read_data, remote_only
from tune.spec import SearchSpec


def spec(photographs: Path, tmp_path: Path, **more: Any) -> SearchSpec:
    content = {
        "name": "s",
        "references": str(photographs / "others"),
        "hr": str(photographs / "clean"),
        "output": str(tmp_path / "out"),
        "scale": 2,
        "patches": {"count": 8, "size": 40},
        "held_out": {"fraction": 0.4, "size": 64},
        "training": {"lr_patch": 16},
    }
    return SearchSpec.model_validate(content | more)


def hashes(folder: Path) -> dict[str, str]:
    return {hash_pixels(read_rgb8(file)): file.name for file in folder.iterdir()}


def test_references_are_split_by_file(photographs: Path, tmp_path: Path) -> None:
    data, _ = read_data(spec(photographs, tmp_path))
    assert data.judge is not None
    assert set(data.fit.files).isdisjoint(data.judge.files)
    assert data.pairs is None


def test_clean_files_of_proxies_are_not_trained_on(photographs: Path, tmp_path: Path) -> None:
    data, pool = read_data(spec(photographs, tmp_path))
    assert data.judge_crops is not None
    known = hashes(photographs / "clean")
    trained = {known[hash_pixels(np.asarray(image))] for image in pool.arrays}
    assert trained.isdisjoint(Path(name).name for name in data.judge_crops.files)
    assert {Path(name).name for name in data.crops.files} <= trained


def test_the_same_seed_reads_the_same(photographs: Path, tmp_path: Path) -> None:
    first, again = (read_data(spec(photographs, tmp_path))[0].hashes() for _ in range(2))
    other = read_data(spec(photographs, tmp_path, seed=1))[0].hashes()
    assert first == again
    assert first != other


def test_pairs_are_scored_on_files_that_nothing_was_fitted_to(
    photographs: Path, tmp_path: Path, pairs: Callable[[int], Path]
) -> None:
    held = {"pairs": str(pairs(2)), "fraction": 0.5, "size": 64}
    data, pool = read_data(spec(photographs, tmp_path, references=None, held_out=held))
    assert data.pairs is not None
    assert len(data.pairs) == 4
    assert {pair.name for pair in data.pairs}.isdisjoint(Path(name).stem for name in data.fit.files)
    # With ground truth no clean image has to be kept back for proxies.
    assert len(pool) == 8


def test_cropped_pairs_stay_aligned(photographs: Path, tmp_path: Path, pairs: Callable[[int], Path]) -> None:
    held = {"pairs": str(pairs(2)), "fraction": 0.5, "size": 33}
    data, _ = read_data(spec(photographs, tmp_path, references=None, held_out=held, patches={"count": 8, "size": 32}))
    assert data.pairs is not None
    for pair in data.pairs:
        assert pair.lr.shape == (3, 33, 33)
        averaged = torch.nn.functional.avg_pool2d(torch.from_numpy(pair.hr).float(), 2)
        assert (averaged - torch.from_numpy(pair.lr)).abs().max() <= 0.5


def test_leaks_are_left_out_and_said(photographs: Path, tmp_path: Path, pairs: Callable[[int], Path]) -> None:
    folder = pairs(2)
    references, clean = tmp_path / "references", tmp_path / "clean"
    shutil.copytree(folder / "lr", references)
    for index in range(2):
        write_image(
            references / f"mine-{index}.png", torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(index))
        )
    shutil.copytree(photographs / "clean", clean)
    shutil.copytree(folder / "hr", clean / "leaked")
    held = {"pairs": str(folder), "size": 64}
    data, pool = read_data(spec(photographs, tmp_path, references=str(references), hr=str(clean), held_out=held))
    assert {Path(name).name for name in data.fit.files} == {"mine-0.png", "mine-1.png"}
    assert len(pool) == 8
    assert "references: 8 images that are held out were left out" in data.notes
    assert "hr: 8 images that are held out were left out" in data.notes


def test_references_that_are_all_held_out(photographs: Path, tmp_path: Path, pairs: Callable[[int], Path]) -> None:
    folder = pairs(2)
    with pytest.raises(DegcraftError, match="leave `references` out to split the pairs"):
        read_data(spec(photographs, tmp_path, references=str(folder / "lr"), held_out={"pairs": str(folder)}))


def test_pairs_of_another_scale(photographs: Path, tmp_path: Path, pairs: Callable[[int], Path]) -> None:
    held = {"pairs": str(pairs(2))}
    small = {"count": 8, "size": 32}
    with pytest.raises(DegcraftError, match="must be 4 times the size of its LR image 80x80, but is 160x160"):
        read_data(spec(photographs, tmp_path, references=None, held_out=held, scale=4, patches=small))


def test_too_few_patches_name_the_part(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="references to fit to: must give at least 4 patches of 80x80, but give 3"):
        read_data(spec(photographs, tmp_path, held_out={"fraction": 0.1}, patches={"count": 3, "size": 80}))


def test_synthetic_references_are_written_once_as_pairs(photographs: Path, tmp_path: Path) -> None:
    hidden = {"synthetic": {"box": {"blur_sigma": [1.0, 2.0]}}, "space": [SIGMA]}
    first, _ = read_data(spec(photographs, tmp_path, **hidden))
    again, _ = read_data(spec(photographs, tmp_path, **hidden))
    assert first.hashes() == again.hashes()
    assert len(list((tmp_path / "out" / "synthetic" / "lr").iterdir())) == 8
    assert first.pairs is not None


SIGMA = {"name": "blur_sigma", "low": 0.0, "high": 4.0, "bins": 2}


def test_only_uris_are_read_near_the_data(photographs: Path, tmp_path: Path) -> None:
    assert not remote_only(spec(photographs, tmp_path))
    assert not remote_only(spec(photographs, tmp_path, references="s3://bucket/photos"))
    assert remote_only(spec(photographs, tmp_path, references="s3://bucket/photos", hr="gs://bucket/clean"))


def test_a_file_uri_reads_what_its_folder_holds(photographs: Path, tmp_path: Path) -> None:
    here, _ = read_data(spec(photographs, tmp_path))
    uri = {name: f"file://{photographs / part}" for name, part in (("references", "others"), ("hr", "clean"))}
    there, _ = read_data(spec(photographs, tmp_path, **uri))
    assert here.hashes() == there.hashes()


def test_too_few_to_hold_any_out_is_said_with_what_was_skipped(photographs: Path, tmp_path: Path) -> None:
    for number in range(2):
        write_image(tmp_path / "same" / f"{number}.png", torch.zeros(3, 96, 96))
    alike = spec(photographs, tmp_path, references=str(tmp_path / "same"))
    with pytest.raises(DegcraftError, match=r"references: a split .* at least 2 files, but got 1 \(.*1\.png \(same"):
        read_data(alike)
