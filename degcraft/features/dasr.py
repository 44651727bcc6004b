"""DASR's degradation representation (arXiv 2104.00416), the encoder that the paper compares degradations with.

Checkpoints of the DASR repository are read as they are: the whole model, or its encoder under any prefix. Six 3×3
convolutions, each with batch norm and LeakyReLU, two of them halving the image; the last, averaged over space, is the
representation.

Layer `convN` is the Nth convolution after its batch norm and LeakyReLU, averaged over space: one position stands for
1 pixel up to conv2, 2 up to conv4 and 4 after. The last, the representation itself, is called `encoder`.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.features.base import FeatureExtractor
from degcraft.features.pretrained import PretrainedWeights
from degcraft.features.spatial_mean import SpatialMeanExtractor
from degcraft.features.weights import check_layout, read_weights

LEVELS = 255.0
"""Published weights read 8-bit levels."""
CONVOLUTIONS = ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1))
"""Channels and stride of each."""
MODULES_PER_CONVOLUTION = 3
"""Convolution, batch norm, LeakyReLU."""

_WEIGHTS = PretrainedWeights(
    extractor="dasr",
    stem="dasr",
    url=None,
    origin="a checkpoint of the DASR repository (experiment/blindsr_x4_bicubic_iso/model/model_600.pt and the like)",
)
_FIRST = "E.0.weight"


def load_dasr(path: Path) -> nn.Sequential:
    """The encoder on the CPU, in evaluation mode: (B, 3, h, w) in 8-bit levels to (B, 256, h/4, w/4).

    Args:
        path: A checkpoint of the DASR repository, or its tensors in a safetensors file.

    Raises:
        DegcraftError: it does not hold one encoder of DASR's layout.
    """
    encoder = _empty()
    layout = {f"E.{key}": value for key, value in encoder.state_dict().items() if not _is_counter(key)}
    tensors = check_layout(_encoder_of(read_weights(path), path), layout, prefix="E.", path=path, layout="dasr")
    counters = {key: torch.tensor(0) for key in encoder.state_dict() if _is_counter(key)}
    encoder.load_state_dict(tensors | counters, assign=True)
    return encoder.eval()


def _empty() -> nn.Sequential:
    """The encoder without memory behind its weights, so that none are ever drawn."""
    layers: list[nn.Module] = []
    inputs = 3
    with torch.device("meta"):
        for outputs, stride in CONVOLUTIONS:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.1, inplace=True),
            ]
            inputs = outputs
    return nn.Sequential(*layers)


def _is_counter(key: str) -> bool:
    """Whether an entry only counts the batches that a batch norm has seen."""
    return key.endswith("num_batches_tracked")


def _encoder_of(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors of `E`, under that name, from whatever holds them; MoCo's second encoder is passed over."""
    prefixes = [key.removesuffix(_FIRST) for key in tensors if key == _FIRST or key.endswith(f".{_FIRST}")]
    found = [prefix for prefix in prefixes if "encoder_k" not in prefix.split(".")]
    if len(found) != 1:
        held = f"{len(found)} of them, at {', '.join(map(repr, found))}" if found else "none"
        raise DegcraftError(
            f"{path} must hold one DASR encoder, its tensors named {_FIRST} and so on after any prefix such as "
            f"'E.encoder_q.', but holds {held}"
        )
    start = f"{found[0]}E."
    return {
        key.removeprefix(found[0]): value
        for key, value in tensors.items()
        if key.startswith(start) and not _is_counter(key)
    }


def build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
    """See `ExtractorSpec.build`."""
    depth = len(CONVOLUTIONS) if layer == "encoder" else int(layer.removeprefix("conv"))
    step = 1 / LEVELS
    return SpatialMeanExtractor(
        "dasr",
        layer,
        load_dasr(_WEIGHTS.obtain(weights_file))[: MODULES_PER_CONVOLUTION * depth],
        architecture="dasr",
        device=device,
        mean=(0.0, 0.0, 0.0),
        std=(step, step, step),
    )


def missing(weights_file: Path | None) -> str | None:
    """See `ExtractorSpec.missing`."""
    if (reason := _WEIGHTS.missing(weights_file)) is not None:
        return reason
    try:
        load_dasr(_WEIGHTS.obtain(weights_file))
    except DegcraftError as error:
        return str(error)
    return None
