"""What a search's folder holds, when it can be started in, and what it says when that is damaged."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from degcraft.errors import DegcraftError
from degcraft.images import write_image
from tests.damage import DAMAGES
from tests.tune.searches import MakeSearch, SearchFolder
from tracking import StateFile
from tune.checkpoints import drop_checkpoints, kept_checkpoints
from tune.config import TrialConfig
from tune.folder import SearchFolder as Folder
from tune.outcome import outcome_of
from tune.search import run_search
from tune.sittings import begin
from tune.spec_file import load_spec
from tune.state import SearchState
from tune.trial_pictures import read_npz

UNIFORM = TrialConfig("uniform", {"name": "srresnet"}, {"learning_rate": 2e-4})


def started(search: SearchFolder) -> SearchFolder:
    spec = load_spec(search.root / "search.yaml")
    begin(spec, Folder(spec.output))
    return search


def test_what_happened_is_known_in_the_next_sitting(make_search: MakeSearch) -> None:
    search = started(make_search())
    spec = load_spec(search.root / "search.yaml")
    with closing(StateFile(search.output / "state.sqlite")) as file:
        state = SearchState(file)
        first, second = state.propose(UNIFORM, None), state.propose(UNIFORM, {"width": 0.3})
        assert state.report(first, {"step": 4, "score": 25.0})
        assert state.report(first, {"step": 8, "score": float("nan"), "images": []})
        assert not state.report(first, {"step": 4, "score": 24.0}), "it is known already"
        state.mark(first, finished=True)
        state.end(outcome_of(first, UNIFORM.to_dict(), state.last(first), None, spec))
    with closing(StateFile(search.output / "state.sqlite")) as file:
        known = SearchState(file)
    assert list(known.trials) == [first, second] == ["t000", "t001"]
    assert known.trials[second].asked == {"width": 0.3}
    assert known.scores(first) == {4: 25.0}
    assert known.last(first)["step"] == 8
    assert known.last(second) == {}
    assert known.ends.keys() == {first}
    assert known.ends[first].config == UNIFORM
    assert known.opened == {first: True}
    assert known.notes["id"] == state.notes["id"]


@pytest.mark.slow
def test_a_start_that_fails_on_bad_input_leaves_nothing(make_search: MakeSearch, tmp_path: Path) -> None:
    search = make_search(references=str(tmp_path / "small"), synthetic=None)
    write_image(tmp_path / "small" / "a.png", torch.zeros(3, 8, 8))
    spec = load_spec(search.root / "search.yaml")
    with pytest.raises(DegcraftError):
        run_search(spec, resume=False, address=None, console=Console(quiet=True))
    assert not search.output.exists()
    search.output.mkdir()
    (search.output / "mine.txt").write_text("kept")
    with pytest.raises(DegcraftError):
        run_search(spec, resume=False, address=None, console=Console(quiet=True))
    assert [path.name for path in search.output.iterdir()] == ["mine.txt"]


def test_of_two_starts_at_once_the_second_is_refused(make_search: MakeSearch) -> None:
    search = started(make_search())
    spec = load_spec(search.root / "search.yaml")
    with pytest.raises(DegcraftError, match="at the same time"):
        begin(spec, Folder(spec.output))
    with closing(StateFile(search.output / "state.sqlite")):
        assert "only one process at a time" in search.refusal("--resume")
        assert "add --resume" in search.refusal()


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:100], lambda content: b"\xff" * 9000])
def test_a_damaged_state_is_said_in_a_line(make_search: MakeSearch, damage: Callable[[bytes], bytes]) -> None:
    search = started(make_search())
    file = search.output / "state.sqlite"
    file.write_bytes(damage(file.read_bytes()))
    assert "state.sqlite" in search.refusal("--resume")


@pytest.mark.parametrize("damage", DAMAGES.values())
def test_damaged_pictures_are_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, np.zeros((3, 40, 40), dtype=np.uint8))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DegcraftError, match=r"samples\.npz: is damaged"):
        read_npz(file)


def test_other_images_under_the_same_names_are_refused(make_search: MakeSearch) -> None:
    search = started(make_search())
    with closing(StateFile(search.output / "state.sqlite")) as file:
        SearchState(file).check_content({"fit": "a", "crops": "b"})
        SearchState(file).check_content({"crops": "b", "fit": "a"})
        with pytest.raises(DegcraftError, match="the search was started with, but the content of fit is another"):
            SearchState(file).check_content({"fit": "c", "crops": "b"})


def test_checkpoints_of_a_trial_come_newest_first_and_can_be_dropped(tmp_path: Path) -> None:
    for name in (
        "t001.1/checkpoint_000009",
        "t001.2/checkpoint_000000",
        "t001.2/checkpoint_000001",
        "t0010.1/checkpoint_0",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "t001.2" / "result.json").write_text("{}")
    found = [Path(checkpoint.path).relative_to(tmp_path) for checkpoint in kept_checkpoints(str(tmp_path), "t001")]
    assert [str(path) for path in found] == [
        "t001.2/checkpoint_000001",
        "t001.2/checkpoint_000000",
        "t001.1/checkpoint_000009",
    ]
    drop_checkpoints(str(tmp_path), "t001")
    assert kept_checkpoints(str(tmp_path), "t001") == []
    assert len(kept_checkpoints(str(tmp_path), "t0010")) == 1
    assert kept_checkpoints(str(tmp_path / "none"), "t001") == []
