"""The paper's own: its whole space, and the settings of its Table 1 (arXiv 2305.18107)."""

from typing import Any

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError
from degcraft.knobs import Knob
from degcraft.sources.base import SourceSpec


def _uniform() -> DegradationSource:
    return CraftedDistribution.uniform(PAPER_SPACE).source()


def _setting(number: int | None) -> BoxSource:
    if number is None:
        raise DegcraftError("needs the number of one, such as setting:3")
    return BoxSource(TEST_SETTINGS[number])


def _number(value: Any) -> int:
    if isinstance(value, bool) or value not in TEST_SETTINGS:
        raise ValueError
    return int(value)


UNIFORM = SourceSpec("uniform", "the paper's space, all of its bins alike: its baseline", _uniform)
SETTING = SourceSpec(
    "setting",
    "a test setting of the paper's Table 1, such as setting:3",
    _setting,
    knobs={"number": Knob(None, "which", f"one of {', '.join(map(str, TEST_SETTINGS))}", _number)},
    bare="number",
)
