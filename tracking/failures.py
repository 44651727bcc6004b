"""Telling the failures that time mends from those that it does not."""

from enum import Enum

from degcraft.errors import NO_ROOM, DegcraftError


class Undeliverable(Exception):
    """An operation that no server could take: it names a run that does not exist, a file that is gone."""


class Verdict(Enum):
    """What a failed delivery says about the operation."""

    HOPELESS = "the operation itself is wrong, whatever the server"
    REFUSED = "the server refused it, if it is the right server and well"
    DENIED = "the server does not let us in"
    UNSURE = "the server is away, busy or ill, or the operation makes it so"


_REFUSED = {
    "INVALID_PARAMETER_VALUE",
    "BAD_REQUEST",
    "RESOURCE_ALREADY_EXISTS",
    "ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
    "NOT_FOUND",
    "ENDPOINT_NOT_FOUND",
    "NOT_IMPLEMENTED",
    "INVALID_STATE",
    "RESOURCE_CONFLICT",
}
_DENIED = {"PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED", "UNAUTHENTICATED"}


def judge(error: Exception) -> Verdict:
    """What an exception of MlflowClient, of requests or of ours means for the operation that met it."""
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_ROOM:
        return Verdict.UNSURE
    if isinstance(error, (Undeliverable, DegcraftError)):
        return Verdict.HOPELESS
    if isinstance(error, MlflowException):
        if error.error_code in _DENIED:
            return Verdict.DENIED
        return Verdict.REFUSED if error.error_code in _REFUSED else Verdict.UNSURE
    if isinstance(error, HTTPError) and error.response is not None:
        # Artifacts go over plain HTTP, without MLflow's error codes.
        status = error.response.status_code
        if status in (401, 403):
            return Verdict.DENIED
        return Verdict.REFUSED if 400 <= status < 500 and status not in (408, 425, 429) else Verdict.UNSURE
    if isinstance(error, OSError):
        return Verdict.UNSURE
    return Verdict.REFUSED


def is_missing(error: Exception) -> bool:
    """Whether the server said that the thing asked for does not exist."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


def already_there(error: Exception) -> bool:
    """Whether the server said that the thing to be made exists."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.error_code in (
        "RESOURCE_ALREADY_EXISTS",
        "ALREADY_EXISTS",
    )
