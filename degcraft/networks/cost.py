"""How large networks are and how long they take."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from degcraft.errors import in_short
from degcraft.networks.building import build_network, parameter_count
from degcraft.networks.deploying import deployable
from degcraft.networks.registry import network_spec
from degcraft.networks.shipped import START, STARTS, start_licence
from degcraft.networks.weights import read_header

_SIDE = 128
_LEAST_SECONDS = 0.5


def described(name: str, *, scale: int | None = None, device: str | None = None) -> dict[str, Any]:
    """A network with its default hyperparameters, as plain values.

    Args:
        name: a key of the registry.
        scale: to build it for; None: the usual one, x4 if it can.
        device: where to measure it; None: it is not measured.

    Returns:
        `name`, `description`, `scale`, `scales`, `parameters`, `hyperparameters` (each with `default`, `rule`,
        `description`); if measured, `seconds_per_megapixel` of LR image, or `failed` with the reason.
    """
    spec = network_spec(name)
    built_for = spec.usual_scale if scale is None else scale
    known = spec.parameters if built_for == spec.usual_scale else None
    # Only for what is not written down must it be built, which takes a second for some.
    model = build_network(name, scale=built_for) if known is None or device is not None else None
    row = {
        "name": spec.name,
        "description": spec.description,
        "scale": built_for,
        "scales": list(spec.scales),
        "parameters": known if model is None else parameter_count(model),
        "hyperparameters": {
            key: {"default": entry.default, "rule": entry.rule, "description": entry.description}
            for key, entry in spec.hyperparameters.items()
        },
    }
    if model is not None and device is not None:
        try:
            row["seconds_per_megapixel"] = seconds_per_megapixel(model, device)
        except Exception as error:  # too little memory, or an operation that the device lacks
            row["failed"] = in_short(error)
    return row


def seconds_per_megapixel(model: nn.Module, device: str) -> float:
    """How long a network works on a million LR pixels, from images of 128 x 128 in float32."""
    model = deployable(model).to(device)
    lr = torch.rand((1, 3, _SIDE, _SIDE), generator=torch.Generator().manual_seed(0)).to(device)
    with torch.inference_mode():
        model(lr)
        runs, begun = 0, _now(device)
        while True:
            model(lr)
            runs += 1
            spent = _now(device) - begun
            if spent >= _LEAST_SECONDS:
                return spent / runs / (_SIDE * _SIDE) * 1e6


def starts_described() -> list[dict[str, Any]]:
    """The shipped starts: `start`, `network`, `scale`, `hyperparameters`, `licence`, `file`."""
    rows = []
    for key, path in STARTS.items():
        header = read_header(path)
        rows.append(
            {
                "start": START + key,
                "network": header.name,
                "scale": header.scale,
                "hyperparameters": header.hyperparameters,
                "licence": start_licence(START + key),
                "file": path.name,
            }
        )
    return rows


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()
