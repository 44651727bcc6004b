"""What PDM's training minimises, and what it is given: references and clean images that are no pairs."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from degcraft.images import JPEG_GRID, HrPool, find_block_grid
from degcraft.learned.model import Latents, LearnedDegradation
from degcraft.training import Objective, Precision
from degcraft.training.divergence import Limit
from degcraft.training.losses.adversarial import AdversarialLoss

Unpaired = tuple[Tensor, Tensor, Latents]
"""HR crops (B,3,H,W), crops of references (B,3,h,w), and latents."""

Penalty = Literal["size", "mean"]


def unpaired_crops(
    model: LearnedDegradation, hr: HrPool, references: HrPool, *, batch: int, lr_patch: int, seed: int,
    device: torch.device,
) -> Callable[[int], Unpaired]:  # fmt: skip
    """Random crops of either side with the latents of a step, from the step's number alone.

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
    """

    grid = 1
    if model.compression is not None:
        grid, references = JPEG_GRID, _on_blocks(references, lr_patch)

    def make(step: int) -> Unpaired:
        drawn = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1)
        generator = torch.Generator().manual_seed(int(drawn))
        clean = hr.crop_batch(batch, lr_patch * model.scale, generator)
        real = references.crop_batch(batch, lr_patch, generator, poses=False, grid=grid)
        return clean.to(device), real.to(device), model.latents(batch, (lr_patch, lr_patch), generator).to(device)

    return make


def _on_blocks(references: HrPool, least: int) -> HrPool:
    """The same images without what lies before their first whole block, where enough is left of them."""

    def cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        top, left = find_block_grid(image)
        return image[:, top:, left:] if min(image.shape[1] - top, image.shape[2] - left) >= least else image

    return HrPool([cut(image) for image in references.arrays])


class PdmObjective(Objective[Unpaired]):
    """A discriminator of patches takes degraded images for references (LSGAN), and the noise is kept in bounds.

    The published penalty is on the size of the noise, 100 ‖n‖², under which it is known to vanish; the paper's own
    equation wants its mean to be zero, which `mean` penalises alone. Neither can see a shift of all kernels, which a
    network that is trained on the pairs would learn: their mean centre of mass is drawn to the middle, too.

    Args:
        penalty: Which of the two.
        weight: Of the penalty; published: 100.
        centre: Weight of the squared mean shift, in HR pixels.
        seed: Of the discriminator's first weights.
        device: Where it lies.
    """

    def __init__(
        self, *, penalty: Penalty = "mean", weight: float = 100.0, centre: float = 0.1, seed: int = 0,
        device: torch.device | None = None,
    ) -> None:  # fmt: skip
        self._penalty, self._weight, self._centre = penalty, weight, centre
        self._gan = AdversarialLoss("patch", "lsgan", 1.0, seed)
        if device is not None:
            self._gan.to(device)
        self.limits: Mapping[str, Limit] = self._gan.limits
        self._seen: tuple[Tensor, Tensor] | None = None

    def measure(self, network: nn.Module, batch: Unpaired, precision: Precision) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`."""
        assert isinstance(network, LearnedDegradation)
        hr, references, latents = batch
        lr, noise, kernels = network(hr, latents)
        taken = self._gan.measure(lr, references, precision)
        kept = noise.square().mean() if self._penalty == "size" else noise.mean(dim=(0, 2, 3)).square().sum()
        shift = network.centres(kernels).mean(dim=(0, 2, 3)) - network.middle()
        self._seen = lr.detach(), references
        figures = {"gan": taken, "noise": noise.std(), "shift": shift.square().sum().sqrt()}
        total = taken + self._weight * kept + self._centre * shift.square().sum()
        return total, {name: value.detach() for name, value in figures.items()}

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
