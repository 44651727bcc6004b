"""Super-resolution networks: building them by name, their files, and restoring images in tiles."""

from degcraft.networks.registry import NETWORKS, build_network, network_spec, parameter_count
from degcraft.networks.rrdbnet import RRDBNet
from degcraft.networks.spec import NetworkSpec
from degcraft.networks.srresnet import SRResNet
from degcraft.networks.tiling import upscale
from degcraft.networks.weights import WEIGHT_SUFFIXES, LoadedNetwork, load_network, save_network

__all__ = [
    "NETWORKS",
    "WEIGHT_SUFFIXES",
    "LoadedNetwork",
    "NetworkSpec",
    "RRDBNet",
    "SRResNet",
    "build_network",
    "load_network",
    "network_spec",
    "parameter_count",
    "save_network",
    "upscale",
]
