"""The arithmetic is chosen by the device and by measuring, and choosing leaves no trace."""

import copy
import json
import math
import time
from collections.abc import Callable

import numpy as np
import pytest
import spandrel
import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError
from degcraft.networks import build_network
from degcraft.training import Precision, TrainingPlan, choose_precision, cpu_capability
from degcraft.training import probing as module

AUTO = TrainingPlan(steps=10, batch=2, lr_patch=8)
CANDIDATES = {
    "float32": (torch.float32, False),
    "float32 last": (torch.float32, True),
    "bf16 last": (torch.bfloat16, True),
}


def small() -> nn.Module:
    return build_network("srresnet", channels=8, blocks=1)


@pytest.mark.parametrize(("wish", "dtype", "last"), [("float32", torch.float32, False), ("bf16", torch.bfloat16, True)])
def test_a_wish_is_taken_without_measuring(
    monkeypatch: pytest.MonkeyPatch, wish: str, dtype: torch.dtype, last: bool
) -> None:
    monkeypatch.setattr(module, "_probe", lambda *_: pytest.fail("must not measure"))
    plan = TrainingPlan(steps=10, precision=wish)
    assert choose_precision("cpu", small(), plan) == Precision(dtype, last, "as the plan says")


def test_the_probe_changes_no_weights_and_no_random_state() -> None:
    class WithDropout(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = small()

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.dropout(self.network(x), 0.5, self.training)

    network = WithDropout().train()
    before = copy.deepcopy(network.state_dict())
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002

    chosen = choose_precision("cpu", network, AUTO)

    assert "float32, contiguous" in chosen.reason
    assert "float32, channels last" in chosen.reason
    assert cpu_capability() in chosen.reason
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])
        assert value.is_contiguous()
    assert all(parameter.grad is None for parameter in network.parameters())


def measured_as(results: dict[str, tuple[float, float, bool]]) -> Callable[..., module._Trial]:
    """Stands in for the stopwatch: candidate → seconds, loss, whether the gradients are finite."""

    def time_passes(_network: nn.Module, precision: Precision, *_: object) -> module._Trial:
        for name, candidate in CANDIDATES.items():
            if candidate == (precision.dtype, precision.channels_last):
                return module._Trial(*results[name])
        raise AssertionError(precision)

    return time_passes


@pytest.mark.parametrize(
    ("plain", "last", "bf16", "winner"),
    [
        ((1.0, 0.5, True), (0.8, 0.5, True), (0.3, 0.51, True), "bf16 last"),
        ((1.0, 0.5, True), (0.8, 0.5, True), (0.79, 0.51, True), "float32 last"),
        ((1.0, 0.5, True), (0.95, 0.5, True), (0.94, 0.51, True), "float32"),
        ((1.0, 0.5, True), (0.8, 0.5, True), (0.3, 0.6, True), "float32 last"),
        ((1.0, 0.5, True), (0.8, 0.5, True), (0.3, 0.5, False), "float32 last"),
        ((1.0, 0.5, True), (2.0, 0.5, True), (0.3, math.nan, True), "float32"),
    ],
    ids=["faster", "no gain over the last", "no gain", "another loss", "infinite gradients", "loss not a number"],
)
def test_the_fastest_that_computes_the_same_wins(
    monkeypatch: pytest.MonkeyPatch,
    plain: tuple[float, float, bool],
    last: tuple[float, float, bool],
    bf16: tuple[float, float, bool],
    winner: str,
) -> None:
    results = dict(zip(CANDIDATES, (plain, last, bf16), strict=True))
    monkeypatch.setattr(module, "_time_passes", measured_as(results))
    monkeypatch.setattr(module, "_bf16_unit", lambda: "AMX")
    chosen = choose_precision("cpu", small(), AUTO)
    assert (chosen.dtype, chosen.channels_last) == CANDIDATES[winner]
    assert f"{1000 * bf16[0]:.0f} ms" in chosen.reason


def test_bf16_is_not_tried_without_its_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def time_passes(_network: nn.Module, precision: Precision, *_: object) -> module._Trial:
        tried.append(precision.dtype)
        return module._Trial(1.0, 0.5, True)

    monkeypatch.setattr(module, "_time_passes", time_passes)
    monkeypatch.setattr(module, "_bf16_unit", lambda: "")
    choose_precision("cpu", small(), AUTO)
    assert tried == [torch.float32, torch.float32]
    assert cpu_capability().endswith("no bf16")


