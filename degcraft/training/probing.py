"""Which arithmetic a training run uses: decided by the device and, on the CPU, by trying."""

from __future__ import annotations

import copy
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.training.plan import TrainingPlan
from degcraft.training.precision import Precision

# What a faster arithmetic must gain over a plainer one before it is worth its differences.
LEAST_GAIN = 1.1
# Relative difference from the float32 loss up to which bf16 counts as computing the same.
LOSS_TOLERANCE = 0.05
_TIMED_STEPS = 3
_SECONDS_PER_CANDIDATE = 0.4


def choose_precision(device: str | torch.device, network: nn.Module, plan: TrainingPlan) -> Precision:
    """Decide the arithmetic of a run.

    - `plan.precision` "float32": contiguous float32; "bf16": bf16 autocast with channels_last. Neither
      measures anything, so the same plan always computes the same.
    - auto on CUDA: bf16 with channels_last where the GPU computes in bf16, else contiguous float32.
    - auto on the CPU: one warm-up and up to three timed passes (forward and backward, no update) of a copy
      of the network on a batch of the plan's size in float32 contiguous, float32 channels_last and, where
      the processor has bf16 instructions, bf16 channels_last. A candidate replaces a plainer one if it is
      at least 1.1 times as fast, its gradients are finite, and its loss is within 5% of the float32 one. One
      that the network cannot compute in, as some transformers in channels_last or bf16, is left out.
    - auto elsewhere: contiguous float32.

    The network's weights, and every random generator, are left as they are.

    Args:
        device: where the run will train.
        network: float32, anywhere; the probe copies it.
        plan: gives the wish, the batch and the sizes.

    Raises:
        DegcraftError: if bf16 is wished for on a GPU that cannot compute in it.
    """
    device = torch.device(device)
    if plan.precision == "float32":
        return Precision(torch.float32, False, "as the plan says")
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        with torch.cuda.device(device):
            supported = torch.cuda.is_bf16_supported(including_emulation=False)
        if not supported and plan.precision == "bf16":
            raise DegcraftError(f"precision must be float32 or auto on {name}, which has no bf16, but got 'bf16'")
        if supported and plan.precision == "auto":
            return Precision(torch.bfloat16, True, f"{name} computes in bf16")
        if not supported:
            return Precision(torch.float32, False, f"{name} has no bf16")
    if plan.precision == "bf16":
        return Precision(torch.bfloat16, True, "as the plan says")
    if device.type != "cpu":
        return Precision(torch.float32, False, f"nothing else is tried on {device.type}")
    return _probe(network, plan)


def cpu_capability() -> str:
    """What the processor offers for training, such as "AVX512, bf16 by AMX" or "AVX2, no bf16"."""
    vectors = torch.backends.cpu.get_cpu_capability()
    return f"{vectors}, {'bf16 by ' + unit if (unit := _bf16_unit()) else 'no bf16'}"


def _bf16_unit() -> str:
    """The instructions that multiply in bf16, '' if there are none or they cannot be told."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return ""
    capabilities = torch.cpu.get_capabilities()
    units = {"amx_bf16": "AMX", "avx512_bf16": "AVX512", "bf16": platform.machine()}
    return next((unit for flag, unit in units.items() if capabilities.get(flag)), "")


@dataclass(frozen=True)
class _Trial:
    seconds: float
    loss: float
    finite: bool


def _probe(network: nn.Module, plan: TrainingPlan) -> Precision:
    candidates = [(torch.float32, False), (torch.float32, True)]
    if _bf16_unit():
        candidates.append((torch.bfloat16, True))
    generator = torch.Generator().manual_seed(plan.seed)
    try:
        lr = torch.rand(plan.batch, 3, plan.lr_patch, plan.lr_patch, generator=generator)
        hr = torch.rand(plan.batch, 3, plan.hr_patch, plan.hr_patch, generator=generator)
    except RuntimeError as error:
        raise DegcraftError(
            f"batch: {plan.batch} crops of {plan.hr_patch}x{plan.hr_patch} pixels do not fit into memory"
        ) from error

    chosen: Precision | None = None
    best = reference = _Trial(math.inf, math.nan, False)
    measured = []
    # Networks draw nothing in training, but one with dropout would.
    with torch.random.fork_rng(devices=[]):
        for dtype, channels_last in candidates:
            precision = Precision(dtype, channels_last, "")
            try:
                trial = _time_passes(network, precision, lr, hr, best.seconds)
            except (RuntimeError, NotImplementedError):
                if chosen is None:  # plain float32: then it is the network that is at fault
                    raise
                measured.append(f"{_words(precision)} not possible")
                continue
            measured.append(f"{_words(precision)} {1000 * trial.seconds:.0f} ms")
            if chosen is None:
                chosen, best, reference = precision, trial, trial
                continue
            same = abs(trial.loss - reference.loss) <= LOSS_TOLERANCE * abs(reference.loss)
            if trial.finite and same and trial.seconds * LEAST_GAIN <= best.seconds:
                chosen, best = precision, trial
    assert chosen is not None
    reason = f"measured per pass: {'; '.join(measured)}; {cpu_capability()}"
    return Precision(chosen.dtype, chosen.channels_last, reason)


def _words(precision: Precision) -> str:
    return str(precision).removesuffix(" ()")


def _time_passes(network: nn.Module, precision: Precision, lr: Tensor, hr: Tensor, to_beat: float) -> _Trial:
    """The fastest of a few passes; stops early where time runs out or the candidate is far behind."""
    model = copy.deepcopy(network).to("cpu").train()
    precision.arrange(model)
    step = _one_pass(model, precision, lr, hr)
    step(slice(0, 1))  # sets up what the first pass of a shape sets up, at a part of its cost
    # With one thread its own time is what it computed for: nothing else that the machine does counts then.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    fastest, spent = math.inf, 0.0
    loss = math.nan
    for _ in range(_TIMED_STEPS):
        start = clock()
        loss = step(slice(None))
        seconds = clock() - start
        fastest, spent = min(fastest, seconds), spent + seconds
        if spent > _SECONDS_PER_CANDIDATE or seconds > 2 * to_beat:
            break
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    finite = math.isfinite(loss) and all(bool(g.isfinite().all()) for g in gradients)
    return _Trial(fastest, loss, finite)


def _one_pass(model: nn.Module, precision: Precision, lr: Tensor, hr: Tensor) -> Callable[[slice], float]:
    lr = precision.arranged(lr)

    def run(part: slice) -> float:
        model.zero_grad(set_to_none=True)
        with precision.autocast(torch.device("cpu")):
            sr = model(lr[part])
        loss = F.l1_loss(sr.float(), hr[part])
        loss.backward()
        return loss.item()

    return run
