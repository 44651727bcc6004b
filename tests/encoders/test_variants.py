"""Each variant against an independent way to the same thing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data
from torch import Tensor

from degcraft.degradation import NO_JPEG, jpeg_cv2, operator_matrix
from degcraft.encoders.variants import (
    BLURS,
    COMPRESSIONS,
    NOISES,
    REDUCERS,
    SCREEN_REDUCERS,
    blur_and_resize,
    compress_variously,
    draw_noise,
    on_shifted_grid,
    reducer,
    resize,
    through_screen,
)
from degcraft.encoders.variants.blurs import blur_at_half, draw_transfers
from degcraft.encoders.variants.choosing import choose
from degcraft.encoders.variants.reducers import _own_blur

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return torch.from_numpy(data.coffee()[60:316, 100:356].copy()).permute(2, 0, 1)[None].float() / 255


Only = Callable[[dict[str, Any], str], None]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Only:
    """Leaves one variant in a registry."""

    def leave(registry: dict[str, Any], name: str) -> None:
        for other in set(registry) - {name}:
            monkeypatch.delitem(registry, other)

    return leave


@pytest.mark.parametrize("name", list(BLURS))
@pytest.mark.parametrize("sigma", [2.0, 4.0, 7.0])
def test_every_blur_spreads_a_point_by_its_effective_sigma(only: Only, name: str, sigma: float) -> None:
    """The second moment of what becomes of a Gaussian spot is the sum of the two variances, in both directions."""
    only(BLURS, name)
    at = torch.arange(256) - 127.5
    spot = torch.exp(-0.5 * (at / 3) ** 2)
    images = (spot[:, None] * spot).expand(5, 3, 256, 256)
    transfer = draw_transfers(torch.full((5,), sigma), (256, 256), seeded())
    blurred = blur_at_half(images, transfer)[:, 0].double()
    half = 2 * torch.arange(128, dtype=torch.float64) - 127
    total = blurred.sum((1, 2))
    vertical = (blurred.sum(2) * half**2).sum(1) / total
    horizontal = (blurred.sum(1) * half**2).sum(1) / total
    assert torch.allclose(total * 4, images[:, 0].double().sum((1, 2)), rtol=1e-3)  # the mean brightness stays
    effective = torch.sqrt((vertical + horizontal) / 2 - 9)
    assert effective.tolist() == pytest.approx([sigma] * 5, rel=0.02)
    if name in ("anisotropic gaussian", "motion"):
        assert (vertical - horizontal).abs().max() > 0.5 * sigma**2
    else:
        assert torch.allclose(vertical, horizontal, rtol=1e-2)


def test_gaussian_blur_at_half_is_scipys(only: Only, photo: Tensor) -> None:
    only(BLURS, "gaussian")
    sigma = torch.tensor([2.0, 5.0])
    blurred = blur_at_half(photo.expand(2, -1, -1, -1), draw_transfers(sigma, (256, 256), seeded()))
    for image, value in zip(blurred, sigma.tolist(), strict=True):
        full = gaussian_filter(photo[0].double().numpy(), (0, value, value), mode="reflect", truncate=6)
        cubic = reducer("bicubic", 256, 128, CPU).matrix.double().numpy()
        off = image.numpy() - cubic @ full @ cubic.T
        assert np.abs(off[:, 12:-12, 12:-12]).max() < 0.02
        assert np.sqrt(np.square(off).mean()) < 0.003


def test_blurs_turn_in_all_directions(only: Only) -> None:
    only(BLURS, "motion")
    transfer = draw_transfers(torch.full((200,), 3.0), (96, 96), seeded())
    # Frequency (0, f) is kept by lines along y, and (f, 0) by lines along x.
    along_x, along_y = transfer[:, 0, 6].abs(), transfer[:, 6, 0].abs()
    assert (along_x > along_y).float().mean() == pytest.approx(0.5, abs=0.12)


def test_a_sharp_image_is_only_resized(photo: Tensor) -> None:
    names = list(REDUCERS)
    hr = photo.expand(len(names) + 1, -1, -1, -1)
    places = list(range(1, len(names) + 1))
    lr = blur_and_resize(hr, places, torch.zeros(len(names)), names, (64, 64), seeded())
    assert torch.equal(lr, torch.cat([resize(photo, [name], (64, 64)) for name in names]))


def test_every_image_gets_its_own_blur_and_resizing(photo: Tensor) -> None:
    hr = torch.cat([photo, photo.flip(3), photo.flip(2)])
    sigma = torch.tensor([0.0, 3.0])
    lr = blur_and_resize(hr, [2, 0], sigma, ["area", "bicubic"], (64, 64), seeded())
    assert torch.allclose(lr[0], torch.nn.functional.avg_pool2d(photo.flip(2), 4)[0], atol=1e-6)
    assert (lr[1] - torch.nn.functional.avg_pool2d(photo, 4)[0]).abs().mean() < 0.05
    assert lr[1].diff(dim=-1).abs().mean() < 0.8 * lr[0].diff(dim=-1).abs().mean()


@pytest.mark.parametrize("name", [*REDUCERS, *SCREEN_REDUCERS])
def test_resizing_keeps_the_mean(name: str) -> None:
    for size, out in ((96, 24), (50, 72), (72, 51)):
        assert torch.allclose(reducer(name, size, out, CPU).matrix.sum(1), torch.ones(out), atol=1e-5)


def test_bicubic_is_the_projects_own() -> None:
    own = operator_matrix(torch.ones(1, 1), 96, 4)[0]
    difference = (reducer("bicubic", 96, 24, CPU).matrix - own).abs()
    assert difference[4:-4].max() < 1e-6  # the borders differ: the library cuts the kernel where ours mirrors


def test_area_and_nearest_are_means_and_samples(photo: Tensor) -> None:
    assert torch.allclose(resize(photo, ["area"], (64, 64)), torch.nn.functional.avg_pool2d(photo, 4), atol=1e-6)
    assert torch.equal(resize(photo, ["nearest"], (64, 64)), photo[:, :, 2::4, 2::4])


def test_lanczos_is_pillows(photo: Tensor) -> None:
    channel = Image.fromarray(photo[0, 0].numpy())
    expected = np.asarray(channel.resize((48, 64), Image.Resampling.LANCZOS))
    assert np.allclose(resize(photo, ["lanczos"], (64, 48))[0, 0].numpy(), expected, atol=1e-5)


def test_own_blur_is_what_a_gaussian_before_bicubic_would_do() -> None:
    assert reducer("bicubic", 288, 72, CPU).own_blur == 0
    assert reducer("nearest", 288, 72, CPU).own_blur == 0  # sharper than bicubic
    assert 0.5 < reducer("bilinear", 288, 72, CPU).own_blur < 2
    enlarged = [through_screen("bicubic", "bicubic", 288, between, 72, CPU).own_blur for between in (72, 64, 51)]
    assert enlarged == sorted(enlarged)
    assert enlarged[0] == 0
    assert 1.5 < enlarged[2] < 3


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_own_blur_recovers_a_known_gaussian(sigma: float) -> None:
    distance = torch.arange(-15, 16)
    taps = torch.exp(-0.5 * (distance / sigma) ** 2)
    assert _own_blur(operator_matrix((taps / taps.sum())[None], 288, 4)[0]) == pytest.approx(sigma, abs=0.06)


@pytest.mark.parametrize("name", list(NOISES))
def test_every_noise_has_its_level_and_none_at_zero(name: str) -> None:
    images = torch.full((3, 3, 96, 96), 0.4)
    noise = NOISES[name].apply(images, torch.tensor([0.0, 5.0, 40.0]), seeded())
    rms = 255 * noise.square().mean((1, 2, 3)).sqrt()
    assert rms.tolist() == pytest.approx([0, 5, 40], rel=0.03)
    assert noise.mean((1, 2, 3)).abs().max() < 0.01
    assert torch.equal(noise, NOISES[name].apply(images, torch.tensor([0.0, 5.0, 40.0]), seeded()))


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1])


def test_noises_differ_as_their_names_say() -> None:
    images = torch.full((8, 3, 64, 64), 0.5)
    noise = {name: variant.apply(images, torch.full((8,), 10.0), seeded()) for name, variant in NOISES.items()}
    neighbours = {name: correlation(field[..., 1:], field[..., :-1]) for name, field in noise.items()}
    channels = {name: correlation(field[:, 0], field[:, 1]) for name, field in noise.items()}
    assert max(abs(neighbours[name]) for name in ("white", "grey", "tinted", "photons")) < 0.02
    assert neighbours["correlated"] > 0.3
    assert channels["grey"] == pytest.approx(1)
    assert abs(channels["white"]) < 0.02
    assert abs(channels["photons"]) < 0.02
    tinted = noise["tinted"]
    assert max(abs(correlation(image[0], image[1])) for image in tinted) > 0.3


def test_photons_are_poisson() -> None:
    images = torch.full((1, 3, 64, 128), 0.2)
    images[..., 64:] = 0.8
    noise = NOISES["photons"].apply(images, torch.tensor([30.0]), seeded())
    dark, bright = noise[..., :64], noise[..., 64:]
    assert float(bright.var() / dark.var()) == pytest.approx(4, rel=0.1)  # variance follows the light
    # Levels are whole numbers of photons.
    photon = 0.5 / (30 / 255) ** 2
    counts = (images + noise) * photon
    assert torch.allclose(counts, counts.round(), atol=2e-3)


def test_drawn_noise_mixes_the_variants() -> None:
    noise = draw_noise(torch.full((60, 3, 32, 32), 0.5), torch.full((60,), 10.0), seeded())
    grey = (noise[:, 0] == noise[:, 1]).all(2).all(1).float().mean()
    assert 0.1 < grey < 0.5
    assert (255 * noise.square().mean((1, 2, 3)).sqrt()).tolist() == pytest.approx([10] * 60, rel=0.1)


def block_phase(image: Tensor) -> int:
    """The column, modulo 8, at which neighbours of (3,h,w) differ most: where blocks begin."""
    steps = image.diff(dim=-1).abs().sum((0, 1))
    return int(torch.stack([steps[phase::8].mean() for phase in range(8)]).argmax() + 1) % 8


def test_the_grid_begins_at_the_corner_or_anywhere(photo: Tensor) -> None:
    images = photo.expand(24, -1, -1, -1)[..., :96, :96].contiguous()
    quality = torch.full((24,), 8.0)
    at_corner = on_shifted_grid(images, quality, seeded(), "4:2:0", 0.0)
    assert torch.equal(at_corner[:1, :, :80, :80], jpeg_cv2(images[:1], quality[:1])[..., :80, :80])
    assert {block_phase(image) for image in at_corner} == {0}
    assert len({block_phase(image) for image in on_shifted_grid(images, quality, seeded(), "4:2:0", 1.0)}) >= 5
    half = [block_phase(image) for image in on_shifted_grid(images, quality, seeded(), "4:2:0", 0.5)]
    assert 6 <= half.count(0) <= 20


def test_compressions_differ_as_their_names_say(photo: Tensor) -> None:
    images = (photo[..., :96, :96] * 255).round() / 255
    quality = torch.tensor([60.0])
    done = {name: variant.apply(images, quality, seeded(1)) for name, variant in COMPRESSIONS.items()}
    error = {name: float((result - images).square().mean()) for name, result in done.items()}
    assert error["none"] == 0
    assert 0 < error["4:4:4"] < error["4:2:0"]
    assert not torch.equal(done["twice"], done["4:2:0"])


def test_labels_of_drawn_compressions_say_which_were_compressed(photo: Tensor) -> None:
    images = (photo.expand(40, -1, -1, -1)[..., :32, :32] * 255).round() / 255
    quality = torch.full((40,), 20.0)
    quality[:10] = NO_JPEG
    compressed, last = compress_variously(images, quality, seeded())
    untouched = (compressed == images).all(3).all(2).all(1)
    assert torch.equal(untouched, torch.isinf(last))
    assert untouched[:10].all()
    assert 0 < int(untouched[10:].sum()) < 20
    assert set(last[torch.isfinite(last)].tolist()) == {20.0}


def test_choices_follow_their_shares() -> None:
    names = choose({"a": 1, "b": 3}, 4000, seeded())
    assert names.count("b") / 4000 == pytest.approx(0.75, abs=0.03)
    assert choose({"a": 1.0}, 0, seeded()) == []
    for registry in (BLURS, NOISES, COMPRESSIONS):
        assert math.isclose(sum(variant.share for variant in registry.values()), 1)
    assert math.isclose(sum(REDUCERS.values()), 1)
    assert math.isclose(sum(SCREEN_REDUCERS.values()), 1)
