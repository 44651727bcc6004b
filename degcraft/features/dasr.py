"""DASR's degradation representation (arXiv 2104.00416), the encoder that the paper compares degradations with.

The weights that come with the package are the project's own, trained by contrast (`degcraft features train dasr`);
checkpoints of the DASR repository load as they are, from `weights_file`.

Layer `convN` is the Nth convolution after its batch norm and LeakyReLU, averaged over space: one position stands for
1 pixel up to conv2, 2 up to conv4 and 4 after. The last, the representation itself, is called `encoder`.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.features.base import ExtractorSpec, FeatureExtractor
from degcraft.features.dasr_network import (
    CONVOLUTIONS,
    LEVELS,
    MODULES_PER_CONVOLUTION,
    DasrEncoder,
    empty_encoder,
    is_counter,
)
from degcraft.features.shipped import shipped_weights
from degcraft.features.spatial_mean import SpatialMeanExtractor
from degcraft.features.weights import check_layout, read_weights

WEIGHTS = "dasr.safetensors"

_FIRST = "E.0.weight"
_LAYERS = (*(f"conv{number}" for number in range(1, len(CONVOLUTIONS))), "encoder")


def load_dasr(weights_file: Path | None = None) -> DasrEncoder:
    """The encoder on the CPU, in evaluation mode, its projection without weights (on the device "meta").

    Args:
        weights_file: A file of `degcraft features train dasr`, or a checkpoint of the DASR repository
            (`model_600.pt` and the like): the whole model, or its encoder under any prefix. None takes the file
            that comes with the package.

    Raises:
        DegcraftError: no such file, or one that does not hold one encoder of DASR's layout.
    """
    path = _shipped() if weights_file is None else weights_file
    if not path.is_file():
        raise DegcraftError(f"extractor dasr: the weights file {path} does not exist")
    encoder = empty_encoder()
    layout = {key: value for key, value in encoder.state_dict().items() if not is_counter(key)}
    tensors = check_layout(_encoder_of(read_weights(path), path), layout, prefix="E.", path=path, layout="dasr")
    counters = {key: torch.tensor(0) for key in encoder.E.state_dict() if is_counter(key)}
    encoder.E.load_state_dict(tensors | counters, assign=True)
    return encoder.eval()


def _shipped() -> Path:
    try:
        return shipped_weights(WEIGHTS)
    except DegcraftError as error:
        raise DegcraftError(f"extractor dasr: {error}") from error


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
        if key.startswith(start) and not is_counter(key)
    }


def _build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
    end = MODULES_PER_CONVOLUTION * (_LAYERS.index(layer) + 1)
    step = 1 / LEVELS
    return SpatialMeanExtractor(
        "dasr",
        layer,
        load_dasr(weights_file).E[:end],
        architecture="dasr",
        device=device,
        mean=(0.0, 0.0, 0.0),
        std=(step, step, step),
    )


def _missing(weights_file: Path | None) -> str | None:
    try:
        load_dasr(weights_file)
    except DegcraftError as error:
        return str(error)
    return None


DASR = ExtractorSpec(
    name="dasr",
    description="DASR's encoder, trained by contrast on degradations: comes with the package",
    layers=_LAYERS,
    default_layer="encoder",
    needs_weights=True,
    weights_file=WEIGHTS,
    build=_build,
    missing=_missing,
)
