"""SPAN's branches: trained apart, fused into one convolution for use, never out of date.

Source: C. Wan et al., *Swift Parameter-free Attention Network for Efficient Super-Resolution*, CVPRW 2024. In
spandrel's form the fused convolution is a parameter of its own, and is worked out anew for every image.
"""

from __future__ import annotations

from typing import Any

import torch
from spandrel.architectures.SPAN.__arch.span import Conv3XC
from torch import Tensor, nn


class FusedBranches(Conv3XC):
    """spandrel's Conv3XC whose fused weights are buffers, worked out when a branch has changed."""

    _seen: tuple[Any, ...] | None

    def train(self, mode: bool = True) -> FusedBranches:
        # Writing to `.data` leaves no trace, so that a change of mode is a reason to look again.
        self._seen = None
        super().train(mode)
        return self

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        if self._seen is None or self._seen != self._state():
            self.fuse()
        y = self.eval_conv(x)
        return nn.functional.leaky_relu(y, negative_slope=0.05) if self.has_relu else y

    def fuse(self) -> None:
        """Work out the fused weights from the branches."""
        # Not an inference tensor, even when it is an image to restore that asks for it.
        with torch.inference_mode(False), torch.no_grad():
            self.update_params()
        # They lie in `eval_conv` now.
        self.weight_concat = self.bias_concat = None
        self._seen = self._state()

    def fused(self) -> nn.Module:
        """The same as one convolution of its own."""
        self.fuse()
        convolution = nn.utils.skip_init(
            nn.Conv2d,
            self.eval_conv.in_channels,
            self.eval_conv.out_channels,
            3,
            padding=1,
            stride=self.stride,
            device=self.eval_conv.weight.device,
            dtype=self.eval_conv.weight.dtype,
        )
        with torch.no_grad():
            convolution.weight.copy_(self.eval_conv.weight)
            assert convolution.bias is not None
            convolution.bias.copy_(self.eval_conv.bias)
        convolution.eval()
        return nn.Sequential(convolution, nn.LeakyReLU(0.05)) if self.has_relu else convolution

    def _state(self) -> tuple[Any, ...]:
        branches = [*self.conv.parameters(), *self.sk.parameters()]
        return tuple((p.data_ptr(), None if p.is_inference() else p._version) for p in branches)


def keep_branches_fused(network: nn.Module) -> None:
    """Turn every Conv3XC of a network into one that keeps its fused weights up to date.

    They remain in the state dict, where spandrel looks for them, but are no parameters any more: no optimiser and
    no average touches them, and what is saved is worked out at that moment.
    """
    for module in network.modules():
        if type(module) is not Conv3XC:
            continue
        module.__class__ = FusedBranches
        assert isinstance(module, FusedBranches)
        for name, value in list(module.eval_conv.named_parameters(recurse=False)):
            del module.eval_conv._parameters[name]
            module.eval_conv.register_buffer(name, value.detach().clone())
        module.weight_concat = module.bias_concat = None
        module._seen = None
        module.register_state_dict_pre_hook(_fuse_first)
        module.fuse()


def _fuse_first(module: FusedBranches, *_: Any) -> None:
    module.fuse()
