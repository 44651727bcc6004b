"""How degcraft's own encoder is trained: what goes in, for how long, and what is kept at the end.

The numbers are those of the weights that come with the package. A recipe's batches follow from the seed and the
number of the step, so that they can be made ahead and in another process.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.features.degnet import load_degnet
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.degnet_network import DegNet
from degcraft.features.training.content import CleanContent
from degcraft.features.training.degnet import LabelledBatch, degnet_task
from degcraft.features.training.reservoir import Reservoir
from degcraft.images import HrPool
from degcraft.randomness import generator_of, own_generator
from degcraft.sources.wide import TWICE_THE_PAPERS, WideSource, effective_values
from degcraft.training import Task

SCALE = 4
"""Low-resolution images are this many times smaller than the clean ones, as in the paper."""
SIDE = 72
"""Of what one clean crop becomes, in LR pixels."""
LARGEST_CROP = SIDE * SCALE
"""The least side that a photograph must have, in pixels."""
LEAVES_SHARE = 0.3
"""Of the clean content: dead leaves."""
UPRIGHT_SHARE = 0.4
"""Of the images: those turned by a quarter after all that was done to them."""


@dataclass(frozen=True)
class Recipe:
    """One training, ready to run."""

    task: Task[Any]
    make_batch: Callable[[int], Any]
    """The batch of a step; can be sent to another process."""
    weights: Callable[[], dict[str, Tensor]]
    """What is kept of the network as it is now: tensors on the CPU."""
    settings: Mapping[str, Any]
    """What decides the result, for the checkpoint and the model card: plain numbers and strings."""


def degnet_recipe(
    pool: HrPool | None,
    *,
    steps: int = 6000,
    seed: int = 0,
    device: str | torch.device = "cpu",
    batch: int = 64,
    start: Path | None = None,
    learning_rate: float = 2e-3,
    only_new: bool = False,
) -> Recipe:
    """degnet on patches of 72 pixels, a share of them under eq. 2 of arXiv 2305.18107, the others beyond it.

    Args:
        pool: Clean photographs; None for dead leaves alone.
        steps: Of the optimiser.
        seed: Of the weights and of all that is drawn.
        device: Where to degrade and train.
        batch: Images per step.
        start: Weights to start from; None draws them, as well as those of axes that the start lacks.
        learning_rate: At its highest.
        only_new: Train the axes that the start lacks, and leave exactly as it is what it says of the others.

    Raises:
        DegcraftError: `only_new` without a start, or with one that lacks no axis.
    """
    # The layers draw their first weights from the global generator, which is left as it was.
    with own_generator(seed):
        network = DegNet()
    known = {} if start is None else load_degnet(start).state_dict()
    network.load_state_dict(network.state_dict() | known)
    if only_new:
        if not known or known.keys() == network.state_dict().keys():
            raise DegcraftError(f"only_new needs a start that lacks an axis of {', '.join(GRIDS)}, but got {start}")
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name not in known)
    network = network.to(device)
    # Under eq. 2 alone the axes beyond the paper's have nothing to tell.
    source = WideSource(0.3 if only_new else 0.6, TWICE_THE_PAPERS)
    make_batch = _LabelledBatches(_reservoir(pool, batch, seed), source, batch, seed, device)

    def weights() -> dict[str, Tensor]:
        return {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}

    settings = _settings("degnet", pool, steps, batch, seed) | {
        "learning_rate": learning_rate,
        "trained": "axes that the start lacks" if only_new else "all",
        "start": "drawn" if start is None else hashlib.sha256(start.read_bytes()).hexdigest(),
    }
    return Recipe(degnet_task(network, steps=steps, learning_rate=learning_rate), make_batch, weights, settings)


RECIPES: dict[str, Callable[..., Recipe]] = {"degnet": degnet_recipe}
"""By the name of the extractor they train."""


def _reservoir(pool: HrPool | None, batch: int, seed: int) -> Reservoir:
    """Room for 16 batches, an eighth of a batch renewed at each step: a crop is degraded some eight times."""
    content = CleanContent(pool, leaves_share=LEAVES_SHARE, seed=seed)
    return Reservoir(content, side=LARGEST_CROP, capacity=16 * batch, renewed=max(1, batch // 8), seed=seed)


@dataclass
class _LabelledBatches:
    """The batch of a step, on the device; can be sent to another process."""

    reservoir: Reservoir
    source: WideSource
    batch: int
    seed: int
    device: str | torch.device

    def __call__(self, step: int) -> LabelledBatch:
        clean = self.reservoir.batch(step, self.batch).to(self.device)
        lr, degradation = self.source.degrade(clean, SCALE, generator_of(f"degcraft degradation {self.seed} {step}"))
        # A camera held upright keeps a lying file and a note to turn it: its JPEG has the tables of a lying one.
        upright = torch.rand(len(lr), generator=generator_of(f"degcraft upright {self.seed} {step}")) < UPRIGHT_SHARE
        lr = torch.where(upright.to(lr.device)[:, None, None, None], lr.transpose(2, 3), lr)
        return lr, effective_values(degradation)


def _settings(encoder: str, pool: HrPool | None, steps: int, batch: int, seed: int) -> dict[str, Any]:
    return {
        "encoder": encoder,
        "steps": steps,
        "batch": batch,
        "seed": seed,
        "hr": "none" if pool is None else pool.content_hash,
    }
