"""What `/v1/model` says, and the training distribution in words that a person reads at a glance."""

from dataclasses import asdict
from typing import Any

import numpy as np

from degcraft.degradation import Axis, DegradationSpace
from degcraft.errors import DegcraftError
from deploy.args import ServeArgs
from deploy.http.decoding import FORMATS
from deploy.messages import ModelInfo, Standing, public_name

_SHARE = 0.8


def described(standing: Standing, args: ServeArgs) -> dict[str, Any]:
    """The standing of a deployment as JSON."""
    model = standing.reports[0].serving if standing.reports else None
    return {
        "model": None if model is None else _model(model),
        "source": public_name(standing.source),
        "wanted": public_name(standing.wanted),
        "following": standing.following,
        "problem": standing.problem,
        "replicas": [{"replica": one.replica, "model": public_name(one.serving.uri)} for one in standing.reports],
        "limits": {
            "max_pixels": args.max_pixels,
            "max_side": args.max_side,
            "max_body_bytes": args.max_body_bytes,
            "timeout_s": args.timeout_s,
            "formats": [name.lower() for name in FORMATS],
        },
    }


def _model(model: ModelInfo) -> dict[str, Any]:
    return asdict(model) | {"uri": public_name(model.uri), "crafted_for": crafted_for(model.crafted)}


def crafted_for(crafted: dict[str, Any] | None) -> str | None:
    """A distribution in a line: of each axis, the fewest neighbouring bins that hold four fifths of the weight.

    None where nothing is known, or where it is not told by axes and weights.
    """
    try:
        space = DegradationSpace.from_list(crafted["axes"])  # type: ignore[index]
        weights = np.array(crafted["weights"], np.float64).reshape(space.shape)  # type: ignore[index]
    except (DegcraftError, KeyError, TypeError, ValueError):
        return None
    return ", ".join(_axis_in_words(axis, weights, place) for place, axis in enumerate(space.axes))


def _axis_in_words(axis: Axis, weights: np.ndarray, place: int) -> str:
    marginal = weights.sum(tuple(other for other in range(weights.ndim) if other != place))
    count = len(marginal)
    spans = ((last - first, first, last) for first in range(count) for last in range(first + 1, count + 1))
    enough = (span for span in spans if marginal[span[1] : span[2]].sum() >= _SHARE * marginal.sum())
    _, first, last = min(enough, key=lambda span: (span[0], -marginal[span[1] : span[2]].sum()))
    return f"{axis.parameter.label} {axis.span(first, last)}"
