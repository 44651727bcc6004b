"""What PDM's training minimises, and what it is given: references and clean images that are no pairs."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.images import JPEG_GRID, STRUCTURED, HrPool, find_block_grid, most_structured
from degcraft.learned.knobs import DISCRIMINATOR, RATES
from degcraft.learned.model import Latents, LearnedDegradation
from degcraft.training import Objective, Precision, Task
from degcraft.training.divergence import Limit
from degcraft.training.losses.adversarial import AdversarialLoss

Unpaired = tuple[Tensor, Tensor, Latents]
"""HR crops (B,3,H,W), crops of references (B,3,h,w), and latents."""

Penalty = Literal["mean", "size"]

WINDOW = 16
"""Side of the squares whose mean noise is to be zero, LR pixels. Of whole crops alone it may be blotches, which cancel
out and which a discriminator of details does not see."""
LOST_WEIGHT = 3.0
"""Of the noise that is lost, beside its mean."""
MOMENTUM = 0.5
"""Of both Adams, as is usual where two networks chase one another (arXiv 1511.06434)."""
FEWEST = 32
"""References below which a discriminator learns them by heart."""
LEAST_PATCH = 24
"""Side of the smallest LR crops that every discriminator can judge."""
ADVICE = "lower the learning rate, or give a larger batch or more references"
"""What to change where the discriminator runs away."""


def check_unpaired(hr: HrPool, references: HrPool, lr_patch: int) -> None:
    """Refuses images that PDM would learn nothing right from.

    Raises:
        DegcraftError: crops too small for the discriminator, fewer than 32 references, or grey images on one side
            alone, which it would tell from colour and learn nothing else.
    """
    if lr_patch < LEAST_PATCH:
        raise DegcraftError(f"LR crops must be at least {LEAST_PATCH} pixels for the discriminator, but are {lr_patch}")
    if len(references) < FEWEST:
        raise DegcraftError(
            f"references: must hold at least {FEWEST} images of {lr_patch}x{lr_patch} pixels or more, "
            f"but hold {len(references)}; a discriminator would learn so few by heart"
        )
    grey = [all(_is_grey(image) for image in pool.arrays) for pool in (references, hr)]
    if grey[0] != grey[1]:
        words = "references are grey and hr is not" if grey[0] else "hr is grey and references are not"
        raise DegcraftError(
            f"references and hr: must be both in colour or both grey, but {words}; a discriminator would look at "
            "nothing else"
        )


def _is_grey(image: NDArray[np.uint8]) -> bool:
    return bool((image[0] == image[1]).all() and (image[0] == image[2]).all())


def unpaired_crops(
    model: LearnedDegradation, hr: HrPool, references: HrPool, *, batch: int, lr_patch: int, seed: int,
    device: torch.device,
) -> Callable[[int], Unpaired]:  # fmt: skip
    """Random crops of either side with the latents of a step, from the step's number alone.

    Of those drawn the half with more structure is taken, on either side alike: a sky tells nothing of a blur.

    Clean images are turned at random, references never: a motion has a direction. Where the degradation compresses,
    references are cut where blocks of JPEG begin, as its own images are.

    Args:
        model: Whose latents are drawn.
        hr: Clean images.
        references: Real low-resolution ones.
        batch: Crops of either side.
        lr_patch: Side of the references' crops; HR crops are `scale` times as large.
        seed: Of everything that is drawn.
        device: Where the batches go.

    Raises:
        DegcraftError: see `check_unpaired`.
    """
    check_unpaired(hr, references, lr_patch)
    grid = 1
    if model.compression is not None:
        grid, references = JPEG_GRID, _on_blocks(references, lr_patch)

    def make(step: int) -> Unpaired:
        state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1)
        generator = torch.Generator().manual_seed(int(state))
        drawn = math.ceil(batch / STRUCTURED)
        clean = hr.crop_batch(drawn, lr_patch * model.scale, generator)
        clean = clean[most_structured(F.avg_pool2d(clean, model.scale), batch)]
        real = references.crop_batch(drawn, lr_patch, generator, poses=False, grid=grid)
        real = real[most_structured(real, batch)]
        return clean.to(device), real.to(device), model.latents(batch, (lr_patch, lr_patch), generator).to(device)

    return make


def _on_blocks(references: HrPool, least: int) -> HrPool:
    """The same images without what lies before their first whole block, where enough is left of them."""

    def cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        top, left = find_block_grid(image)
        return image[:, top:, left:] if min(image.shape[1] - top, image.shape[2] - left) >= least else image

    return HrPool([cut(image) for image in references.arrays])


def pdm_task(
    model: LearnedDegradation, *, steps: int, seed: int, penalty: Penalty = "mean",
    discriminator: str = DISCRIMINATOR, rate: float = 2e-4,
) -> Task[Unpaired]:  # fmt: skip
    """PDM alone, as something to train.

    Args:
        model: On the device that it is trained on.
        steps: In all. The rate is halved every quarter: every 5,000 steps of 20,000 as published, and in shape for
            more or fewer.
        seed: Of the discriminator's first weights.
        penalty: On the noise.
        discriminator: One of `RATES`.
        rate: First learning rate of Adam.
    """
    return Task(
        network=model,
        objective=PdmObjective(
            penalty=penalty, discriminator=discriminator, seed=seed, device=next(model.parameters()).device
        ),
        optimizer=torch.optim.Adam(model.parameters(), lr=rate, betas=(MOMENTUM, 0.99)),
        steps=steps,
        rate=lambda step: rate * 0.5 ** (4 * step // steps),
        ema=0.999,
    )


class PdmObjective(Objective[Unpaired]):
    """A discriminator of patches takes degraded images for references (LSGAN), and the noise is kept in bounds.

    Under the published PatchGAN, with batch norm, noise and kernels run away from the truth; the default looks at
    details alone, has a spectral norm, and learns five times as fast as the degradation.

    The published penalty is on the size of the noise, 100 ‖n‖², under which it is known to vanish; the paper's own
    equation wants its mean to be zero, which `mean` penalises, in every square of `WINDOW` pixels. Of what nobody sees,
    as the ends of the range or JPEG take it away, `mean` penalises the size: nothing else bounds it. Neither can see a
    shift of all kernels, which a network that is trained on the pairs would learn: their mean centre of mass is drawn
    to the middle, too, and no kernel may be wider than a quarter of its square, as flat ones nearly are.

    Args:
        penalty: Which of them.
        weight: Of the penalty; published: 100.
        centre: Weight of the squared mean shift and of the variance beyond a quarter of the square, in HR pixels.
        discriminator: One of `RATES`.
        seed: Of the discriminator's first weights.
        device: Where it lies.
    """

    def __init__(
        self, *, penalty: Penalty = "mean", weight: float = 100.0, centre: float = 0.1,
        discriminator: str = DISCRIMINATOR, seed: int = 0, device: torch.device | None = None,
    ) -> None:  # fmt: skip
        self._penalty, self._weight, self._centre = penalty, weight, centre
        self._gan = AdversarialLoss(discriminator, "lsgan", RATES[discriminator], seed, MOMENTUM)
        if device is not None:
            self._gan.to(device)
        self.limits = {name: Limit(limit.mean, ADVICE) for name, limit in self._gan.limits.items()}
        self._seen: tuple[Tensor, Tensor] | None = None

    def measure(self, network: nn.Module, batch: Unpaired, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`."""
        assert isinstance(network, LearnedDegradation)
        hr, references, latents = batch
        lr, noise, kernels, lost = network(hr, latents)
        taken = self._gan.measure(lr, references, precision)
        if self._penalty == "size":
            kept = noise.square().mean()
        else:
            # What is lost is a projection of the noise, or nearly: this has the gradient of the square of it.
            kept = _squared_means(noise) + LOST_WEIGHT * 2 * (noise * lost).mean()
        shift = network.centres(kernels).mean(dim=(0, 2, 3)) - network.middle()
        self._seen = lr.detach(), references
        figures = {"gan": taken, "noise": noise.std(), "shift": shift.square().sum().sqrt()}
        # Wider ones than fill the square lie at its border, where nothing of the middle is seen.
        over = F.relu(network.variances(kernels) - (network.knobs["size"] / 4) ** 2).mean()
        total = taken + self._weight * kept + self._centre * (shift.square().sum() + over)
        return total, {name: value.detach() for name, value in figures.items()}

    @property
    def degraded(self) -> Tensor:
        """What the latest `measure` made of the clean images, detached, until `learn`."""
        assert self._seen is not None
        return self._seen[0]

    def learn(self, rate: float, precision: Precision) -> dict[str, Tensor]:
        """See `Objective.learn`."""
        assert self._seen is not None
        (lr, references), self._seen = self._seen, None
        return self._gan.learn(lr, references, rate, precision)

    def state_dict(self) -> dict[str, Any]:
        """See `Objective.state_dict`."""
        return self._gan.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Objective.load_state_dict`."""
        self._gan.load_state_dict(state)


def _squared_means(noise: Tensor) -> Tensor:
    """Of every square of `WINDOW` pixels, averaged over squares and summed over channels."""
    return F.avg_pool2d(noise, WINDOW).square().mean(dim=(0, 2, 3)).sum()
