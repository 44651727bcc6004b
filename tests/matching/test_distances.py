"""Measuring bins: the same numbers however the bins are shared out, and the right bin comes nearest."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from degcraft.degradation import Axis, BoxSource, DegradationSpace, degrade
from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor, make_extractor
from degcraft.images import Patches
from degcraft.matching import (
    BinDistances,
    bin_features,
    bin_generator,
    degrade_bin,
    file_numbers,
    frechet_distances,
    image_features,
    join_groups,
    measure_distances,
    measure_group,
    resample_interval,
)

SCALE = 2
SPACE = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("noise_level", 0, 40, 3)))


def patches(size: int, count: int, seed: int) -> Patches:
    """Crops of scikit-image's photographs, seven to a photograph or so."""
    rng = np.random.default_rng(seed)
    sources = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    crops, names = [], []
    for index in range(count):
        image = sources[index % len(sources)]
        y, x = (int(rng.integers(side - size)) for side in image.shape[:2])
        crops.append(torch.from_numpy(image[y : y + size, x : x + size].transpose(2, 0, 1).copy()))
        names.append(f"{index % len(sources)}.png")
    return Patches(torch.stack(crops), tuple(names))


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return make_extractor("alexnet-random", layer="relu1")


@pytest.fixture(scope="module")
def hr() -> Patches:
    return patches(96, 30, seed=0)


@pytest.fixture(scope="module")
def references() -> Patches:
    """26 of the HR crops, degraded inside bin 4: sigma in [2, 4], noise in [40/3, 80/3].

    Of the same crops, because random features tell degradations apart only where the content is alike.
    """
    source = BoxSource({"blur_sigma": (2.5, 3.5), "noise_level": (18, 22)})
    lr, _ = source.degrade(patches(96, 26, seed=0).images(), SCALE, torch.Generator().manual_seed(7))
    return Patches((lr * 255).round().to(torch.uint8), tuple(f"{index}.png" for index in range(26)))


@pytest.fixture(scope="module")
def measured(extractor: FeatureExtractor, hr: Patches, references: Patches) -> BinDistances:
    return measure_distances(SPACE, hr, references, extractor, scale=SCALE, seed=3)


def test_the_bin_that_made_the_references_is_the_nearest(measured: BinDistances) -> None:
    assert int(measured.distances.argmin()) == 4
    assert SPACE.bounds(4)["noise_level"] == pytest.approx((40 / 3, 80 / 3))


