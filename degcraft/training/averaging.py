"""The averaged weights that a run is judged and saved by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged_model(network: nn.Module, decay: float) -> AveragedModel:
    """torch's exponential moving average of a network's weights, corrected for short runs.

    The first update takes over the weights. At update t = 2, 3, …: average ← d·average + (1 − d)·weights with
    d = min(decay, (1 + t) / (10 + t)). A fixed 0.999 would still hold two thirds of the first weights after 400
    steps. So corrected, the average spans about the last tenth of the steps until that is longer than
    1/(1 − decay), which for 0.999 is after 9000 steps. Buffers are not averaged but those of the latest update.

    Args:
        network: Copied as it is, with its device and layout; `.update_parameters(network)` follows it.
        decay: in [0, 1); 0 makes the average equal to the latest weights.
    """

    def blend(average: Sequence[Tensor], latest: Sequence[Tensor], _: Any) -> None:
        # The count of the model itself and not the one passed here: that one was moved to the weights' device,
        # and reading it back would wait for a GPU at every step.
        t = int(model.n_averaged) + 1
        get_ema_multi_avg_fn(min(decay, (1 + t) / (10 + t)))(average, latest, None)

    model = AveragedModel(network, multi_avg_fn=blend)
    return model
