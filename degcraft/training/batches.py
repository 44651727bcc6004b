"""Crops of clean images, degraded on the fly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from degcraft.degradation import DegradationSource
from degcraft.images import HrPool
from degcraft.training.objective import Batches
from degcraft.training.plan import TrainingPlan
from degcraft.training.restoration import LrHr


class DegradedCrops(Batches[LrHr]):
    """Random crops of a pool and what a degradation source makes of them, on the training device."""

    def __init__(self, pool: HrPool, source: DegradationSource, plan: TrainingPlan, device: torch.device) -> None:
        self._pool = pool
        self._source = source
        self._plan = plan
        self._device = device
        crop_seed, degrade_seed = np.random.SeedSequence(plan.seed).generate_state(2, np.uint64) >> np.uint64(1)
        self._crops = torch.Generator().manual_seed(int(crop_seed))
        self._degrading = torch.Generator(device).manual_seed(int(degrade_seed))
        # Crops that were cut ahead, with the state that their generator had before.
        self._ahead: tuple[Tensor, Tensor] | None = None

    def take(self, step: int) -> LrHr:
        """See `Batches.take`."""
        crops = self._ahead[1] if self._ahead is not None else self._cut()
        self._ahead = None
        hr = crops.to(self._device, non_blocking=True)
        with torch.no_grad():
            lr, _ = self._source.degrade(hr, self._plan.scale, self._degrading)
        return lr, hr

    def ahead(self, step: int) -> None:
        """See `Batches.ahead`; the CPU has no time of its own while it trains."""
        if self._device.type == "cpu":
            return
        before = self._crops.get_state()
        crops = self._cut()
        self._ahead = before, crops.pin_memory() if self._device.type == "cuda" else crops

    def _cut(self) -> Tensor:
        return self._pool.crop_batch(self._plan.batch, self._plan.hr_patch, self._crops)

    def state_dict(self) -> dict[str, Any]:
        """See `Batches.state_dict`: of crops that were cut but not used, as if they had not been."""
        crops = self._crops.get_state() if self._ahead is None else self._ahead[0]
        return {"crops": crops, "degrading": self._degrading.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Batches.load_state_dict`."""
        self._ahead = None
        self._crops.set_state(state["crops"])
        self._degrading.set_state(state["degrading"])
