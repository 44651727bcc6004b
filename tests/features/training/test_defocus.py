"""Content out of focus: blurred on one side, as it was on the other."""

import torch
from scipy import ndimage

from degcraft.features.training.content import CleanContent
from degcraft.features.training.defocus import SIGMA, out_of_focus


def sharp(count: int) -> torch.Tensor:
    return (torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255).round() / 255


def test_every_pixel_lies_between_the_image_and_its_most_blurred_self() -> None:
    images = sharp(40)
    found = out_of_focus(images, torch.Generator().manual_seed(1))
    assert torch.equal(images, sharp(40))
    assert torch.equal(found * 255, (found * 255).round())
    untouched = (found == images).flatten(1).float().mean(dim=1)
    assert float(untouched.max()) > 0.3  # the sharp side of some
    assert float(untouched.min()) < 0.05  # others lie out of focus as a whole
    # White noise under a Gaussian of σ keeps the share 1 / (4πσ²) of its variance.
    kept = (found - found.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3)) * 12
    weakest = ndimage.gaussian_filter(images[0].numpy(), (0, SIGMA[1], SIGMA[1])).var() * 12
    assert float(kept.min()) > 0.5 * weakest
    assert float(kept.median()) < 0.5


def test_content_holds_the_share_that_was_asked_for() -> None:
    def still_sharp(defocus: float) -> float:
        content = CleanContent(None, defocus=defocus, stock=4, stock_side=128)
        with_it = content.batch(64, 64, torch.Generator().manual_seed(3))
        without = CleanContent(None, defocus=0, stock=4, stock_side=128).batch(64, 64, torch.Generator().manual_seed(3))
        return float((with_it == without).flatten(1).all(dim=1).float().mean())

    assert still_sharp(0) == 1
    assert 0.6 <= still_sharp(0.3) <= 0.8
