"""What can be said of a degradation that is learned."""

from collections.abc import Mapping
from typing import Any

from degcraft.errors import DegcraftError
from degcraft.knobs import Knob, checked_knobs, switch, whole_number, word

RATES = {"detail": 5.0, "patch": 1.0}
"""Discriminators, and their learning rates as multiples of the degradation's; `patch` is the published one."""
DISCRIMINATOR = "detail"
PENALTIES = ("mean", "size")
KNOBS: Mapping[str, Knob] = {
    "size": whole_number(21, "side of the kernels in HR pixels, odd"),
    "channels": whole_number(64, "of both networks"),
    "kernel_blocks": whole_number(16, "residual blocks of the kernels' network", least=0),
    "noise_blocks": whole_number(16, "residual blocks of the noise's network", least=0),
    "varying": switch(False, "whether every pixel has a kernel of its own, by 3×3 convolutions"),
    "noise": word("content", "what the noise depends on", options=("content", "plain", "none")),
}
MOST = {"size": 63, "channels": 512, "kernel_blocks": 64, "noise_blocks": 64}
"""What a file may ask for at most, before anything is built of it."""


def check_sizes(knobs: Mapping[str, Any]) -> None:
    """Raise DegcraftError for sizes beyond `MOST`, or kernels without a middle."""
    for name, most in MOST.items():
        if knobs[name] > most:
            raise DegcraftError(f"pdm: {name} must be at most {most}, but got {knobs[name]}")
    if knobs["size"] % 2 == 0:
        raise DegcraftError(f"pdm: size must be odd, but got {knobs['size']}")


def _compression(value: Any) -> int | str | None:
    if isinstance(value, str) and value:
        return value
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100):
        raise ValueError
    return value


JOINT_KNOBS: Mapping[str, Knob] = {
    **KNOBS,
    "penalty": word(
        "mean",
        "on the noise: its mean and what of it nobody sees, or its size as published",
        options=PENALTIES,
    ),
    "discriminator": word(DISCRIMINATOR, "patch is the published one", options=tuple(RATES)),
    "compression": Knob(
        None,
        "JPEG behind it: its quality, or a crafted.json whose qualities are drawn",
        "a libjpeg quality from 1 to 100, the file of a crafted distribution, or none",
        _compression,
    ),
}
"""All that can be said of a degradation that is learned along with a network."""


def checked_joint(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs in their canonical form, completed by the defaults.

    Raises:
        DegcraftError: a knob that there is none of, or a value that breaks its rule.
    """
    asked = checked_knobs(JOINT_KNOBS, knobs, owner="pdm")
    check_sizes(asked)
    return asked