def test_the_record_says_what_was_measured(
    measured: BinDistances, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    assert (measured.n, measured.m, measured.seed, measured.scale) == (30, 26, 3, SCALE)
    assert (measured.extractor, measured.layer) == ("alexnet-random", "relu1")
    assert measured.extractor_identity == extractor.identity
    assert (measured.hr_hash, measured.reference_hash) == (hr.content_hash, references.content_hash)
    assert DegradationSpace.from_list(measured.space) == SPACE
    assert ((measured.low <= measured.distances) & (measured.distances <= measured.high)).all()


def test_each_step_done_by_hand_gives_the_same(
    measured: BinDistances, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    target = extractor(references.images()).numpy()
    bins = []
    for index in range(SPACE.n_bins):
        generator = bin_generator(3, index)
        parts = []
        for part in hr.images().split(25):
            degradation = SPACE.sample_bin(index, len(part), generator)
            parts.append(degrade(part, degradation, SCALE, generator))
        bins.append(extractor(torch.cat(parts)).numpy())
    np.testing.assert_allclose(measured.distances, frechet_distances(bins, target), rtol=1e-4)
    # Patches of one photograph go together, by the number of their file.
    numbers = [[sorted(set(files)).index(file) for file in files] for files in (hr.files, references.files)]
    interval = resample_interval(bins[2], target, seed=3, groups=numbers[0], reference_groups=numbers[1])
    assert measured.low[2] == pytest.approx(interval.low, rel=1e-3)
    assert measured.high[2] == pytest.approx(interval.high, rel=1e-3)
    assert measured.excess[2] == pytest.approx(interval.excess, rel=1e-2)


def test_any_sharding_gives_identical_numbers(
    measured: BinDistances, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    target = image_features(references.pixels, extractor)
    groups = [
        measure_group(
            SPACE,
            bins,
            hr.pixels,
            target,
            extractor,
            scale=SCALE,
            seed=3,
            groups=file_numbers(hr),
            reference_groups=file_numbers(references),
        )
        for bins in ([5, 1], [0], [4, 2, 3])
    ]
    joined = join_groups(groups, SPACE, hr, references, extractor, scale=SCALE, seed=3)
    for name in ("distances", "low", "high", "excess"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(measured, name))


def test_a_bin_is_drawn_from_seed_and_bin_alone(hr: Patches) -> None:
    def lr(index: int, seed: int) -> torch.Tensor:
        return torch.cat(list(degrade_bin(SPACE, index, hr.pixels, scale=SCALE, seed=seed)))

    state = torch.random.get_rng_state()
    first = lr(1, 0)
    torch.rand(3)
    torch.random.set_rng_state(state)
    assert torch.equal(lr(1, 0), first)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(lr(1, 1), first)
    assert first.shape == (30, 3, 48, 48)
    draws = {bin_generator(seed, index).initial_seed() for seed in range(-2, 20) for index in range(75)}
    assert len(draws) == 22 * 75


def test_the_extractors_batch_does_not_change_what_is_drawn(extractor: FeatureExtractor, hr: Patches) -> None:
    by_seven, at_once = (
        bin_features(SPACE, 5, hr.pixels, extractor, scale=SCALE, seed=0, batch=batch) for batch in (7, 30)
    )
    assert by_seven.shape == (30, extractor.dimensions)
    assert by_seven.dtype == np.float32
    np.testing.assert_allclose(by_seven, at_once, rtol=1e-4, atol=1e-5)


def test_eight_bit_and_float_images_have_the_same_features(extractor: FeatureExtractor, hr: Patches) -> None:
    np.testing.assert_array_equal(image_features(hr.pixels, extractor), image_features(hr.images(), extractor))


def test_progress_counts_the_bins(extractor: FeatureExtractor, hr: Patches, references: Patches) -> None:
    told: list[tuple[int, int]] = []
    target = image_features(references.pixels, extractor)
    measure_group(
        SPACE,
        [2, 0],
        hr.pixels,
        target,
        extractor,
        scale=SCALE,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]
    empty = measure_group(SPACE, [], hr.pixels, target, extractor, scale=SCALE)
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(
        ("bin", "distance", "low", "high", "excess"), 0
    )


def test_missing_and_doubled_bins_are_refused(extractor: FeatureExtractor, hr: Patches, references: Patches) -> None:
    target = image_features(references.pixels, extractor)
    some = measure_group(SPACE, [0, 1], hr.pixels, target, extractor, scale=SCALE)
    with pytest.raises(DegcraftError, match="each of the 6 bins once, but hold 2, 2 of them different"):
        join_groups([some], SPACE, hr, references, extractor, scale=SCALE)
    with pytest.raises(DegcraftError, match="each of the 6 bins once, but hold 6, 2 of them different"):
        join_groups([some] * 3, SPACE, hr, references, extractor, scale=SCALE)


def test_sizes_that_do_not_fit_are_refused(extractor: FeatureExtractor, hr: Patches, references: Patches) -> None:
    with pytest.raises(DegcraftError, match=r"HR patches must have 192 pixels a side, 4 times .*, but have 96"):
        measure_distances(SPACE, hr, references, extractor, scale=4)
    deep = make_extractor("alexnet-random", layer="relu5")
    tiny = Patches(references.pixels[..., :24, :24], references.files)
    with pytest.raises(DegcraftError, match="at least 31×31 pixels, but got 24×24"):
        measure_distances(SPACE, Patches(hr.pixels[..., :48, :48], hr.files), tiny, deep, scale=SCALE)
    few = Patches(references.pixels[:3], references.files[:3])
    with pytest.raises(DegcraftError, match="at least 4 images on both sides"):
        measure_distances(SPACE, hr, few, extractor, scale=SCALE)


def test_distances_do_not_depend_on_where_the_record_was(measured: BinDistances, tmp_path: Path) -> None:
    measured.save(tmp_path / "deep" / "distances.json")
    loaded = BinDistances.load(tmp_path / "deep" / "distances.json")
    assert loaded.key == measured.key
    for name in ("distances", "low", "high", "excess"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(measured, name))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_measures_the_cpus_distances(
    measured: BinDistances, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    on_cuda = make_extractor("alexnet-random", layer="relu1", device="cuda")
    other = measure_distances(SPACE, hr, references, on_cuda, scale=SCALE, seed=3, device="cuda")
    assert other.key == measured.key
    np.testing.assert_allclose(other.distances, measured.distances, rtol=0.02)
    assert int(other.distances.argmin()) == 4
