"""Which version of a registered model an alias points at: the list to choose from, and the choice."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from degcraft.errors import DegcraftError, in_short
from tracking.failures import is_missing
from tracking.quiet import MlflowSettings, muted_thread
from tracking.runs import TRIAL_TAG
from tracking.store import existing_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

HELD_OUT_TAG = "held_out"
"""Of a search and of a version: what its scores are of, `ground truth` or `proxy`."""

_OWN = "degcraft."


class NoSuchModel(DegcraftError):
    """There is no registered model of the name."""


@dataclass(frozen=True)
class Version:
    """A version of a registered model."""

    number: int
    aliases: tuple[str, ...]
    made: datetime
    """When it was registered, in this machine's time."""
    scores: Mapping[str, float]
    """What its search measured, by the metric's name."""
    trial: str
    """The trial of the search that trained it; empty if it was no search."""
    run_id: str
    held_out: str = ""
    """What the scores are of, `ground truth` or `proxy`; empty if that was not kept."""


def list_versions(name: str, tracking_uri: str | None = None) -> list[Version]:
    """The versions of a registered model, newest first.

    Parameters
    ----------
    name
        Of the registered model.
    tracking_uri
        The store; None: MLFLOW_TRACKING_URI.

    Raises
    ------
    NoSuchModel
        There is no such model.
    DegcraftError
        The store cannot be read.
    """
    with _client(name, tracking_uri) as client:
        aliases = client.get_registered_model(name).aliases
        found = list(client.search_model_versions(f"name = '{name}'", max_results=1000))
    versions = [
        Version(
            number=int(one.version),
            aliases=tuple(sorted(alias for alias, number in aliases.items() if str(number) == str(one.version))),
            made=datetime.fromtimestamp(one.creation_timestamp / 1000).astimezone(),
            scores=_numbers(one.tags),
            trial=one.tags.get(TRIAL_TAG, ""),
            run_id=one.run_id or "",
            held_out=one.tags.get(HELD_OUT_TAG, ""),
        )
        for one in found
    ]
    return sorted(versions, key=lambda version: -version.number)


def choose_version(name: str, alias: str, number: int, tracking_uri: str | None = None) -> int | None:
    """Point an alias at a version; returns the one it pointed at before, or None.

    The parameters and errors are those of `list_versions`; a version that is not there is one more error.
    """
    with _client(name, tracking_uri) as client:
        before = client.get_registered_model(name).aliases.get(alias)
        try:
            client.get_model_version(name, str(number))
        except Exception as error:
            if not is_missing(error):
                raise
            raise DegcraftError(f"model {name}: has no version {number}") from None
        client.set_registered_model_alias(name, alias, str(number))
    return None if before is None else int(before)


@contextmanager
def _client(name: str, tracking_uri: str | None) -> "Iterator[MlflowClient]":
    store_uri = existing_store(f"model {name}", tracking_uri)
    from mlflow import MlflowClient

    with MlflowSettings(), muted_thread():
        try:
            yield MlflowClient(tracking_uri=store_uri)
        except DegcraftError:
            raise
        except Exception as error:
            if is_missing(error):
                raise NoSuchModel(f"model {name}: there is no registered model of this name") from None
            raise DegcraftError(f"model {name}: the store refuses ({in_short(error)})") from error


def _numbers(tags: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for key, value in tags.items():
        try:
            found[key] = float(value)
        except ValueError:
            continue
    return {key: value for key, value in found.items() if not key.startswith(_OWN)}
