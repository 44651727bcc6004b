"""The training of dasr: images of one degradation are brought together, those of others apart (arXiv 2104.00416).

The contrast is MoCo's (arXiv 1911.05722): the other image of the pair is read by a second encoder that follows the
first slowly, and a queue of its earlier outputs stands for all other degradations.
"""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.features.dasr_network import DIMENSIONS
from degcraft.training import Objective, Precision, Task

PATCH = 48
"""Side of the patches, in LR pixels."""
CLEAN_SIDE = 72
"""Side of what one clean image becomes, in LR pixels."""

_GRID = 8
"""Patches begin on the grid of JPEG's blocks, as the whole image does."""
_MARGIN = 16
"""LR pixels between a patch and the other clean image: more than blur and blocks reach across."""

_DECAY_AT, _DECAY = 0.6, 0.1


class ContrastBatch(NamedTuple):
    """Pairs of patches: those of a row carry one degradation, and show different things."""

    query: Tensor
    """(B, 3, 48, 48) float32 in [0, 1]."""
    key: Tensor
    """(B, 3, 48, 48) float32 in [0, 1]."""


class Content(Protocol):
    """Where clean images come from, such as `CleanContent`."""

    def batch(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """(count, 3, side, side) float32 in [0, 1]."""


class Degraded(Protocol):
    """What comes of it, such as `WideBatch`."""

    @property
    def lr(self) -> Tensor:
        """(B, 3, H/scale, W/scale) float32 in [0, 1]."""


class Degradations(Protocol):
    """What degrades each image of a batch in its own way, such as `WideDegradations`."""

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel and side."""

    def degrade(self, hr: Tensor, generator: torch.Generator) -> Degraded:
        """hr (B, 3, H, W) float32 in [0, 1]."""


def contrast_batch(
    content: Content,
    degradations: Degradations,
    batch: int,
    generator: torch.Generator,
    *,
    device: str | torch.device = "cpu",
) -> ContrastBatch:
    """Draws clean images, twice so that the two of a pair share no draw, and makes `contrast_pairs` of them.

    Args:
        content: Asked for (batch, 3, 72·scale, 72·scale).
        degradations: What degrades them.
        batch: Number of pairs.
        generator: Of all draws.
        device: Where the images are degraded and returned.

    Raises:
        DegcraftError: a batch below 1.
    """
    if batch < 1:
        raise DegcraftError(f"a batch of pairs must hold at least 1, but got {batch}")
    side = CLEAN_SIDE * degradations.scale
    left, right = (content.batch(batch, side, generator).to(device) for _ in range(2))
    return contrast_pairs(left, right, degradations, generator)


def contrast_pairs(
    left: Tensor, right: Tensor, degradations: Degradations, generator: torch.Generator
) -> ContrastBatch:
    """Pairs of patches of equal degradation and unlike content.

    Two clean images are laid side by side and degraded as one, and a patch is cut from either half, apart from
    the seam and on the 8-pixel grid. In the published training both come from one photograph, whose colours and
    own sharpness then give the pair away; here nothing but the degradation can.

    Args:
        left: (B, 3, 72·scale, 72·scale) float32 in [0, 1], the clean images of the queries.
        right: The same of the keys.
        degradations: What degrades them.
        generator: Of the degradations and the places of the patches.

    Raises:
        DegcraftError: images of another size, or different ones.
    """
    side = CLEAN_SIDE * degradations.scale
    if left.shape != right.shape or left.shape[2:] != (side, side):
        raise DegcraftError(
            f"clean images of a pair must be {side}x{side} both, but got {tuple(left.shape)} and {tuple(right.shape)}"
        )
    lr = degradations.degrade(torch.cat([left, right], dim=3), generator).lr
    device, count = generator.device, (2, len(left))
    down = torch.randint((CLEAN_SIDE - PATCH) // _GRID + 1, count, generator=generator, device=device)
    across = torch.randint((CLEAN_SIDE - PATCH - _MARGIN) // _GRID + 1, count, generator=generator, device=device)
    across[1] += (CLEAN_SIDE + _MARGIN) // _GRID
    query, key = (
        torch.stack([image[:, y : y + PATCH, x : x + PATCH] for image, y, x in zip(lr, *places.tolist(), strict=True)])
        for places in torch.stack([down, across], dim=1) * _GRID
    )
    return ContrastBatch(query, key)


class MocoObjective(Objective[ContrastBatch]):
    """InfoNCE: the cross-entropy of finding the key of the same degradation among it and the queue, from the cosines
    of the projections over the temperature (arXiv 1911.05722, eq. 1).

    The figure is `contrast`, the mean in nats. The defaults are the published ones.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        queue: int = 8192,
        momentum: float = 0.999,
        temperature: float = 0.07,
        seed: int = 0,
        dimensions: int = DIMENSIONS,
    ) -> None:
        """
        Args:
            network: (B, 3, h, w) in [0, 1] → (B, dimensions); the second encoder begins as a copy of it.
            queue: Earlier keys that each query is told from.
            momentum: Share of its own weights that the second encoder keeps at each step (eq. 2).
            temperature: τ of eq. 1.
            seed: Of what the queue holds before there are keys.
            dimensions: Of the network's output.

        Raises:
            DegcraftError: a queue below 1, a momentum outside [0, 1), or a temperature not above 0.
        """
        if queue < 1:
            raise DegcraftError(f"queue must be at least 1, but got {queue}")
        if not 0 <= momentum < 1:
            raise DegcraftError(f"momentum must lie in [0, 1), but got {momentum}")
        if not temperature > 0:
            raise DegcraftError(f"temperature must be above 0, but got {temperature}")
        self.momentum = momentum
        self.temperature = temperature
        self.followed = copy.deepcopy(network).requires_grad_(False).train()
        """The second encoder."""
        device = next(network.parameters()).device
        before = torch.randn(queue, dimensions, generator=torch.Generator().manual_seed(seed))
        self.queue = F.normalize(before, dim=1).to(device)
        """(queue, dimensions), each row of length 1; the oldest gives way to the newest."""
        self._oldest = 0
        self._keys: Tensor | None = None

    def measure(
        self, network: nn.Module, batch: ContrastBatch, precision: Precision
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Objective.measure`. Moves the second encoder on first (eq. 2).

        Raises:
            DegcraftError: queries and keys of different shapes, or more of them than the queue holds.
        """
        query, key = batch
        if query.shape != key.shape:
            raise DegcraftError(
                f"queries and keys must have one shape, but got {tuple(query.shape)} and {tuple(key.shape)}"
            )
        if len(query) > len(self.queue):
            raise DegcraftError(f"a batch must fit into the queue of {len(self.queue)}, but has {len(query)} pairs")
        device = self.queue.device
        precision.arrange(self.followed)
        self._follow(network)
        with precision.autocast(device):
            queries = F.normalize(network(precision.arranged(query.to(device, non_blocking=True))).float(), dim=1)
            with torch.no_grad():
                keys = self.followed(precision.arranged(key.to(device, non_blocking=True)))
        self._keys = F.normalize(keys.float(), dim=1)
        loss = info_nce(queries, self._keys, self.queue, self.temperature)
        return loss, {"contrast": loss.detach()}

    def learn(self, rate: float, precision: Precision) -> dict[str, Tensor]:
        """See `Objective.learn`: the step's keys take the places of the oldest."""
        assert self._keys is not None
        keys, self._keys = self._keys, None
        places = torch.arange(self._oldest, self._oldest + len(keys), device=keys.device) % len(self.queue)
        self.queue[places] = keys
        self._oldest = (self._oldest + len(keys)) % len(self.queue)
        return {}

    @torch.no_grad()
    def _follow(self, network: nn.Module) -> None:
        """Eq. 2. Batch norm's running statistics are left out: the second encoder gathers its own."""
        for slow, fast in zip(self.followed.parameters(), network.parameters(), strict=True):
            slow.mul_(self.momentum).add_(fast, alpha=1 - self.momentum)

    def state_dict(self) -> dict[str, Any]:
        """See `Objective.state_dict`."""
        return {"followed": self.followed.state_dict(), "queue": self.queue, "oldest": self._oldest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Objective.load_state_dict`."""
        self.followed.load_state_dict(state["followed"])
        self.queue.copy_(state["queue"])
        self._oldest = state["oldest"]


def moco_task(network: nn.Module, *, steps: int, learning_rate: float = 1e-3, **settings: Any) -> Task[ContrastBatch]:
    """Contrastive training by Adam.

    Args:
        network: Trained in place, on its own device.
        steps: Length of the whole training: the learning rate falls to a tenth after 60 % of them.
        learning_rate: At the start.
        **settings: Of `MocoObjective`.

    Raises:
        DegcraftError: steps below 1, a rate not above 0, or what `MocoObjective` refuses.
    """
    if steps < 1:
        raise DegcraftError(f"steps must be at least 1, but got {steps}")
    if not learning_rate > 0:
        raise DegcraftError(f"learning_rate must be above 0, but got {learning_rate}")

    def rate(step: int) -> float:
        return learning_rate * (_DECAY if step >= _DECAY_AT * steps else 1.0)

    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    return Task(network, MocoObjective(network, **settings), optimizer, steps, rate)


def info_nce(queries: Tensor, keys: Tensor, others: Tensor, temperature: float) -> Tensor:
    """−log of the softmax share of each query's own key against the others (arXiv 1911.05722, eq. 1), averaged.

    Args:
        queries: (B, d), rows of length 1.
        keys: (B, d), rows of length 1: the one of row i belongs to query i.
        others: (K, d), rows of length 1.
        temperature: Divides the cosines.
    """
    own = (queries * keys).sum(dim=1, keepdim=True)
    logits = torch.cat([own, queries @ others.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))
