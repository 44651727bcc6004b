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
    Measurement,
    bin_generator,
    craft,
    crafted_features,
    degrade_bin,
    frechet_distances,
    image_features,
    join_groups,
    measure,
    measure_group,
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
def measured(extractor: FeatureExtractor, hr: Patches, references: Patches) -> Measurement:
    return measure(SPACE, hr, references, extractor, scale=SCALE, seed=3)


def test_the_bin_that_made_the_references_is_the_nearest(measured: Measurement) -> None:
    assert int(measured.distances.argmin()) == 4
    assert SPACE.bounds(4)["noise_level"] == pytest.approx((40 / 3, 80 / 3))


def test_the_record_says_what_was_measured(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    assert (measured.n, measured.m, measured.seed, measured.scale) == (30, 26, 3, SCALE)
    assert (measured.extractor, measured.layer) == ("alexnet-random", "relu1")
    assert measured.extractor_identity == extractor.identity
    assert (measured.hr_hash, measured.reference_hash) == (hr.content_hash, references.content_hash)
    assert measured.space == SPACE
    # Patches of one photograph go together, by the number of their file.
    assert measured.hr_groups.tolist() == [sorted(set(hr.files)).index(file) for file in hr.files]


def test_each_step_done_by_hand_gives_the_same(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    target = extractor(references.images()).numpy()
    bins = []
    for index in range(SPACE.n_bins):
        generator = bin_generator(3, index)
        parts, sigmas = [], []
        for part in hr.images().split(25):
            degradation = SPACE.sample_bin(index, len(part), generator)
            parts.append(degrade(part, degradation, SCALE, generator))
            sigmas.append(degradation.parameters["blur_sigma"])
        bins.append(extractor(torch.cat(parts)).numpy())
        np.testing.assert_array_equal(measured.parameters[index, :, 0], torch.cat(sigmas).numpy())
    # Half precision keeps three digits.
    np.testing.assert_allclose(measured.features, bins, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(measured.distances, frechet_distances(bins, target), rtol=5e-3)


def test_any_sharding_gives_identical_numbers(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    groups = [
        measure_group(SPACE, bins, hr.pixels, extractor, scale=SCALE, seed=3) for bins in ([5, 1], [0], [4, 2, 3])
    ]
    joined = join_groups(groups, SPACE, hr, references, extractor, scale=SCALE, seed=3)
    for name in ("features", "parameters", "references"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(measured, name))


def test_a_bin_is_drawn_from_seed_and_bin_alone(hr: Patches) -> None:
    def lr(index: int, seed: int) -> torch.Tensor:
        return degrade_bin(SPACE, index, hr.pixels, scale=SCALE, seed=seed)[0]

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
        measure_group(SPACE, [5], hr.pixels, extractor, scale=SCALE, seed=0, batch=batch)["features"]
        for batch in (7, 30)
    )
    assert by_seven.shape == (1, 30, extractor.dimensions)
    assert by_seven.dtype == np.float16
    np.testing.assert_allclose(by_seven, at_once, rtol=2e-3, atol=1e-5)


def test_eight_bit_and_float_images_have_the_same_features(extractor: FeatureExtractor, hr: Patches) -> None:
    np.testing.assert_array_equal(image_features(hr.pixels, extractor), image_features(hr.images(), extractor))


def test_progress_counts_the_bins(extractor: FeatureExtractor, hr: Patches) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    measure_group(SPACE, [2, 0], hr.pixels, extractor, scale=SCALE, seed=0, progress=tell)
    assert told == [(1, 2), (2, 2)]
    empty = measure_group(SPACE, [], hr.pixels, extractor, scale=SCALE, seed=0)
    assert {name: len(values) for name, values in empty.items()} == dict.fromkeys(("bin", "features", "parameters"), 0)


def test_missing_and_doubled_bins_are_refused(extractor: FeatureExtractor, hr: Patches, references: Patches) -> None:
    some = measure_group(SPACE, [0, 1], hr.pixels, extractor, scale=SCALE, seed=0)
    with pytest.raises(DegcraftError, match="each of the 6 groups once, but hold 2, 2 of them different"):
        join_groups([some], SPACE, hr, references, extractor, scale=SCALE, seed=0)
    with pytest.raises(DegcraftError, match="each of the 6 groups once, but hold 6, 2 of them different"):
        join_groups([some] * 3, SPACE, hr, references, extractor, scale=SCALE, seed=0)


def test_sizes_that_do_not_fit_are_refused(extractor: FeatureExtractor, hr: Patches, references: Patches) -> None:
    with pytest.raises(DegcraftError, match=r"HR patches must have 192 pixels a side, 4 times .*, but have 96"):
        measure(SPACE, hr, references, extractor, scale=4)
    deep = make_extractor("alexnet-random", layer="relu5")
    tiny = Patches(references.pixels[..., :24, :24], references.files)
    with pytest.raises(DegcraftError, match="at least 31×31 pixels, but got 24×24"):
        measure(SPACE, Patches(hr.pixels[..., :48, :48], hr.files), tiny, deep, scale=SCALE)
    few = Patches(references.pixels[:3], references.files[:3])
    with pytest.raises(DegcraftError, match=r"at least 4 patches of either side, but got 30 of .* 3 of references"):
        measure(SPACE, hr, few, extractor, scale=SCALE)


def test_the_cache_gives_back_what_was_measured_and_only_that(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []

    said: list[str] = []

    def cached(seed: int) -> Measurement:
        told.clear()
        return measure(
            SPACE, hr, references, extractor, scale=SCALE, seed=seed, cache=tmp_path,
            progress=lambda *done: told.append(done), say=said.append,
        )  # fmt: skip

    first = cached(3)
    assert len(told) == SPACE.n_bins
    again = cached(3)
    assert told == []
    for one in (first, again):
        np.testing.assert_array_equal(one.features, measured.features)
    cached(4)
    assert len(told) == SPACE.n_bins
    assert said == []
    for file in tmp_path.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:-100])
    np.testing.assert_array_equal(cached(3).features, measured.features)
    assert len(told) == SPACE.n_bins
    (text,) = said
    assert text.endswith("; measured anew")


def test_a_cache_that_cannot_be_written_costs_no_measurement(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    said: list[str] = []
    cache = tmp_path / "file" / "measurements"
    found = measure(SPACE, hr, references, extractor, scale=SCALE, seed=3, cache=cache, say=said.append)
    np.testing.assert_array_equal(found.features, measured.features)
    (text,) = said
    assert text.startswith(f"{cache}/")
    assert text.endswith("; the measurement is not kept")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_measures_the_cpus_distances(
    measured: Measurement, extractor: FeatureExtractor, hr: Patches, references: Patches
) -> None:
    on_cuda = make_extractor("alexnet-random", layer="relu1", device="cuda")
    other = measure(SPACE, hr, references, on_cuda, scale=SCALE, seed=3, device="cuda")
    np.testing.assert_allclose(other.distances, measured.distances, rtol=0.02)
    assert int(other.distances.argmin()) == 4


def test_a_space_of_many_bins_costs_draws_and_not_bins(extractor: FeatureExtractor) -> None:
    space = DegradationSpace((Axis("blur_sigma", 0, 4, 40), Axis("noise_level", 0, 40, 40)))
    clean = patches(48, 6, seed=0)
    lr = Patches(patches(24, 8, seed=1).pixels, tuple(f"{index}.png" for index in range(8)))
    told: list[tuple[int, int]] = []
    found = measure(space, clean, lr, extractor, scale=SCALE, progress=lambda *done: told.append(done))
    assert told[-1] == (75, 75)
    assert found.features.shape[:2] == (75, 6)
    assert len(np.unique(found.parameters.reshape(-1, 2), axis=0)) == 450
    parts = [measure_group(space, group, clean.pixels, extractor, scale=SCALE, seed=0) for group in ([74, 3], [0])]
    np.testing.assert_array_equal(parts[0]["features"], found.features[[74, 3]])
    crafted = craft(found, "blocks", intervals=False)
    made = crafted_features(crafted, found, clean, extractor)
    assert made.shape == (5, 6, found.features.shape[-1])
