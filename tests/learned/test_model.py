"""PDM's networks against what they are defined to do."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from degcraft.errors import DegcraftError
from degcraft.learned import LearnedDegradation, kernel_moments

SMALL = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1}


def made(scale: int = 4, **knobs: object) -> LearnedDegradation:
    return LearnedDegradation(scale, **{**SMALL, **knobs})


def random_images(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("scale", "side"), [(4, 64), (3, 63), (2, 64), (1, 40)])
def test_reducing_is_correlation_at_every_s_th_pixel(scale: int, side: int) -> None:
    hr = random_images(2, side)
    kernels = torch.rand(2, 441, 1, 1, generator=torch.Generator().manual_seed(1))
    found = made(scale).reduce(hr, kernels)
    first = (scale - 1) // 2
    for image, kernel, lr in zip(hr.numpy(), kernels[..., 0, 0].numpy(), found.numpy(), strict=True):
        for channel in range(3):
            whole = correlate(image[channel], kernel.reshape(21, 21), mode="mirror")
            np.testing.assert_allclose(lr[channel], whole[first::scale, first::scale], rtol=1e-4)


def test_every_pixel_may_have_its_own_kernel() -> None:
    model, hr = made(2, varying=True, size=5), random_images(1, 16)
    latents = model.latents(1, (8, 8), torch.Generator().manual_seed(0))
    kernels = model.draw_kernels(latents[0])
    assert kernels.shape == (1, 25, 8, 8)
    lr = model.reduce(hr, kernels)
    one = model.reduce(hr, kernels[:, :, 3:4, 5:6])
    torch.testing.assert_close(lr[..., 3, 5], one[..., 3, 5])


def test_kernels_sum_to_one_and_begin_in_the_middle() -> None:
    for scale in (2, 3, 4):
        model = made(scale)
        kernels = model.draw_kernels(model.latents(20, (1, 1), torch.Generator().manual_seed(0))[0])
        torch.testing.assert_close(kernels.sum(dim=1), torch.ones(20, 1, 1))
        assert kernels.min() >= 0
        # Where the middle of an LR pixel lies on the HR grid.
        assert model.middle() == (0.5 if scale % 2 == 0 else 0)
        torch.testing.assert_close(
            model.centres(kernels).mean(dim=(0, 2, 3)), torch.full((2,), model.middle()), atol=0.25, rtol=0
        )


def test_images_are_rounded_and_gradients_pass() -> None:
    model = made()
    lr, noise, *_ = model(random_images(2, 64), model.latents(2, (16, 16), torch.Generator().manual_seed(0)))
    torch.testing.assert_close(lr * 255, (lr * 255).round(), atol=1e-3, rtol=0)
    lr.sum().backward()
    assert all(one.grad is not None and bool(one.grad.abs().sum() > 0) for one in model.noise.parameters())
    assert model.kernels[0].weight.grad is not None
    assert noise.shape == lr.shape


def test_without_noise_the_image_is_only_reduced() -> None:
    model = made(noise="none")
    lr, noise, kernels, _ = model(random_images(1, 64), model.latents(1, (16, 16), torch.Generator().manual_seed(0)))
    assert not noise.any()
    clean = model.reduce(random_images(1, 64), kernels)
    torch.testing.assert_close(lr, (clean * 255).round() / 255, atol=1e-6, rtol=0)


def test_kernels_begin_as_a_distribution_and_not_alike() -> None:
    model = LearnedDegradation(4, channels=32, kernel_blocks=4, noise="none")
    with torch.no_grad():
        kernels = model.draw_kernels(model.latents(500, (1, 1), torch.Generator().manual_seed(3)).kernel)[..., 0, 0]
    moments = kernel_moments(kernels)
    assert 0.2 < float(moments["wide"].std()) < 0.6
    assert float((moments["wide"] / moments["narrow"]).median()) > 1.1
    assert float(moments["angle"].cos().std()) > 0.2, "in every direction"


def test_moments_are_those_of_known_kernels() -> None:
    places = torch.arange(21.0) - 10
    y, x = torch.meshgrid(places, places, indexing="ij")
    kernels = []
    for wide, narrow, angle in ((2.5, 1.0, 0.6), (1.5, 1.5, 0.0), (3.0, 0.8, -1.2)):
        along = x * np.cos(angle) + y * np.sin(angle)
        across = -x * np.sin(angle) + y * np.cos(angle)
        kernel = torch.exp(-((along / wide) ** 2) / 2 - (across / narrow) ** 2 / 2).flatten()
        kernels.append(kernel / kernel.sum())
    found = kernel_moments(torch.stack(kernels))
    np.testing.assert_allclose(found["wide"], [2.5, 1.5, 3.0], rtol=0.02)
    np.testing.assert_allclose(found["narrow"], [1.0, 1.5, 0.8], rtol=0.02)
    np.testing.assert_allclose(found["angle"][[0, 2]], [0.6, -1.2], atol=0.02)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"size": 20}, "size must be odd"),
        ({"channels": 20_000}, "channels must be at most 512"),
        ({"noise": "grey"}, "noise must be one of content, plain, none"),
        ({"colour": 1}, "no knob 'colour'"),
    ],
)
def test_wrong_knobs_are_refused(knobs: dict[str, object], said: str) -> None:
    with pytest.raises(DegcraftError, match=said):
        LearnedDegradation(4, **knobs)
