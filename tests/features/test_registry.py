"""Choosing an extractor by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, available, make_extractor


def test_the_registry_has_degcrafts_own_extractors_the_papers_and_the_light_ones() -> None:
    assert list(EXTRACTORS) == [
        "degnet",
        "dasr",
        "alexnet",
        "vgg19-conv2_2",
        "vgg19-conv5_4",
        "squeezenet",
        "alexnet-minc",
        "alexnet-random",
    ]
    assert {name for name, spec in EXTRACTORS.items() if spec.weights_file is None} == {"alexnet-random"}


def test_unknown_names_layers_and_devices_are_refused_with_what_there_is() -> None:
    with pytest.raises(DegcraftError, match=r"must be one of degnet, dasr, .*, alexnet-random, but got 'resnet'"):
        make_extractor("resnet")
    with pytest.raises(DegcraftError, match="but got 'resnet'"):
        available("resnet")
    with pytest.raises(DegcraftError, match="layer must be one of relu1, relu2, relu3, relu4, relu5, but got 'fire5'"):
        make_extractor("alexnet-random", layer="fire5")
    with pytest.raises(DegcraftError, match="device: must be auto, cpu, cuda, cuda:1 …, mps or xpu, but got 'tpu9'"):
        make_extractor("alexnet-random", device="tpu9")
    with pytest.raises(DegcraftError, match="but cuda:97 is not"):
        make_extractor("alexnet-random").to("cuda:97")


def test_a_random_extractor_is_always_available_and_takes_no_file(tmp_path: Path) -> None:
    assert available("alexnet-random") is None
    reason = available("alexnet-random", tmp_path / "some.pth")
    assert reason is not None
    with pytest.raises(DegcraftError, match="reads no file, but got"):
        make_extractor("alexnet-random", weights_file=tmp_path / "some.pth")


def test_names_are_known_without_importing_torchvision() -> None:
    code = "import sys, degcraft.features, degcraft.metrics, degcraft.matching; print('torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
