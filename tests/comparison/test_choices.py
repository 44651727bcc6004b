"""From a text to extractors, and nothing left out in silence."""

from pathlib import Path

import pytest

from degcraft.comparison import Choice, make_choices, parse_choices
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS


def test_names_layers_and_all_layers() -> None:
    assert parse_choices("alexnet-random, squeezenet:fire3") == (
        Choice("alexnet-random", EXTRACTORS["alexnet-random"].default_layer),
        Choice("squeezenet", "fire3"),
    )
    assert [choice.layer for choice in parse_choices("squeezenet:*")] == list(EXTRACTORS["squeezenet"].layers)
    assert str(Choice("squeezenet", "fire3")) == "squeezenet:fire3"


def test_without_a_text_it_is_the_whole_registry() -> None:
    assert [choice.name for choice in parse_choices(None)] == list(EXTRACTORS)


def test_what_is_named_twice_is_taken_once() -> None:
    assert parse_choices("squeezenet:fire3,squeezenet:fire3") == (Choice("squeezenet", "fire3"),)
    assert len(parse_choices("squeezenet,squeezenet:*")) == len(EXTRACTORS["squeezenet"].layers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet", "extractor must be one of .*, but got 'resnet'"),
        ("squeezenet:fire99", r"layer must be one of relu1, .* or \*, but got 'fire99'"),
        (" , ", "extractors must name at least one"),
    ],
)
def test_what_does_not_exist_is_refused(text: str, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        parse_choices(text)


def test_an_extractor_that_cannot_be_had_is_named_with_the_reason(tmp_path: Path) -> None:
    damaged = tmp_path / "squeezenet1_1.safetensors"
    damaged.write_bytes(b"not a header")
    choices = parse_choices("squeezenet,alexnet-random:relu1")
    made, missing = make_choices(choices, weights_files={"squeezenet": damaged})
    assert [str(choice) for choice in made] == ["alexnet-random:relu1"]
    assert made[choices[1]].layer == "relu1"
    assert "is not a readable safetensors file" in missing[choices[0]]


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"none of the 9 extractors can be had; the first: .*gone\.pth does not"):
        make_choices(parse_choices("squeezenet:*"), weights_files={"squeezenet": tmp_path / "gone.pth"})


def test_a_weights_file_for_another_extractor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="given for alexnet, which is not among"):
        make_choices(parse_choices("squeezenet"), weights_files={"alexnet": tmp_path / "a.pth"})
