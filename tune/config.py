"""What a trial is made of: a distribution, a network, a training, each a dictionary that its registry checks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from degcraft.degradation import weighting_words

Kind = Literal["crafted", "uniform", "pdm", "comparator", "start", "bicubic", "upper bound", "shared"]
"""What a row is. A search proposes crafted ones. The others are what they are compared with: training on the whole
space, along with a degradation that is learned, on any other degradation by name, the start as it is, no network at
all, and (in synthetic runs) training on the truth. `shared` trains on the whole space from scratch and makes the start
where there is none."""

CANDIDATES: tuple[Kind, ...] = ("crafted", "uniform", "pdm", "comparator", "start")
"""What a user could have: the upper bound knows the truth, and bicubic is no network."""

TRAINED: tuple[Kind, ...] = ("crafted", "uniform", "pdm", "comparator", "upper bound", "shared")
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
    """Of a crafted trial: `extractor`, `layer`, `weighting` and the weighting's knobs; of a comparator: `degradation`,
    as `degcraft.sources` takes it.
    """

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "TrialConfig":
        """From a Ray Tune configuration, which holds the trial's key beside it, or from what `to_dict` gave."""
        return cls(**{name: config[name] for name in cls.__dataclass_fields__})

    def to_dict(self) -> dict[str, Any]:
        """The configuration for Ray Tune, and for files."""
        return asdict(self)

    def label(self) -> str:
        """How a table names what the network was trained on."""
        if self.kind == "comparator":
            return str(self.distribution["degradation"])
        if self.kind != "crafted":
            return self.kind
        return measurement_name(self.distribution["extractor"], self.distribution["layer"])

    def title(self) -> str:
        """The label, and the weighting of a crafted distribution."""
        return f"{self.label()} {self.weighting_words()}".strip()

    def weighting(self) -> dict[str, Any]:
        """The weighting of a crafted trial, as `degcraft.matching.craft` takes it: `name` and knobs."""
        knobs = {key: value for key, value in self.distribution.items() if key not in ("extractor", "layer")}
        return {"name": knobs.pop("weighting"), **knobs}

    def weighting_words(self) -> str:
        """The same for people: `confusion width 0.3`; empty for other rows."""
        return weighting_words(self.weighting()) if self.kind == "crafted" else ""

    def values(self) -> dict[str, Any]:
        """Everything in one flat row, for tables and CSV files."""
        network = {"network" if key == "name" else key: value for key, value in self.network.items()}
        return {**self.distribution, **self.training, **network}


def measurement_name(extractor: str, layer: str | None) -> str:
    """The key under which measurements are kept."""
    return f"{extractor}:{layer}" if layer else extractor


def network_key(network: Mapping[str, Any]) -> str:
    """A network's name and hyperparameters as a key: equal for equal ones, whatever their order."""
    return json.dumps(dict(network), sort_keys=True)


def network_label(network: Mapping[str, Any]) -> str:
    """A network in words: `compact channels=64 convs=8`; also a file's name."""
    rest = (f"{key}={value}" for key, value in network.items() if key != "name")
    return " ".join([network.get("name", ""), *rest]).strip()
