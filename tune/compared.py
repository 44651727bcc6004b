"""The rows that a search's trials are compared with; no searcher hears of them."""

from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.searchable import Range, choices
from tune.spec import SearchSpec


def compared_with(spec: SearchSpec, architectures: Architectures) -> list[TrialConfig]:
    """Bicubic; and of every network the start as it is, uniform training at every learning rate that is a choice, and
    where asked for training along with a learned degradation, and on others by name; in synthetic runs, training on the
    truth.
    """
    rows = [TrialConfig("bicubic")]
    for network in architectures.all():
        if spec.network.start != "none":
            rows.append(TrialConfig("start", network))
        rows += [TrialConfig("uniform", network, {"learning_rate": rate}) for rate in rates(spec)]
        if spec.pdm is not None:
            rows += [TrialConfig("pdm", network, {"learning_rate": rate}) for rate in rates(spec)]
        rows += [
            TrialConfig("comparator", network, {"learning_rate": rate}, {"degradation": text})
            for text in spec.compare
            for rate in rates(spec)
        ]
        if spec.synthetic is not None:
            rows.append(TrialConfig("upper bound", network, {"learning_rate": rates(spec)[0]}))
    return rows


def rates(spec: SearchSpec) -> list[float]:
    """The learning rates of trials that are not searched: the fixed one, every choice, or a range's middle."""
    rate = spec.search.learning_rate
    if isinstance(rate, Range):
        return [(rate.low * rate.high) ** 0.5 if rate.log else (rate.low + rate.high) / 2]
    return [float(value) for value in choices(rate)]
