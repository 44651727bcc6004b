"""The losses by name. A new one is a file with what it does, and an entry here with what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from degcraft.errors import DegcraftError
from degcraft.knobs import checked_knobs, file, is_number, number, word
from degcraft.later import Later
from degcraft.registry import Registry
from degcraft.training.losses.spec import LossSpec

if TYPE_CHECKING:
    import torch

    from degcraft.training.losses.base import LossTerm

L1 = LossSpec(
    "l1",
    "mean absolute difference: the field's default",
    lambda seed: Later("degcraft.training.losses.pixel:L1Loss")(),
)
CHARBONNIER = LossSpec(
    "charbonnier",
    "L1 that is smooth at 0",
    lambda seed, eps: Later("degcraft.training.losses.pixel:CharbonnierLoss")(eps),
    knobs={"eps": number(1e-3, above=0)},
)
LPIPS = LossSpec(
    "lpips",
    "perceptual: features of an ImageNet classifier, whose weights are a file or a download",
    lambda seed, backbone, weights: Later("degcraft.training.losses.perceptual:LpipsLoss")(backbone, weights),
    knobs={"backbone": word("squeeze", options=("squeeze", "alex", "vgg")), "weights": file()},
    least_patch=Later("degcraft.training.losses.perceptual:least_patch"),
)
GAN = LossSpec(
    "gan",
    "adversarial: a discriminator that is trained along",
    Later("degcraft.training.losses.adversarial:AdversarialLoss"),
    knobs={
        "discriminator": word("patch", options=("patch", "detail", "unet")),
        "kind": word("bce", options=("bce", "lsgan")),
        "rate": number(1.0, above=0),
    },
    alone=False,
    least_patch=Later("degcraft.training.losses.adversarial:least_patch"),
)

LOSSES: Registry[LossSpec] = Registry("losses:", (L1, CHARBONNIER, LPIPS, GAN))

Losses = Mapping[str, "float | Mapping[str, Any]"]
"""By name: a weight, or a mapping of `weight` and knobs."""


def checked_losses(losses: Losses, hr_patch: int) -> dict[str, Any]:
    """The same losses as plain numbers and dictionaries.

    Args:
        losses: such as {"l1": 1.0, "gan": {"weight": 0.05, "discriminator": "unet"}}. A weight of 0 leaves a loss out.
        hr_patch: side of the clean crops in pixels.

    Raises:
        DegcraftError: an unknown loss or knob, a value that is not allowed, nothing but weights of 0, or crops
            smaller than a loss can judge.
    """
    if not isinstance(losses, Mapping):
        raise DegcraftError(f"losses must map names to weights, such as {{l1: 1}}, but got {losses!r}")
    plain: dict[str, Any] = {}
    for name, value in losses.items():
        spec = LOSSES.find(name)
        weight, knobs = _split(name, value)
        whole = _whole(spec, knobs)
        least = spec.least_patch(whole)
        if weight and hr_patch < least:
            raise DegcraftError(
                f"losses: {name} needs clean crops of at least {least} pixels, but lr_patch · scale is {hr_patch}"
            )
        plain[name] = {"weight": weight, **knobs} if knobs else weight
    weighing = [name for name, value in plain.items() if _split(name, value)[0]]
    if not weighing:
        raise DegcraftError(f"losses: at least one must have a weight above 0, but got {plain}")
    if not any(LOSSES[name].alone for name in weighing):
        raise DegcraftError(f"losses: {', '.join(weighing)} needs another beside it, such as l1, but got {plain}")
    return plain


def build_losses(losses: Losses, *, seed: int, device: torch.device) -> dict[str, tuple[float, LossTerm]]:
    """Weight and loss by name, on the device; those of weight 0 are left out.

    Args:
        losses: what `checked_losses` returned.
        seed: of first weights.
        device: of the training.

    Raises:
        DegcraftError: if what a loss needs beyond its knobs, such as weights, cannot be had.
    """
    built = {}
    for name, value in losses.items():
        weight, knobs = _split(name, value)
        if weight:
            spec = LOSSES.find(name)
            term = spec.build(seed=seed, **_whole(spec, knobs))
            term.to(device)
            built[name] = (weight, term)
    return built


def loss_identity(losses: Losses) -> dict[str, Any]:
    """All that decides the losses and is written in the plan: weights and knobs, but no places of files."""
    identity = {}
    for name, value in losses.items():
        spec = LOSSES.find(name)
        weight, knobs = _split(name, value)
        kept = {key: knob for key, knob in _whole(spec, knobs).items() if not spec.knobs[key].place}
        identity[name] = {"weight": weight, **kept}
    return identity


def with_weights(losses: Losses, name: str, file: str) -> dict[str, Any]:
    """The same losses, of which one takes its weights from a file, unless it names another itself."""
    weight, knobs = _split(name, losses[name])
    return {**losses, name: {"weight": weight, "weights": file, **knobs}}


def _split(name: str, value: Any) -> tuple[float, dict[str, Any]]:
    """Weight and knobs."""
    knobs = dict(value) if isinstance(value, Mapping) else {"weight": value}
    if "weight" not in knobs:
        raise DegcraftError(f"losses: {name} needs a weight, but got {value!r}")
    weight = knobs.pop("weight")
    if not is_number(weight) or weight < 0:
        raise DegcraftError(f"losses: the weight of {name} must be a number of at least 0, but got {weight!r}")
    return weight, knobs


def _whole(spec: LossSpec, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs, checked and completed by the defaults."""
    return checked_knobs(spec.knobs, knobs, owner=f"losses: {spec.name}")
