"""degnet: what its features measure, and that the weights that come with it see degradations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import fft
from torch import Tensor

from degcraft.degradation import NO_JPEG, Degradation, degrade, find_parameter
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, DegNet, available, load_degnet, make_extractor
from degcraft.features.block_histogram import LENGTH, MAGNITUDES, block_histogram
from degcraft.features.degnet import degnet_posterior
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.shipped import shipped_weights
from degcraft.images import cut_patches, scan_folder


@pytest.fixture(scope="module")
def clean(photographs: Path) -> Tensor:
    """Eight crops of real photographs, (8, 3, 160, 160)."""
    return cut_patches(scan_folder(photographs / "others").files, size=160, count=8, seed=0).images()


def degraded(clean: Tensor, sigma: float, noise: float, quality: float, **further: float) -> Tensor:
    values = {"blur_sigma": sigma, "noise_level": noise, "jpeg_quality": quality, **further}
    degradation = Degradation({name: torch.full((len(clean),), value) for name, value in values.items()})
    return degrade(clean, degradation, 4, torch.Generator().manual_seed(0))


def expected(network: DegNet, lr: Tensor, axis: str) -> float:
    """The mean of the distributions over one axis, averaged over the images; no compression counts as 105."""
    values = network.grids[axis].clamp(max=105)
    return float((network.posteriors(lr)[axis] * values).sum(dim=1).mean())


def test_block_histogram_counts_the_coefficients_that_scipy_gives() -> None:
    image = (torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    luma = (image[0].numpy() * 255 * np.array([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    counts = np.zeros((64, 40))
    for y in range(0, 16, 8):
        for x in range(0, 24, 8):
            coefficients = np.abs(fft.dctn(luma[y : y + 8, x : x + 8], norm="ortho")).ravel()
            for frequency, magnitude in enumerate(coefficients):
                if magnitude < 31.5:  # the unit steps: class k holds k − ½ to k + ½
                    counts[frequency, int(np.floor(magnitude + 0.5))] += 1
    found = block_histogram(image)
    assert found.shape == (1, LENGTH)
    shares = found.square().view(64, MAGNITUDES).numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(shares[:, :32] * 6, counts[:, :32], atol=1e-4)


def test_squared_distance_of_features_is_the_cramer_distance_of_the_distributions(clean: Tensor) -> None:
    extractor, network = make_extractor("degnet"), load_degnet()
    lr = torch.cat([degraded(clean[:1], 1, 5, 80), degraded(clean[1:2], 3, 30, 40)])
    features = extractor(lr).double()
    integral = 0.0
    for axis, posterior in network.posteriors(lr).items():
        grid = network.grids[axis].double().numpy()
        # Without compression stands one cell beyond the best quality.
        grid = np.where(np.isinf(grid), 2 * grid[-2] - grid[-3], grid)
        below = posterior.double().cumsum(dim=1).numpy()
        integral += float((np.diff(below, axis=0)[0, :-1] ** 2 * np.diff(grid)).sum()) / find_parameter(axis).bin_width
    assert float((features[0] - features[1]).square().sum()) == pytest.approx(integral, rel=1e-4)


def test_distributions_are_distributions_at_any_size() -> None:
    network = load_degnet()
    for height, width in ((16, 16), (72, 72), (53, 99)):
        posteriors = network.posteriors(torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)))
        assert {axis: tuple(p.shape) for axis, p in posteriors.items()} == {
            axis: (2, len(grid)) for axis, grid in network.grids.items()
        }
        for posterior in posteriors.values():
            torch.testing.assert_close(posterior.sum(dim=1), torch.ones(2))


def test_more_of_a_degradation_is_seen_as_more(clean: Tensor) -> None:
    network = load_degnet()
    blurs = [expected(network, degraded(clean, sigma, 5, 85), "blur_sigma") for sigma in (0.2, 2, 4)]
    noises = [expected(network, degraded(clean, 1, noise, 80), "noise_level") for noise in (1, 15, 40)]
    qualities = [expected(network, degraded(clean, 1, 5, quality), "jpeg_quality") for quality in (35, 60, 90, NO_JPEG)]
    for values in (blurs, noises, qualities):
        assert values == sorted(values)
    assert noises[-1] == pytest.approx(40, abs=8)
    assert qualities[1] == pytest.approx(60, abs=8)


@pytest.mark.parametrize("quality", [40.0, 60.0, 80.0])
def test_a_file_of_a_camera_held_upright_is_read_as_that_of_one_held_level(clean: Tensor, quality: float) -> None:
    network, level = load_degnet(), degraded(clean, 1.0, 0.0, quality)
    for turn in (1, 3):
        upright = torch.rot90(level, turn, (2, 3)).contiguous()
        assert abs(expected(network, upright, "jpeg_quality") - expected(network, level, "jpeg_quality")) < 2
        assert abs(expected(network, upright, "noise_level") - expected(network, level, "noise_level")) < 1


@pytest.mark.parametrize(("axis", "most"), [("noise_common", 1.0), ("noise_grain", 1.2)])
def test_how_noise_looks_is_seen(clean: Tensor, axis: str, most: float) -> None:
    network = load_degnet()
    seen = [expected(network, degraded(clean, 1, 25, NO_JPEG, **{axis: share * most}), axis) for share in (0, 0.5, 1)]
    assert seen == sorted(seen)
    assert seen[0] < 0.3 * most
    assert seen[2] > 0.6 * most


def test_content_moves_features_less_than_the_degradation(clean: Tensor, photographs: Path) -> None:
    others = cut_patches(scan_folder(photographs / "clean").files, size=160, count=8, seed=0).images()
    clean, others = (images.repeat(8, 1, 1, 1) for images in (clean, others))  # each under eight draws of the noise
    extractor = make_extractor("degnet")
    here, elsewhere = (extractor(degraded(images, 2, 20, 60)).mean(dim=0) for images in (clean, others))
    for other in ((3.5, 20, 60), (2, 35, 60), (2, 20, 85)):
        changed = extractor(degraded(clean, *other)).mean(dim=0)
        assert (changed - here).square().sum() > 4 * (elsewhere - here).square().sum()


def test_weights_that_come_with_it_are_small_and_the_default() -> None:
    file = shipped_weights("degnet.safetensors")
    assert file.stat().st_size <= 5_000_000
    assert file.with_suffix(".md").is_file()
    assert available("degnet") is None
    assert make_extractor("degnet", weights_file=file).identity == make_extractor("degnet").identity


def test_other_weights_are_another_extractor(tmp_path: Path) -> None:
    tensors = load_file(shipped_weights("degnet.safetensors"))
    tensors["body.1.weight"] = tensors["body.1.weight"] + 0.01
    save_file(tensors, tmp_path / "other.safetensors")
    other = make_extractor("degnet", weights_file=tmp_path / "other.safetensors")
    assert other.identity != make_extractor("degnet").identity


def test_weights_of_fewer_axes_say_nothing_of_the_last(tmp_path: Path, clean: Tensor) -> None:
    torch.manual_seed(0)
    whole = DegNet().eval()
    kept = tuple(GRIDS)[:2]
    fewer = {key: value for key, value in whole.state_dict().items() if key.split(".")[1] not in tuple(GRIDS)[2:]}
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    save_file(fewer, tmp_path / "fewer.safetensors")
    lr = degraded(clean, 1, 5, 80)
    features = [
        make_extractor("degnet", weights_file=tmp_path / f"{name}.safetensors")(lr) for name in ("fewer", "whole")
    ]
    torch.testing.assert_close(features[0], features[1][:, : features[0].shape[1]])
    for found, axes in zip(features, (kept, tuple(GRIDS)), strict=True):
        believed = degnet_posterior(found.numpy(), 4)
        assert tuple(believed) == axes
        for axis, expected_of in whole.posteriors(lr).items():
            if axis in axes:
                np.testing.assert_allclose(believed[axis].probabilities, expected_of.numpy(), atol=1e-5)


def test_wrong_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"nowhere\.safetensors does not exist"):
        make_extractor("degnet", weights_file=tmp_path / "nowhere.safetensors")
    wrong = tmp_path / "wrong.safetensors"
    save_file({"a": torch.zeros(1)}, wrong)
    assert "does not have the layout of degnet: missing body.1.weight" in str(available("degnet", wrong))


def test_images_below_two_blocks_are_refused() -> None:
    extractor = make_extractor("degnet")
    assert extractor.dimensions == extractor(torch.rand(1, 3, 16, 16)).shape[1]
    with pytest.raises(DegcraftError, match="at least 16×16 pixels, but got 16×15"):
        extractor(torch.rand(1, 3, 16, 15))
    assert EXTRACTORS["degnet"].layers == ("distribution",)
