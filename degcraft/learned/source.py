"""A learned degradation as something to train on, and its file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from degcraft.degradation import Degradation
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.learned.compression import Compression
from degcraft.learned.model import LearnedDegradation
from degcraft.networks.digest import weights_digest

FORMAT = "degcraft-pdm/1"
_HEADER = "degcraft"
_MOST_SCALE = 8


@dataclass(frozen=True, eq=False)
class LearnedSource:
    """Draws degradations from a trained `LearnedDegradation`."""

    model: LearnedDegradation
    training: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained on and how, as plain JSON."""

    @cached_property
    def identity(self) -> str:
        """sha256 over the weights."""
        digest = hashlib.sha256(json.dumps(self.model.describe(), sort_keys=True).encode())
        for key, value in self.model.state_dict().items():
            digest.update(key.encode() + value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def check(self, scale: int, side: int | None = None) -> None:
        """Raise DegcraftError for a scale other than the one that it was trained for, or too small clean images."""
        if scale != self.model.scale:
            raise DegcraftError(f"the learned degradation reduces by {self.model.scale}, and not by {scale}")
        if side is not None and side <= self.model.knobs["size"] // 2:
            raise DegcraftError(f"hr must be larger than half a kernel of {self.model.knobs['size']} pixels")

    @torch.no_grad()
    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation | None]:
        """See `DegradationSource.degrade`; what was done has no parameters.

        Raises:
            DegcraftError: a scale other than the one that it was trained for, or HR smaller than half a kernel.
        """
        self.check(scale, min(hr.shape[2:]))
        self.model.to(hr.device).eval()
        side = hr.shape[2] // scale, hr.shape[3] // scale
        return self.model(hr, self.model.latents(len(hr), side, generator).to(hr.device)).lr, None

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": "pdm", **self.model.describe(), "weights": self.identity}


def save_learned(path: str | Path, source: LearnedSource) -> None:
    """Writes a safetensors file, whole or not at all.

    Raises:
        DegcraftError: another suffix, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise DegcraftError(f"{path}: a learned degradation is saved as .safetensors, but the name ends otherwise")
    model = source.model
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    header = {
        "format": FORMAT, **model.describe(), "training": dict(source.training), "weights": weights_digest(state),
    }  # fmt: skip
    with written_whole(path) as temporary:
        temporary.write_bytes(save(state, metadata={_HEADER: json.dumps(header, sort_keys=True)}))


def load_learned(path: str | Path) -> LearnedSource:
    """Reads what `save_learned` wrote. Shapes are compared before anything is read.

    Raises:
        DegcraftError: no such file, one of another kind, or weights that are not those of what it says.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            if header["format"] != FORMAT:
                raise DegcraftError(f"{path}: format must be {FORMAT!r}, but is {header['format']!r}")
            scale, knobs, training = header["scale"], dict(header["knobs"]), dict(header["training"])
            kept = header.get("compression")  # not in the first files
            compression = None if kept is None else Compression.from_list(kept)
            if not isinstance(scale, int) or not 1 <= scale <= _MOST_SCALE:
                raise DegcraftError(f"{path}: scale must be a whole number from 1 to {_MOST_SCALE}, but is {scale!r}")
            with torch.device("meta"):
                expected = {
                    key: tuple(one.shape) for key, one in LearnedDegradation(scale, **knobs).state_dict().items()
                }
            found = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no mapping)
            if expected != found:
                apart = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
                raise DegcraftError(f"{path}: not the weights of a pdm {knobs}: {', '.join(apart[:3])}")
            state = {key: file.get_tensor(key) for key in expected}
            if header.get("weights") not in (None, weights_digest(state)):
                raise DegcraftError(f"{path}: is damaged: its weights are not those that were written")
    except FileNotFoundError as error:
        raise DegcraftError(f"{path}: there is no such file") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DegcraftError(f"{path}: must be a learned degradation that degcraft wrote, but {error!r}") from error
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise DegcraftError(f"{path}: must hold finite numbers, but holds others")
    model = LearnedDegradation(scale, compression=compression, **knobs)
    model.load_state_dict(state)
    return LearnedSource(model.eval().requires_grad_(False), training)
