"""The wide source: shares and ranges of what is drawn, values that say what was effectively done, and eq. 2 alone."""

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats
from skimage import data
from torch import Tensor

from degcraft.degradation import Degradation, degrade, find_parameter
from degcraft.errors import DegcraftError
from degcraft.sources.wide import (
    BLURS,
    MORE_MILD_THAN_HEAVY,
    PAPER,
    SOMETIMES,
    TWICE_THE_PAPERS,
    Spread,
    Spreads,
    WideSource,
    effective_values,
)

NEVER = Spread(((50.0, 50.0, 1.0),), none=1.0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photographs(count: int, side: int = 96) -> Tensor:
    image = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    random = np.random.default_rng(0)
    places = random.integers(0, 512 - side, (count, 2)).tolist()
    return torch.stack([image[:, y : y + side, x : x + side] for y, x in places])


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("paper_share", [0.0, 0.5, 1.0])
def test_shapes_ranges_and_reproducibility(scale: int, paper_share: float) -> None:
    hr, torch_state = photographs(12), torch.get_rng_state()
    before = hr.clone()
    wide = WideSource(paper_share)
    lr, degradation = wide.degrade(hr, scale, seeded(1))
    assert lr.shape == (12, 3, 96 // scale, 96 // scale)
    assert len(degradation) == 12
    assert lr.min() >= 0
    assert lr.max() <= 1
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-3)
    assert torch.equal(hr, before)
    assert torch.equal(lr, wide.degrade(hr, scale, seeded(1))[0])
    assert not torch.equal(lr, wide.degrade(hr, scale, seeded(2))[0])
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_images_stay_in_their_places() -> None:
    """Each degraded image is most like its own clean one."""
    hr = photographs(16)
    small = torch.nn.functional.avg_pool2d(hr, 4).flatten(1)
    lr, _ = WideSource().degrade(hr, 4, seeded(4))
    closest = torch.cdist(lr.flatten(1), small).argmin(1)
    assert (closest == torch.arange(16)).float().mean() > 0.9


def test_the_papers_share_is_equation_2() -> None:
    """Without noise nothing is random, so the very same images come out of `degrade`."""
    hr = photographs(60)
    lr, degradation = WideSource(1.0).degrade(hr, 4, seeded())
    for name in degradation.parameters.keys() - PAPER:
        assert (degradation.parameters[name] == find_parameter(name).identity).all()
    quiet = degradation.parameters["noise_level"] == 0
    assert quiet.sum() >= 2
    same = Degradation({name: degradation.parameters[name][quiet] for name in PAPER})
    assert torch.equal(lr[quiet], degrade(hr[quiet], same, 4, seeded()))


def test_what_is_drawn_has_its_shares() -> None:
    drawn = WideSource(0.25, TWICE_THE_PAPERS).draw(40_000, seeded()).parameters
    beyond = 0.75
    for name, (share, low, high) in SOMETIMES.items():
        has = drawn[name] != find_parameter(name).identity
        assert has.float().mean() == pytest.approx(beyond * share, abs=0.01), name
        assert stats.kstest(drawn[name][has], stats.uniform(low, high - low).cdf).pvalue > 0.001
    stretched, disc = drawn["blur_ratio"] < 1, drawn["defocus_radius"] > 0
    assert stretched.float().mean() == pytest.approx(beyond * BLURS["stretched"], abs=0.01)
    assert disc.float().mean() == pytest.approx(beyond * BLURS["defocus"] * 0.9, abs=0.01)
    assert not (stretched & disc).any()
    assert not drawn["blur_sigma"][disc].any()


def test_drawn_parameters_reach_beyond_the_paper_but_lie_denser_in_it() -> None:
    drawn = WideSource(1.0, TWICE_THE_PAPERS).draw(6000, seeded()).parameters
    for name, inner, outer, share in (("blur_sigma", 5, 10, 0.75), ("noise_level", 50, 80, 0.8)):
        values = drawn[name]
        assert outer - 0.1 < values.max() <= outer
        assert (values == 0).float().mean() == pytest.approx(0.1, abs=0.02)
        assert (values[values > 0] <= inner).float().mean() == pytest.approx(share, abs=0.03)
    quality = drawn["jpeg_quality"]
    some = quality[torch.isfinite(quality)]
    assert len(some) / len(quality) == pytest.approx(0.9, abs=0.02)
    assert 10 <= some.min() < 10.2
    assert 99.8 < some.max() <= 100
    assert ((some >= 30) & (some <= 90)).float().mean() == pytest.approx(0.75, abs=0.03)


def test_values_order_images_by_what_is_left_of_their_detail() -> None:
    """Noise and files aside, an image of a sigma is about as sharp as eq. 2 makes it, whatever blurred it.

    About, as some blurs are wide along one direction only, and ways of reducing soften a little themselves.
    """
    blurs = Spreads(TWICE_THE_PAPERS.blur_sigma, NEVER, NEVER)
    hr = photographs(1, side=192).expand(150, -1, -1, -1)
    lr, degradation = WideSource(0.0, blurs).degrade(hr, 4, seeded(8))
    known = degradation.parameters
    # Nearest aliases, which is detail, too.
    plain = (known["sharpening"] == 0) & torch.isinf(known["earlier_jpeg_quality"]) & (known["reduction"] < 4)
    plain &= known["defocus_radius"] < 16
    assert plain.sum() > 80
    sigma = effective_values(degradation)["blur_sigma"][plain]
    reference = degrade(hr[plain], Degradation({"blur_sigma": sigma}), 4, seeded())

    def detail(images: Tensor) -> Tensor:
        grey = images.mean(1)
        return grey.diff(dim=1).square().mean((1, 2)) + grey.diff(dim=2).square().mean((1, 2))

    ratio = (detail(lr[plain]) / detail(reference)).log()
    assert ratio.abs().median() < 0.12
    assert ratio.abs().quantile(0.9) < 0.5
    assert stats.spearmanr(detail(lr[plain]), sigma).statistic < -0.94


def test_the_quality_is_that_of_the_last_jpeg() -> None:
    found = effective_values(
        Degradation({
            name: torch.tensor(values)
            for name, values in {
                "blur_sigma": [0.0, 3.0, 0.0],
                "defocus_radius": [8.0, 8.0, 0.0],
                "noise_level": [0.0, 1.0, 2.0],
                "jpeg_quality": [70.0, math.inf, math.inf],
                "earlier_jpeg_quality": [40.0, 40.0, math.inf],
            }.items()
        })
    )  # fmt: skip
    assert found["blur_sigma"].tolist() == [4.0, 5.0, 0.0]
    assert found["jpeg_quality"].tolist() == [70.0, 40.0, math.inf]
    assert found["earlier_jpeg_quality"].tolist() == [40.0, math.inf, math.inf]


def test_how_a_thing_is_done_counts_only_where_it_is_done() -> None:
    known = WideSource(0.0).draw(400, seeded(3)).parameters
    found = effective_values(Degradation(known))
    silent, round_ = known["noise_level"] == 0, known["blur_sigma"] == 0
    for name in ("noise_signal", "noise_common", "noise_grain"):
        assert (known[name][silent] > 0).any()
        assert (found[name][silent] == 0).all()
        assert torch.equal(found[name][~silent], known[name][~silent])
    assert (found["blur_ratio"][round_] == 1).all()


def test_it_says_what_it_is() -> None:
    assert json.loads(json.dumps(WideSource(0.3, MORE_MILD_THAN_HEAVY).describe()))["kind"] == "wide"
    assert WideSource().degrade(torch.zeros(0, 3, 64, 64), 4, seeded())[0].shape == (0, 3, 16, 16)
    with pytest.raises(DegcraftError, match="paper_share must lie in"):
        WideSource(1.5)
