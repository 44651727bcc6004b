"""Where a model comes from: an MLflow model or a weights file, pinned to one version, loaded without unpickling."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degcraft.degradation import CraftedDistribution
from degcraft.errors import DegcraftError
from degcraft.networks import load_network, parameter_count
from degcraft.networks.shipped import weights_file
from deploy.args import ServeArgs
from deploy.messages import ModelInfo, is_file
from deploy.model.restorer import Restorer
from tracking.models import load_sr_model, resolve_model
from tracking.quiet import MlflowSettings, muted_thread

CRAFTED_NAME = "crafted.json"
_LEFT_OUT = ("format", "distances", "provenance")


def first_version(args: ServeArgs) -> str:
    """The pinned version that a deployment begins with.

    Raises:
        DegcraftError: as `pin` does, or if it is to be followed and cannot move.
    """
    if args.follow and not args.model.startswith("models:/"):
        raise DegcraftError(f"follow: needs a registered model such as models:/name@champion, but got {args.model!r}")
    return pin(args.model, args.tracking_uri)


def pin(model: str, tracking_uri: str | None) -> str:
    """The one version that `model` names now: a pinned URI, or an absolute path.

    Raises:
        DegcraftError: there is no such model, start or file, or the store cannot be read.
    """
    if not is_file(model):
        return resolve_model(model, tracking_uri).uri
    return str(weights_file(model).absolute())


def load(pinned: str, device: str, tracking_uri: str | None, tile: int) -> Restorer:
    """The model that `pin` named, loaded and warm.

    What it was trained on is read from its metadata, or for a file from the `crafted.json` beside it.

    Raises:
        DegcraftError: it cannot be read, is no SR network, or does not restore; or the file beside it is damaged.
    """
    if is_file(pinned):
        network, origin = load_network(pinned, device), _Origin()
        beside = Path(pinned).with_name(CRAFTED_NAME)
        crafted = CraftedDistribution.load(beside).to_dict() if beside.is_file() else None
    else:
        network, origin = load_sr_model(pinned, device, tracking_uri=tracking_uri), _origin(pinned, tracking_uri)
        crafted = None
    info = ModelInfo(
        uri=pinned,
        name=origin.name,
        version=origin.version,
        run_id=origin.run_id,
        network=network.name,
        scale=network.scale,
        parameters=parameter_count(network.model),
        device=device,
        crafted=_public(_written(network.metadata) or crafted),
    )
    return Restorer(network, info, tile)


@dataclass(frozen=True)
class _Origin:
    """What the registry knows of a model: its name and version there, and the run that trained it."""

    name: str | None = None
    version: str | None = None
    run_id: str | None = None


def _origin(pinned: str, tracking_uri: str | None) -> _Origin:
    from mlflow import MlflowClient

    first, _, second = pinned.removeprefix("models:/").partition("/")
    with MlflowSettings(), muted_thread():
        client = MlflowClient(tracking_uri=resolve_model(pinned, tracking_uri).tracking_uri)
        if second:
            return _Origin(first, second, client.get_model_version(first, second).run_id or None)
        return _Origin(run_id=client.get_logged_model(first).source_run_id or None)


def _written(metadata: dict[str, str]) -> dict[str, Any] | None:
    """The training distribution as a weights file has it."""
    try:
        crafted = json.loads(metadata["crafted"])
    except (KeyError, ValueError):
        return None
    return crafted if isinstance(crafted, dict) else None


def _public(crafted: dict[str, Any] | None) -> dict[str, Any] | None:
    """A distribution without what only its maker needs."""
    return None if crafted is None else {key: value for key, value in crafted.items() if key not in _LEFT_OUT}
