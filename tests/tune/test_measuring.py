"""Sharded measuring: the same numbers as in one process, once, whatever is killed."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray

from degcraft.degradation import Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import Patches, cut_patches, scan_folder
from degcraft.matching import Measurement
from degcraft.matching import measure as measure_here
from tune.measuring import Workers, sharded_measurement

pytestmark = pytest.mark.slow

SPACE = DegradationSpace((Axis("blur_sigma", 0, 4, 4), Axis("noise_level", 0, 40, 4)))
"""16 bins: four groups of them."""


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def images(photographs: Path) -> tuple[Patches, Patches]:
    hr = cut_patches(scan_folder(photographs / "clean").files, size=128, count=8, seed=0)
    lr = cut_patches(scan_folder(photographs / "others").files, size=64, count=8, seed=0)
    return hr, lr


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return make_extractor("alexnet-random", seed=0)


@pytest.fixture(scope="module")
def expected(images: tuple[Patches, Patches], extractor: FeatureExtractor) -> Measurement:
    return measure_here(SPACE, *images, extractor, scale=2, seed=3)


def measure(images: tuple[Patches, Patches], extractor: FeatureExtractor, cache: Path, **more) -> Measurement:  # type: ignore[no-untyped-def]
    return sharded_measurement(SPACE, *images, extractor, scale=2, seed=3, workers=Workers(), cache=cache, **more)


def same(a: Measurement, b: Measurement) -> None:
    # A worker's threads may round the last bit of half precision otherwise.
    np.testing.assert_allclose(a.features, b.features, rtol=2e-3, atol=1e-6)
    np.testing.assert_array_equal(a.parameters, b.parameters)
    np.testing.assert_array_equal(a.references, b.references)


def test_sharding_changes_no_number(images, extractor, expected, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    same(measure(images, extractor, tmp_path), expected)


def test_a_repeated_call_measures_nothing(images, extractor, expected, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    measure(images, extractor, tmp_path)
    told: list[tuple[int, int]] = []
    same(measure(images, extractor, tmp_path, progress=lambda *done: told.append(done)), expected)
    assert told == []


def test_a_killed_actor_costs_one_group(images, extractor, expected, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    killed: list[int] = []
    lock = threading.Lock()

    def kill_one(done: int, total: int) -> None:
        with lock:
            if killed:
                return
            for process in psutil.process_iter(["cmdline"]):
                if " ".join(process.info["cmdline"] or []).startswith("ray::_Worker"):
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    return

    same(measure(images, extractor, tmp_path, progress=kill_one), expected)
    assert killed


def test_a_killed_driver_leaves_its_groups_and_a_damaged_one_is_measured_anew(  # type: ignore[no-untyped-def]
    images, extractor, expected, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def die(done: int, total: int) -> None:
        if done >= 8:
            raise Killed

    with pytest.raises(Killed):
        measure(images, extractor, tmp_path, progress=die)
    told: list[int] = []
    # Two, or more where a worker was done with its group before it was ended.
    *whole, altered = sorted(tmp_path.rglob("bins-*.npz"))
    assert whole
    with np.load(altered) as kept:
        np.savez(altered, **{**kept, "features": kept["features"] * 2})
    said: list[str] = []
    found = measure(images, extractor, tmp_path, progress=lambda done, _: told.append(done), say=said.append)
    same(found, expected)
    assert said == [f"{altered}: is damaged: its checksum does not fit what it holds; measured anew"]
    assert len(told) == 4 - len(whole)


def test_a_cache_that_cannot_be_written_is_named_at_once(images, extractor, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("precious")
    with pytest.raises(DegcraftError, match=r"file/measurements/\w+: cannot be written"):
        measure(images, extractor, tmp_path / "file" / "measurements")
