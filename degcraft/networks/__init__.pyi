from .building import build_network, parameter_count
from .deploying import deployable
from .loaded import LoadedNetwork, Restored
from .registry import NETWORKS, network_name, network_spec
from .shipped import STARTS
from .spec import NetworkSpec
from .starts import resolve_start
from .tiling import upscale
from .weights import WEIGHT_SUFFIXES, load, load_network, save_network

__all__ = [
    "NETWORKS",
    "STARTS",
    "WEIGHT_SUFFIXES",
    "LoadedNetwork",
    "NetworkSpec",
    "Restored",
    "build_network",
    "deployable",
    "load",
    "load_network",
    "network_name",
    "network_spec",
    "parameter_count",
    "resolve_start",
    "save_network",
    "upscale",
]
