"""DASR's degradation encoder in its published layout, so that published weights fit (arXiv 2104.00416).

Six 3×3 convolutions, each with batch norm and LeakyReLU, two of them halving the image; their output averaged over
space is the representation, and two linear layers after it serve the contrastive loss alone.
"""

import torch
from torch import Tensor, nn

DIMENSIONS = 256
"""Of the representation and of its projection."""
LEVELS = 255.0
"""Published weights read 8-bit levels."""
CONVOLUTIONS = ((64, 1), (64, 1), (128, 2), (128, 1), (DIMENSIONS, 2), (DIMENSIONS, 1))
"""Channels and stride of each."""
MODULES_PER_CONVOLUTION = 3
"""In the sequence `E`: convolution, batch norm, LeakyReLU."""

_SLOPE = 0.1
_COUNTER = "num_batches_tracked"


class DasrEncoder(nn.Module):
    """The encoder with its projection; `E` and `mlp` are the names that published checkpoints use."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs, stride in CONVOLUTIONS:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(_SLOPE, inplace=True),
            ]
            inputs = outputs
        self.E = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.mlp = nn.Sequential(
            nn.Linear(DIMENSIONS, DIMENSIONS),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.Linear(DIMENSIONS, DIMENSIONS),
        )

    def represent(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1], RGB → (B, 256), the degradation representation."""
        represented: Tensor = self.E(lr * LEVELS)
        return represented.flatten(1)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1], RGB → (B, 256), its projection for the contrastive loss, of any length."""
        projected: Tensor = self.mlp(self.represent(lr))
        return projected


def empty_encoder() -> DasrEncoder:
    """The encoder without memory behind its weights, so that none are ever drawn."""
    with torch.device("meta"):
        return DasrEncoder()


def new_encoder(seed: int) -> DasrEncoder:
    """An untrained encoder on the CPU: He's normal initialisation (arXiv 1502.01852, eq. 15) and zero biases."""
    encoder = empty_encoder().to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=_SLOPE, nonlinearity="leaky_relu", generator=generator)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return encoder


def representation_weights(encoder: DasrEncoder) -> dict[str, Tensor]:
    """What the representation needs, on the CPU, in about 2.3 MB: what is shipped.

    Kernels are rounded to float16. Everything else stays float32, as variances of 8-bit levels can exceed what
    float16 holds. The projection is left out, and batch norm's counters, which decide nothing.
    """
    return {
        key: (value.half() if value.ndim > 1 else value).detach().cpu().contiguous()
        for key, value in encoder.state_dict().items()
        if key.startswith("E.") and not is_counter(key)
    }


def is_counter(key: str) -> bool:
    """Whether a state dict's entry only counts the batches that a batch norm has seen."""
    return key.endswith(_COUNTER)
