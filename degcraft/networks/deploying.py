"""A network in the form in which it is handed over: branches fused, and nothing that depends on the image's size."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from degcraft.networks.span import FusedBranches
from degcraft.networks.spandrel_network import Call, SpandrelNetwork, padded


def deployable(model: nn.Module) -> nn.Module:
    """An equal network to export or to serve.

    It shares nothing with `model`, is in evaluation mode and on the same device, changes no weights while it works,
    and pads and crops without asking whether it must: what is traced for one size holds for all that the
    architecture takes.

    Args:
        model: what `build_network` or `load_network` gave.

    Returns:
        (B,3,h,w) in [0,1] to (B,3,h·scale,w·scale), not clamped, as the model in evaluation mode. Its state dict has
        other keys where branches were fused.
    """
    model = copy.deepcopy(model).eval()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, FusedBranches):
                setattr(parent, name, child.fused())
    return _Deployed(model) if isinstance(model, SpandrelNetwork) else model


class _Deployed(nn.Module):
    """`SpandrelNetwork` for the exporter, which would freeze the answer to any question about the size."""

    def __init__(self, model: SpandrelNetwork) -> None:
        super().__init__()
        self.network = model.network
        self.scale = model.scale
        self.sizes = model.sizes
        self._call: Call = model._call
        self._one_by_one = model._one_by_one
        self.eval()

    def forward(self, lr: Tensor) -> Tensor:
        if self.sizes.none:
            return self._ask(lr.clone())
        height, width = lr.shape[-2:]
        rows, columns = self._whole(height), self._whole(width)
        if self.sizes.square:
            rows = columns = torch.sym_max(rows, columns)
        sr = self._ask(padded(lr, rows, columns))
        # A slice asks whether there is anything to crop; picking rows and columns by their numbers does not.
        for dimension, size in ((2, height), (3, width)):
            sr = sr.index_select(dimension, torch.arange(size * self.scale, device=lr.device))
        return sr

    def _ask(self, lr: Tensor) -> Tensor:
        if self._one_by_one:
            return torch.cat([self._call(self.network, image) for image in lr.split(1)])
        return self._call(self.network, lr)

    def _whole(self, size: int) -> int:
        multiple = self.sizes.multiple_of
        size = torch.sym_max(size, self.sizes.minimum) if self.sizes.minimum > 1 else size
        return (size + multiple - 1) // multiple * multiple if multiple > 1 else size
