"""Super-resolution networks: building them by name, their files, and restoring images in tiles."""

from degcraft.networks.deployable import deployable
from degcraft.networks.loaded import LoadedNetwork, Restored
from degcraft.networks.registry import NETWORKS, build_network, network_spec, parameter_count
from degcraft.networks.shipped import STARTS
from degcraft.networks.spec import NetworkSpec
from degcraft.networks.starts import resolve_start
from degcraft.networks.tiling import upscale
from degcraft.networks.weights import WEIGHT_SUFFIXES, load, load_network, save_network

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
    "network_spec",
    "parameter_count",
    "resolve_start",
    "save_network",
    "upscale",
]
