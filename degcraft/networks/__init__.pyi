from .building import build_network, parameter_count
from .deploying import deployable
from .registry import NETWORKS, network_name, network_spec
from .shipped import STARTS
from .spec import NetworkSpec
from .starts import resolve_start
from .tiling import upscale
from .weights import WEIGHT_SUFFIXES, LoadedNetwork, load_network, save_network

__all__ = [
    "NETWORKS",
    "STARTS",
    "WEIGHT_SUFFIXES",
    "LoadedNetwork",
    "NetworkSpec",
    "build_network",
    "deployable",
    "load_network",
    "network_name",
    "network_spec",
    "parameter_count",
    "resolve_start",
    "save_network",
    "upscale",
]
