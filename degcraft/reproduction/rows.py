"""The rows of a table by name: what the network of each is trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from degcraft.errors import DegcraftError
from degcraft.features import FeatureExtractor
from degcraft.knobs import checked_knobs, parse_named
from degcraft.learned import KNOBS
from degcraft.matching.weightings import WEIGHTINGS, checked_weighting
from degcraft.metrics import ImageScore
from degcraft.reproduction.study import SCALE, TEST_SEED, Study
from degcraft.reproduction.truth import Truth
from degcraft.sources import SOURCES, make_source, parse_source

DROPOUT = 0.7
"""Before the last convolution, as Kong et al. (CVPR 2022) found best for SRResNet."""
UNIFORM, UPPER, START, BICUBIC, DROPOUT_ROW = "uniform", "upper", "start", "bicubic", "dropout"
DEFAULT_ROWS = (
    BICUBIC, START, UNIFORM, "eq4", "confusion", "mixture", "pdm", "realesrgan", "bsrgan", DROPOUT_ROW, UPPER,
)  # fmt: skip
_PAPERS = {
    UNIFORM: "baseline", UPPER: "Upper bound", "pdm": "PDM-SR", "bsrgan": "BSRNet", "realesrgan": "Real-ESRNet",
    DROPOUT_ROW: "Real-ESRNet-Dropout",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of the table, to be computed when it is asked."""

    name: str
    train: Callable[[Study, Truth], Path | None] = field(repr=False)
    """Its network's file; None for what is not trained."""
    paper: str | None = None
    """The row of the paper's table that it is put beside."""

    def scores(self, study: Study, truth: Truth) -> list[ImageScore]:
        """On the study's test images as the truth degrades them."""
        lr = truth.patches(study.tests, SCALE, TEST_SEED)
        return study.scores(self.train(study, truth), lr, start=self.name == START)


def rows_of(texts: Sequence[str], study: Study, extractors: Mapping[str, FeatureExtractor]) -> list[Row]:
    """The rows that texts name, each once.

    `bicubic`, `start`, `uniform`, `upper` and `dropout`; a degradation as `degcraft.sources` takes it, `pdm` (learned
    along, perhaps with knobs); a weighting with knobs if wanted (`eq4:alpha=10`), on every extractor, or on one:
    `degnet/eq4`.

    Raises:
        DegcraftError: None of these, or what the network does not have.
    """
    rows: dict[str, Row] = {}
    for text in texts:
        for row in _named(text, study, extractors):
            rows.setdefault(row.name, row)
    return list(rows.values())


def _named(text: str, study: Study, extractors: Mapping[str, FeatureExtractor]) -> list[Row]:
    if text in _OWN:
        return _OWN[text](study)
    prefix, _, rest = text.partition("/")
    if (rest or prefix).partition(":")[0] in WEIGHTINGS:
        return _weighted(text, prefix if rest else None, rest or prefix, extractors)
    name = text.partition(":")[0]
    if name == "pdm" and not text.endswith(".safetensors"):
        knobs = checked_knobs(KNOBS, parse_named(text, "pdm:channels=32")[1], owner="pdm")
        return [Row(text, lambda study, truth: study.trained_jointly(truth, knobs, text), _PAPERS[name])]
    try:
        known = parse_source(text)
    except DegcraftError:
        words = ", ".join((*_OWN, "pdm", *WEIGHTINGS, *SOURCES))
        raise DegcraftError(f"a row must be one of {words}, but got {text!r}") from None
    source = make_source(known, scale=SCALE, side=study.plan.hr_patch)
    return [Row(text, lambda study, truth: study.trained(source, text), _PAPERS.get(text))]


def _bicubic(study: Study) -> list[Row]:
    return [Row(BICUBIC, lambda study, truth: None)]


def _start(study: Study) -> list[Row]:
    # A network from nothing is no row.
    return [] if study.network.start is None else [Row(START, lambda study, truth: None)]


def _upper(study: Study) -> list[Row]:
    return [Row(UPPER, lambda study, truth: study.trained(truth.source(), f"the truth, {truth}"), _PAPERS[UPPER])]


def _dropout(study: Study) -> list[Row]:
    if not study.network.has_dropout:
        study.say(f"left out {DROPOUT_ROW}: {study.network.name} has none")
        return []
    source = make_source("realesrgan")

    def train(study: Study, truth: Truth) -> Path:
        return study.trained(source, "realesrgan, with dropout", dropout=DROPOUT)

    return [Row(DROPOUT_ROW, train, _PAPERS[DROPOUT_ROW])]


_OWN: dict[str, Callable[[Study], list[Row]]] = {
    BICUBIC: _bicubic, START: _start, UPPER: _upper, DROPOUT_ROW: _dropout,
}  # fmt: skip
"""Rows that are neither a degradation by name nor a weighting."""


def _weighted(text: str, only: str | None, weighting: str, extractors: Mapping[str, FeatureExtractor]) -> list[Row]:
    if only is not None and only not in extractors:
        raise DegcraftError(f"{text}: the extractor must be one of {', '.join(extractors)}, but is {only!r}")
    name, knobs = parse_named(weighting, "eq4:alpha=10")
    asked = checked_weighting({"name": name, **knobs})

    def row(label: str, extractor: FeatureExtractor) -> Row:
        def train(study: Study, truth: Truth) -> Path:
            crafted = study.crafted(truth, extractor, asked)
            return study.trained(crafted.source(), f"{label} of setting {truth}")

        # The paper's are equation 4 at alpha 25 on its own extractors.
        beside = extractor.name if asked == checked_weighting("eq4") else None
        return Row(label, train, beside)

    return [row(f"{key}/{weighting}", extractor) for key, extractor in extractors.items() if only in (None, key)]
