"""RRDBNet, the generator of ESRGAN, BSRGAN and Real-ESRGAN: spandrel's, with a width of its dense blocks.

Source: X. Wang et al., *ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks*, ECCVW 2018,
section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from spandrel import SizeRequirements
from spandrel.architectures.__arch_helpers.block import RRDB
from spandrel.architectures.ESRGAN import ESRGAN, ESRGANArch, _to_old_arch
from torch import nn

from degcraft.errors import DegcraftError
from degcraft.knobs import number, switch, whole_number
from degcraft.networks.dropout import DropChannels
from degcraft.networks.layers import kaiming_start
from degcraft.networks.spandrel_network import SpandrelNetwork
from degcraft.networks.spandrel_specs import recognised
from degcraft.networks.spec import NetworkSpec, StateDict, count_blocks
from degcraft.randomness import own_generator

_ARCHITECTURE = ESRGANArch()
_SPANDRELS_GROWTH = 32
# Real-ESRGAN's choice: below x4 pixels are folded into channels, so that the trunk works at a quarter of the
# output's size.
_USUAL_FOLD = {1: 4, 2: 2}


def build(
    *, scale: int, channels: int, blocks: int, growth: int, plus: bool, fold: int, dropout: float, seed: int
) -> nn.Module:
    """spandrel's RRDBNet; its dense blocks start near zero, without which so deep a network does not learn."""
    if fold not in (0, 1, 2, 4):
        raise DegcraftError(f"network rrdbnet: fold must be 0, 1, 2 or 4, but got {fold}")
    fold = fold or _USUAL_FOLD.get(scale, 1)
    with own_generator(seed):
        network = ESRGAN(
            in_nc=3 * fold**2,
            num_filters=channels,
            num_blocks=blocks,
            scale=scale * fold,
            plus=plus,
            shuffle_factor=fold if fold > 1 else None,
        )
        trunk = network.model[1].sub
        if growth != _SPANDRELS_GROWTH:
            for i in range(blocks):
                trunk[i] = RRDB(channels, gc=growth, act_type="leakyrelu", plus=plus)
    kaiming_start(trunk[:blocks], torch.Generator().manual_seed(seed), gain=0.1)
    if dropout:
        network.model[-1].register_forward_pre_hook(DropChannels(dropout))
    # As spandrel's loader has it, so that borders come out the same there.
    sizes = SizeRequirements(minimum=2, multiple_of=4 if fold > 1 else 1)
    return SpandrelNetwork(network, scale=scale, sizes=sizes, call=lambda model, lr: model(lr), random=dropout > 0)


def convert(state: StateDict) -> StateDict:
    """A state dict with BasicSR's names or BSRGAN's under those of ESRGAN, which are spandrel's."""
    return _to_old_arch(dict(state))


def publish(state: StateDict, scale: int, hyperparameters: Mapping[str, Any]) -> StateDict:
    """The state dict under BasicSR's names, which Real-ESRGAN's own software reads and spandrel too."""
    if hyperparameters["plus"]:
        return state
    layers, blocks = count_blocks(state, "model."), hyperparameters["blocks"]
    outer = {0: "conv_first", layers - 3: "conv_hr", layers - 1: "conv_last"}
    outer |= {3 * i: f"conv_up{i}" for i in range(1, (layers - 5) // 3 + 1)}
    renamed = {}
    for key, value in state.items():
        place, _, rest = key.removeprefix("model.").partition(".")
        if place != "1":
            renamed[f"{outer[int(place)]}.{rest}"] = value
            continue
        block, _, rest = rest.removeprefix("sub.").partition(".")
        if int(block) == blocks:
            renamed[f"conv_body.{rest}"] = value
        else:
            dense, convolution, _, kind = rest.split(".")
            renamed[f"body.{block}.{dense.lower()}.{convolution}.{kind}"] = value
    return renamed


def recover(state: StateDict) -> dict[str, Any] | None:
    """Scale, channels, blocks and growth of an RRDBNet state dict by its shapes; None if it is not one."""
    # MM-RealSR has all the keys of an RRDBNet, and more.
    if not _ARCHITECTURE.detect(dict(state)) or recognised(state).id != _ARCHITECTURE.id:
        return None
    state = convert(state)
    layers = count_blocks(state, "model.")
    channels, inputs = state["model.0.weight"].shape[:2]
    outputs = state[f"model.{layers - 1}.weight"].shape[0]
    fold = {3: 1, 12: 2, 48: 4}.get(inputs)
    if fold is None or outputs != 3:
        raise DegcraftError(
            f"the network must take and give RGB, but ESRGAN takes {inputs} and gives {outputs} channels"
        )
    # Three layers for each enlargement by 2, five others.
    scale = 2 ** ((layers - 5) // 3) // fold
    plus = any(".conv1x1." in key for key in state)
    first = next(key for key in state if key.startswith("model.1.sub.0.RDB1.conv1.0.weight"))
    return {
        "scale": scale,
        "channels": channels,
        "blocks": count_blocks(state, "model.1.sub.") - 1,
        "growth": state[first].shape[0],
        "plus": plus,
        "fold": 0 if fold == _USUAL_FOLD.get(scale, 1) else fold,
    }


SPEC = NetworkSpec(
    name="rrdbnet",
    description="RRDBNet (ESRGAN, BSRGAN, Real-ESRGAN): heavy; 16.7 million parameters, wants a GPU to train",
    hyperparameters={
        "channels": whole_number(64, "width of the trunk"),
        "blocks": whole_number(23, "number of residual-in-residual blocks"),
        "growth": whole_number(_SPANDRELS_GROWTH, "channels that each convolution of a dense block adds"),
        "plus": switch(False, "ESRGAN+: one more residual in each dense block"),
        "fold": whole_number(
            0, "folds fold x fold pixels into channels first; 0: as Real-ESRGAN, 4 at x1, 2 at x2, else 1", least=0
        ),
        "dropout": number(0, "probability of dropping a channel before the last convolution", low=0, high=0.99),
    },
    scales=(1, 2, 3, 4, 8),
    build=build,
    recover=recover,
    convert=convert,
    publish=publish,
    parameters=16_697_987,
)
