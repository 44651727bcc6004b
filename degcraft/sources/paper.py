"""The paper's own: its whole space, and the settings of its Table 1 (arXiv 2305.18107)."""

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, CraftedDistribution, DegradationSource
from degcraft.errors import DegcraftError


def uniform() -> DegradationSource:
    """Its space, every bin alike."""
    return CraftedDistribution.uniform(PAPER_SPACE).source()


def setting(number: int | None) -> BoxSource:
    """A test setting, 1 to 4."""
    if number is None:
        raise DegcraftError("needs the number of one, such as setting:3")
    return BoxSource(TEST_SETTINGS[number])
