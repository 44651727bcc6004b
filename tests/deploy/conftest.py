"""A tiny network, and the HTTP interface over it in this process."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degcraft.networks import build_network, save_network
from deploy.args import ServeArgs
from deploy.model import source
from deploy.model.restorer import Restorer
from tests.deploy.servers import InProcess, listening

SCALE = 2
SIZES = {"channels": 8, "blocks": 1}


def save_tiny(path: Path, seed: int = 0) -> Path:
    """Save a small SRResNet ×2."""
    save_network(
        path, build_network("srresnet", scale=SCALE, seed=seed, **SIZES), name="srresnet", hyperparameters=SIZES
    )
    return path


@pytest.fixture(scope="session")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SRResNet ×2."""
    return save_tiny(tmp_path_factory.mktemp("network") / "tiny.safetensors")


@pytest.fixture(scope="session")
def restorer(network_file: Path) -> Restorer:
    """The small network at work on the CPU, in tiles of 64."""
    return source.load(str(network_file), "cpu", None, tile=64)


@pytest.fixture
def backend(restorer: Restorer) -> InProcess:
    """What restores, in this process."""
    return InProcess(restorer)


@pytest.fixture
def args() -> ServeArgs:
    """Limits that a test reaches quickly."""
    return ServeArgs(max_pixels=250_000, max_body_bytes=1_000_000, queue=6, timeout_s=30)


@pytest.fixture
def server(args: ServeArgs, backend: InProcess) -> Iterator[str]:
    """The address of the interface."""
    with listening(args, backend) as address:
        yield address


@pytest.fixture(scope="session")
def photograph(photographs: Path) -> np.ndarray:
    """(160, 160, 3) uint8."""
    return np.asarray(Image.open(photographs / "others" / "chelsea-0.png").convert("RGB"))


@pytest.fixture(scope="session")
def png(photograph: np.ndarray) -> bytes:
    """The photograph as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(photograph).save(stream, "PNG")
    return stream.getvalue()
