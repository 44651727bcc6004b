"""What the published pipelines draw, by its statistics, and that a batch is what its images are one by one."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats
from skimage import data
from torch import Tensor

import degcraft.sources.pipeline
from degcraft.sources import make_source
from degcraft.sources.bsrgan import SHUFFLED
from degcraft.sources.drawing import Drawn
from degcraft.sources.pipeline import Pipeline
from degcraft.sources.ragged import RESIZINGS

N = 40_000


def drawn(text: str, scale: int = 4, n: int = N) -> Drawn:
    source = make_source(text)
    assert isinstance(source, Pipeline)
    return source.draw(n, scale, torch.Generator().manual_seed(7))


def share(chosen: Tensor, expected: float) -> bool:
    """Whether a share is what it should be, within four standard errors."""
    return abs(float(chosen.float().mean()) - expected) < 4 * math.sqrt(expected * (1 - expected) / len(chosen))


def uniform(values: Tensor, low: float, high: float) -> bool:
    """Whether values are uniform (Kolmogorov and Smirnov), at the level of 1 in 10,000."""
    return bool(stats.kstest(values.numpy(), stats.uniform(low, high - low).cdf).pvalue > 1e-4)


@pytest.mark.parametrize(
    ("number", "sigma", "resize", "changed", "noise", "poisson"),
    [
        ("", (0.2, 3), (0.15, 1.5), (0.2, 0.7, 0.1), (1, 30), (0.05, 3)),
        ("2", (0.2, 1.5), (0.3, 1.2), (0.3, 0.4, 0.3), (1, 25), (0.05, 2.5)),
    ],
)
def test_a_stage_of_real_esrgan(
    number: str,
    sigma: tuple[float, float],
    resize: tuple[float, float],
    changed: tuple[float, float, float],
    noise: tuple[float, float],
    poisson: tuple[float, float],
) -> None:
    both = drawn("realesrgan")
    found = {name: both[name + number] for name in both if name + number in both}
    for kind, expected in enumerate((0.45, 0.25, 0.12, 0.03, 0.12, 0.03)):
        assert share(found["kind"] == kind, expected)
    assert share(found["sinc"], 0.1)
    assert Counter(found["side"].tolist()).keys() == {7, 9, 11, 13, 15, 17, 19, 21}
    assert all(share(found["side"] == side, 1 / 8) for side in (7, 13, 21))
    for name, (low, high) in {
        "sigma_x": sigma, "sigma_y": sigma, "angle": (-math.pi, math.pi), "noise": noise, "poisson": poisson,
        "jpeg": (30, 95),
    }.items():  # fmt: skip
        assert uniform(found[name], low, high), name
    assert uniform(found["cutoff"][found["side"] < 13], math.pi / 3, math.pi)
    assert uniform(found["cutoff"][found["side"] >= 13], math.pi / 5, math.pi)
    assert share(found["betag"] < 1, 0.5)
    assert uniform(found["betag"][found["betag"] > 1], 1, 4)
    assert uniform(found["betag"][found["betag"] < 1], 0.5, 1)
    assert uniform(found["betap"][found["betap"] > 1], 1, 2)
    factor = found["resize"]
    for chosen, expected in zip((factor > 1, factor < 1, factor == 1), changed, strict=True):
        assert share(chosen, expected)
    assert uniform(factor[factor > 1], 1, resize[1])
    assert uniform(factor[factor < 1], resize[0], 1)
    assert all(share(found["mode"] == RESIZINGS.index(mode), 1 / 3) for mode in ("average", "bilinear", "bicubic"))
    assert share(found["gaussian"], 0.5)
    assert share(found["gray"], 0.4)
    assert abs(np.corrcoef(found["sigma_x"], found["sigma_y"])[0, 1]) < 0.03


def test_the_end_of_real_esrgan() -> None:
    found = drawn("realesrgan")
    assert share(found["blur2"], 0.8)
    assert share(found["final_sinc"], 0.8)
    assert share(found["jpeg_last"], 0.5)
    assert uniform(found["final_cutoff"], math.pi / 3, math.pi)
    assert abs(np.corrcoef(found["jpeg"], found["jpeg2"])[0, 1]) < 0.03


def test_bsrgan_shuffles_with_the_last_reduction_behind_the_first() -> None:
    order = drawn("bsrgan")["order"]
    first, last = (order.argsort(dim=1)[:, SHUFFLED.index(name)] for name in ("reduce", "finish"))
    assert bool((first < last).all())
    counts = Counter(map(tuple, order.tolist()))
    assert len(counts) == math.factorial(6) // 2
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_bsrgan_draws_as_published() -> None:
    found = drawn("bsrgan")
    halved = found["halved"]
    assert share(halved, 0.25)
    assert not drawn("bsrgan", scale=2)["halved"].any()
    assert bool((found["scale"] == torch.where(halved, 2, 4)).all())
    for number in ("", "2"):
        along, across = found["along" + number], found["across" + number]
        stretched = along != across
        assert share(stretched, 0.5)
        for chosen, left in ((halved, 2), (~halved, 4)):
            assert uniform(along[stretched & chosen] ** 2, 0, 4 + left)
            assert uniform(along[~stretched & chosen], 0, 2 + 0.2 * left)
        assert Counter(found["side" + number].tolist()).keys() == set(range(7, 26, 2))
    assert share(found["by_size"], 0.75)
    assert share(found["antialiased"], 0.5)
    for name in ("mode", "finish_mode", "halved_by"):
        assert all(share(found[name] == RESIZINGS.index(mode), 1 / 3) for mode in ("area", "bilinear", "bicubic"))
    assert uniform(found["factor"][halved], 1, 4)
    assert uniform(found["factor"][~halved], 1, 8)
    assert uniform(found["sigma"][~halved], 0.1, 2.4)
    assert Counter(found["noise"].tolist()).keys() == set(range(2, 26))
    assert share(found["noise"] == 25, 1 / 24)
    assert share(found["grey"], 0.4)
    assert share(found["correlated"], 0.2)
    assert not (found["grey"] & found["correlated"]).any()
    kept = found["jpeg"][torch.isfinite(found["jpeg"])]
    assert share(torch.isfinite(found["jpeg"]), 0.9)
    assert Counter(kept.tolist()).keys() == set(range(30, 96))
    assert Counter(found["last_jpeg"].tolist()).keys() == set(range(30, 96))
    covariance = found["covariance"][:2000]
    assert torch.allclose(covariance, covariance.transpose(1, 2), atol=1e-8)
    trace = covariance.diagonal(dim1=1, dim2=2).sum(dim=1) / (25 / 255) ** 2
    assert float(trace.mean()) == pytest.approx(1.5, abs=0.05)


QUIET = {
    "realesrgan": "realesrgan:gaussian_noise_prob=1,gaussian_noise_prob2=1,noise_range=[0,0],noise_range2=[0,0]",
    "bsrgan": "bsrgan:noise_range=[0,0]",
}


@pytest.mark.parametrize("name", QUIET)
def test_a_batch_is_what_its_images_are_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    hr = torch.stack([photo[:, 15 * i : 15 * i + 96, 20 * i : 20 * i + 64] for i in range(16)])
    source = make_source(QUIET[name])
    alone, _ = source.degrade(hr, 4, torch.Generator().manual_seed(3))
    monkeypatch.setattr(degcraft.sources.pipeline, "parts_of", lambda count, device: [slice(0, count)])
    together, _ = source.degrade(hr, 4, torch.Generator().manual_seed(3))
    apart = (alone - together).abs().mean(dim=(1, 2, 3)) * 255
    # A rounding step that falls on the other side may move a coefficient of a JPEG, and its canvas has other borders.
    assert float(apart.median()) < 0.2
    assert float(apart.max()) < 4


def test_images_without_any_degradation_are_only_made_small() -> None:
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float()[None, :, :256, :256] / 255
    text = (
        f"{QUIET['realesrgan']},sinc_prob=0,sinc_prob2=0,blur_sigma=[0,0],second_blur_prob=0,resize_range=[1,1],"
        "resize_range2=[1,1],final_sinc_prob=0,jpeg_range=[100,100],jpeg_range2=[100,100]"
    )
    lr, _ = make_source(text).degrade(photo.repeat(12, 1, 1, 1), 4, torch.Generator().manual_seed(0))
    small = torch.nn.functional.avg_pool2d(photo, 4)
    found = 10 * torch.log10(1 / (lr - small).square().mean(dim=(1, 2, 3)))
    assert float(found.min()) > 27
    assert float(found.max()) > 36


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", QUIET)
def test_a_gpu_gives_the_same(name: str) -> None:
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    hr = torch.stack([photo[:, 15 * i : 15 * i + 96, 20 * i : 20 * i + 64] for i in range(16)])
    source = make_source(QUIET[name])
    here, _ = source.degrade(hr, 4, torch.Generator().manual_seed(3))
    there, _ = source.degrade(hr.cuda(), 4, torch.Generator().manual_seed(3))
    assert float((here - there.cpu()).abs().mean(dim=(1, 2, 3)).median()) * 255 < 0.1
