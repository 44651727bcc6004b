"""Networks to reproduce with: trained from nothing, or from weights that restore already."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from degcraft.knobs import parse_named
from degcraft.networks import LoadedNetwork, build_network, load_network, network_spec


@dataclass(frozen=True, eq=False)
class Network:
    """What every row trains, each from the same weights.

    Raises:
        DegcraftError: from `of`: no such network, hyperparameter or file.
    """

    text: str
    """As it was asked for."""
    name: str
    scale: int
    hyperparameters: Mapping[str, Any]
    start: LoadedNetwork | None = None
    """What holds the first weights; None: they are drawn."""
    identity: str = field(default="drawn")
    """Of the first weights."""

    @classmethod
    def of(cls, text: str, scale: int = 4) -> "Network":
        """`srresnet`, `srresnet:blocks=8` from nothing; `start:x4` or a file to be fine-tuned."""
        if text.startswith("start:") or Path(text).suffix:
            held = load_network(text)
            digest = hashlib.sha256()
            for key, value in held.model.state_dict().items():
                digest.update(key.encode() + value.contiguous().numpy().tobytes())
            return cls(text, held.name, held.scale, dict(held.hyperparameters), held, digest.hexdigest())
        name, hyperparameters = parse_named(text, "srresnet:blocks=8")
        spec = network_spec(name)
        return cls(text, spec.name, scale, spec.checked(scale, hyperparameters))

    @property
    def has_dropout(self) -> bool:
        """Whether it can be trained with dropout (Kong et al., CVPR 2022)."""
        return "dropout" in network_spec(self.name).hyperparameters

    def build(self, seed: int, dropout: float = 0.0) -> nn.Module:
        """A fresh one with the first weights."""
        changes = {"dropout": dropout} if dropout else {}
        hyperparameters = {**self.hyperparameters, **changes}
        network = build_network(self.name, seed=seed, **{**hyperparameters, "scale": self.scale})
        if self.start is not None:
            network.load_state_dict(self.start.model.state_dict())
        return network
