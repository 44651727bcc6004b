"""The paper's space and what real images hold beyond it."""

from degcraft.encoders import WideSource
from degcraft.knobs import probability
from degcraft.sources.base import SourceSpec

WIDE = SourceSpec(
    "wide",
    "the paper's space and what real images hold beyond it, mild more often than heavy",
    WideSource,
    knobs={"paper_share": probability(WideSource.paper_share, "share of a batch that is the paper's model")},
)
