"""What the tests of training train on."""

from collections.abc import Iterator

import numpy as np
import pytest
import skimage.data
import torch

from degcraft.images import HrPool


@pytest.fixture(scope="session")
def pool() -> HrPool:
    photographs = (skimage.data.astronaut(), skimage.data.coffee())
    return HrPool([np.ascontiguousarray(image[:256, :300].transpose(2, 0, 1)) for image in photographs])


@pytest.fixture
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
