"""A network of spandrel's as degcraft wants one: any size, whole batches, gradients, its usual keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from spandrel import SizeRequirements
from torch import Tensor, nn

from degcraft.networks.dropout import chance_of, is_random

Call = Callable[[Any, Tensor], Tensor]


class SpandrelNetwork(nn.Module):
    """Pads to the sizes that the network takes, and cuts the padding off again.

    Its state dict has the keys of the network inside, without a prefix.

    Args:
        network: of spandrel; tensors that it keeps as plain attributes become buffers (not saved ones), so that
            they follow it to a device.
        scale: how much the whole enlarges.
        sizes: what heights and widths it takes.
        call: how to ask it; some give more than an image.
        one_by_one: it takes single images only.
        random: it draws by chance while it trains; looked up in its layers if not said.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        scale: int,
        sizes: SizeRequirements,
        call: Call,
        one_by_one: bool = False,
        random: bool = False,
    ) -> None:
        super().__init__()
        _keep_as_buffers(network)
        self.network = network
        self.scale = scale
        self.sizes = sizes
        self.random = random or is_random(network)
        self._call = call
        self._one_by_one = one_by_one
        self.register_load_state_dict_pre_hook(_add_prefix)

    def forward(self, lr: Tensor) -> Tensor:
        """(B,3,h,w) in [0,1] to (B,3,h·scale,w·scale), not clamped."""
        height, width = lr.shape[-2:]
        wide, high = self.sizes.get_padding(width, height)
        # Some write into what they are given.
        lr = padded(lr, height + high, width + wide) if wide or high else lr.clone()
        sr = self._ask(lr)
        return sr[..., : height * self.scale, : width * self.scale]

    def _ask(self, lr: Tensor) -> Tensor:
        images = lr.split(1) if self._one_by_one else (lr,)
        with chance_of(lr) if self.training and self.random else nullcontext():
            return torch.cat([self._call(self.network, image) for image in images])

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Of the network inside: its keys are the architecture's."""
        return self.network.state_dict(*args, destination=destination, prefix=prefix, keep_vars=keep_vars)


def padded(image: Tensor, height: int, width: int) -> Tensor:
    """Enlarge (B,C,h,w) to the right and below: mirrored as far as there is an image, then the last pixel of that.

    It picks rows and columns by their numbers, which needs no choice that depends on the size, so that it can be
    exported for all sizes. The same as `spandrel.pad_tensor`'s padding.
    """
    for dimension, size in ((2, height), (3, width)):
        last = image.shape[dimension] - 1
        place = torch.arange(size, device=image.device)
        image = image.index_select(dimension, (last - (place - last).abs()).clamp(min=0))
    return image


def _keep_as_buffers(network: nn.Module) -> None:
    for module in network.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, Tensor):
                delattr(module, name)
                module.register_buffer(name, value, persistent=False)


def _add_prefix(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for key in [key for key in state if key.startswith(prefix)]:
        state[f"{prefix}network.{key.removeprefix(prefix)}"] = state.pop(key)