def test_passes_are_few_and_end_when_far_behind() -> None:
    class Counting(nn.Module):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            Counting.calls += 1
            return x.repeat_interleave(4, 2).repeat_interleave(4, 3) * self.gain

    lr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32)
    plain = Precision(torch.float32, False, "")
    trial = module._time_passes(Counting(), plain, lr, hr, math.inf)
    assert 2 <= Counting.calls <= 4
    assert trial.loss == pytest.approx((lr.repeat_interleave(4, 2).repeat_interleave(4, 3) - hr).abs().mean().item())

    Counting.calls = 0
    module._time_passes(Counting(), plain, lr, hr, 1e-9)
    assert Counting.calls == 2


@pytest.mark.parametrize("supported", [True, False])
def test_cuda_is_decided_by_what_the_gpu_supports(monkeypatch: pytest.MonkeyPatch, supported: bool) -> None:
    class Nothing:
        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    monkeypatch.setattr(torch.cuda, "device", Nothing)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    monkeypatch.setattr(module, "_probe", lambda *_: pytest.fail("must not measure"))

    chosen = choose_precision("cuda", small(), AUTO)
    assert (chosen.dtype, chosen.channels_last) == CANDIDATES["bf16 last" if supported else "float32"]
    assert "Some GPU" in chosen.reason

    wish = TrainingPlan(steps=1, precision="bf16")
    if supported:
        assert choose_precision("cuda", small(), wish).dtype == torch.bfloat16
    else:
        with pytest.raises(DegcraftError, match="must be float32 or auto on Some GPU, which has no bf16"):
            choose_precision("cuda", small(), wish)


def test_other_devices_get_plain_float32() -> None:
    chosen = choose_precision("mps", small(), AUTO)
    assert (chosen.dtype, chosen.channels_last) == CANDIDATES["float32"]


def test_is_stated_in_words() -> None:
    assert str(Precision(torch.bfloat16, True, "so")) == "bf16, channels last (so)"
    assert str(Precision(torch.float32, False, "so")) == "float32, contiguous (so)"


def test_survives_json_and_refuses_anything_else() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        choice = Precision(dtype, True, "measured")
        assert Precision.from_dict(json.loads(json.dumps(choice.to_dict()))) == choice
    with pytest.raises(DegcraftError, match="precision must have dtype"):
        Precision.from_dict({"dtype": "fp8", "channels_last": True, "reason": ""})


def test_a_batch_beyond_all_memory_is_refused() -> None:
    with pytest.raises(DegcraftError, match="batch: 1000000000000 crops of 32x32 pixels do not fit into memory"):
        choose_precision("cpu", small(), TrainingPlan(steps=10, batch=10**12, lr_patch=8))


def test_an_arithmetic_that_the_network_cannot_do_is_left_out() -> None:
    class Viewing(nn.Module):
        """Takes images apart as windowed transformers do, which needs them contiguous."""

        def __init__(self) -> None:
            super().__init__()
            self.network = small()

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x.view(len(x), -1).view_as(x))

    chosen = choose_precision("cpu", Viewing(), AUTO)
    assert (chosen.dtype, chosen.channels_last) == (torch.float32, False)
    assert "float32, channels last not possible" in chosen.reason

    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("sizes do not match")

    with pytest.raises(RuntimeError, match="sizes do not match"):
        choose_precision("cpu", Broken(), AUTO)


@pytest.mark.parametrize("name", ["SPAN", "SwinIR"])
def test_any_network_can_be_probed(name: str) -> None:
    networks = {
        "SPAN": lambda: spandrel.architectures.SPAN.SPAN(feature_channels=4, num_in_ch=3, num_out_ch=3, upscale=4),
        "SwinIR": lambda: spandrel.architectures.SwinIR.SwinIR(
            img_size=8, window_size=8, embed_dim=6, depths=[1], num_heads=[1], upscale=4, upsampler="pixelshuffle"
        ),
    }
    assert "float32, contiguous" in choose_precision("cpu", networks[name](), AUTO).reason


@pytest.mark.usefixtures("_one_thread")
def test_on_one_thread_what_else_the_machine_does_is_not_counted() -> None:
    class Kept(nn.Module):
        """Waits for its turn, as on a busy machine."""

        def __init__(self) -> None:
            super().__init__()
            self.network = small()

        def forward(self, x: Tensor) -> Tensor:
            time.sleep(0.3)
            return self.network(x)

    lr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32)
    assert module._time_passes(Kept(), Precision(torch.float32, False, ""), lr, hr, math.inf).seconds < 0.3
