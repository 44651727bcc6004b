"""Building blocks that the networks share: a 3×3 convolution, and starting weights from a seed."""

from __future__ import annotations

from torch import Generator, nn


def conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3×3 convolution that keeps height and width, its weights unset.

    Setting them is left to `kaiming_start` or `uniform_start`, so that building a network draws nothing
    from PyTorch's global generator.
    """
    convolution = nn.utils.skip_init(nn.Conv2d, in_channels, out_channels, 3, padding=1)
    assert isinstance(convolution, nn.Conv2d)
    return convolution


def kaiming_start(module: nn.Module, generator: Generator, gain: float) -> None:
    """Draw every convolution under `module` from He's normal distribution times `gain`; biases are zero.

    A gain of 0.1 makes each residual branch start near zero, without which deep networks that have no
    batch norm do not start to learn (Wang et al., ESRGAN, ECCVW 2018, section 3.1).
    """
    for convolution in _convolutions(module):
        nn.init.kaiming_normal_(convolution.weight, generator=generator)
        convolution.weight.data.mul_(gain)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)


def uniform_start(module: nn.Module, generator: Generator) -> None:
    """Draw every convolution under `module` as `torch.nn.Conv2d` does: uniform in ±1/√fan_in, biases too."""
    for convolution in _convolutions(module):
        bound = convolution.weight[0].numel() ** -0.5
        nn.init.uniform_(convolution.weight, -bound, bound, generator=generator)
        if convolution.bias is not None:
            nn.init.uniform_(convolution.bias, -bound, bound, generator=generator)


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
