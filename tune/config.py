"""What a trial is made of: a distribution, a network, a training, each a dictionary that its registry checks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["crafted", "uniform", "start", "bicubic", "upper bound", "shared"]
"""What a row is. A search proposes crafted ones. The others are what they are compared with: training on the whole
space, the start as it is, no network at all, and (in synthetic runs) training on the truth. `shared` trains on the
whole space from scratch and makes the start where there is none."""

CANDIDATES: tuple[Kind, ...] = ("crafted", "uniform", "start")
"""What a user could have: the upper bound knows the truth, and bicubic is no network."""

TRAINED: tuple[Kind, ...] = ("crafted", "uniform", "upper bound", "shared")
"""What takes steps; the others are only scored."""


@dataclass(frozen=True)
class TrialConfig:
    """What tells one trial from another."""

    kind: Kind
    network: dict[str, Any] = field(default_factory=dict)
    """`name` and all of its hyperparameters; empty for bicubic."""
    training: dict[str, Any] = field(default_factory=dict)
    """What is searched of the training plan."""
    distribution: dict[str, Any] = field(default_factory=dict)
    """Of a crafted trial: `extractor`, `layer`, `alpha`."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "TrialConfig":
        """From a Ray Tune configuration, or from a row of a file."""
        return cls(**config)

    def to_dict(self) -> dict[str, Any]:
        """The configuration for Ray Tune, and for files."""
        return asdict(self)

    def label(self) -> str:
        """How a table names what the network was trained on."""
        if self.kind != "crafted":
            return self.kind
        return distance_name(self.distribution["extractor"], self.distribution["layer"])

    def title(self) -> str:
        """The label, and the alpha of a crafted distribution."""
        alpha = self.distribution.get("alpha")
        return self.label() if alpha is None else f"{self.label()} alpha {alpha:.3g}"

    def values(self) -> dict[str, Any]:
        """Everything in one flat row, for tables and CSV files."""
        network = {"network" if key == "name" else key: value for key, value in self.network.items()}
        return {**self.distribution, **self.training, **network}


def distance_name(extractor: str, layer: str | None) -> str:
    """The key under which distances are kept."""
    return f"{extractor}:{layer}" if layer else extractor


def network_key(network: Mapping[str, Any]) -> str:
    """A network's name and hyperparameters as a key: equal for equal ones, whatever their order."""
    return json.dumps(dict(network), sort_keys=True)


def network_label(network: Mapping[str, Any]) -> str:
    """A network in words: `compact channels=64 convs=8`; also a file's name."""
    rest = (f"{key}={value}" for key, value in network.items() if key != "name")
    return " ".join([network.get("name", ""), *rest]).strip()
