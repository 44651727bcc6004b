"""MLflow: runs, artifacts, models and the registry.

Importing this package does not import mlflow, which takes seconds; its functions do when they need it.
"""

from tracking.models import ModelAddress, load_sr_model, log_network, resolve_model
from tracking.provenance import describe_environment
from tracking.recorder import Recorder
from tracking.runs import PARENT
from tracking.state import StateFile
from tracking.store import Store, resolve_store

__all__ = [
    "PARENT",
    "ModelAddress",
    "Recorder",
    "StateFile",
    "Store",
    "describe_environment",
    "load_sr_model",
    "log_network",
    "resolve_model",
    "resolve_store",
]
