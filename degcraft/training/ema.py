"""The averaged weights that a run is judged and saved by."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """Exponential moving average of a network's weights, corrected for short runs.

    After update t = 1, 2, …: average ← d·average + (1 − d)·weights with d = min(decay, (1 + t) / (10 + t)).
    A fixed 0.999 would still hold two thirds of the starting weights after 400 steps. So corrected, the
    average spans about the last tenth of the steps until that is longer than 1/(1 − decay), which for 0.999
    is after 9000 steps, and the start keeps a part below 1e-10 from a hundred steps on.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """
        Args:
            network: whose weights are followed; the average starts at them and lies on their device.
            decay: in [0, 1); 0 makes the average equal to the latest weights.
        """
        self.decay = decay
        self.updates = 0
        self._network = network
        self._latest = dict(network.state_dict(keep_vars=True))
        self._average = {key: value.detach().clone() for key, value in self._latest.items()}
        self._blended = [key for key, value in self._average.items() if value.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network's weights as they are now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        blend = get_ema_multi_avg_fn(decay)
        blend([self._average[key] for key in self._blended], [self._latest[key] for key in self._blended], None)
        for key in self._average.keys() - set(self._blended):
            self._average[key].copy_(self._latest[key])

    @torch.no_grad()
    def restart(self) -> None:
        """Forget everything and start at the network's present weights."""
        self.updates = 0
        for key, value in self._latest.items():
            self._average[key].copy_(value)

    @torch.no_grad()
    def match_layout(self) -> None:
        """Lay the average out in memory as the weights are, which blends faster; the values stay."""
        for key, value in self._latest.items():
            self._average[key] = torch.empty_like(value, requires_grad=False).copy_(self._average[key])

    def network(self) -> nn.Module:
        """A copy of the network that carries the average, in evaluation mode and without gradients."""
        model = copy.deepcopy(self._network)
        model.load_state_dict(self._average)
        return model.eval().requires_grad_(False)

    def state_dict(self) -> dict[str, Any]:
        """For checkpoints; the tensors are the average itself, not copies."""
        return {"updates": self.updates, "average": dict(self._average)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave for a network of the same layout."""
        self.updates = int(state["updates"])
        for key, value in self._average.items():
            value.copy_(state["average"][key])
