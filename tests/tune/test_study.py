"""Optuna's trials in a storage that its dashboard opens."""

from contextlib import closing
from pathlib import Path

import optuna
import pytest

from tests.tune.test_searcher import UNIFORM, craft_search, sitting, spec
from tests.tune.test_summary import BICUBIC, summary
from tracking import StateFile
from tune.state import SearchState
from tune.study import write_study

STATES = optuna.trial.TrialState


def test_it_is_written_anew_from_the_state(tmp_path: Path) -> None:
    searched, file = spec(weighting={"name": "eq4"}), tmp_path / "study" / "optuna.db"
    with closing(StateFile(tmp_path / "state.sqlite")) as kept:
        state = SearchState(kept)
        search = craft_search(searched, [UNIFORM], state)
        sitting(search, "row", {"score": 30.0, "step": 100})
        sitting(search, "a", {"score": 20.0, "step": 100})
        sitting(search, "b", error=True)
        search.suggest("c")
        for _ in range(2):
            write_study(file, craft_search(searched, [UNIFORM], state).study, summary(BICUBIC))
        study = optuna.load_study(study_name="s", storage=f"sqlite:///{file}")
        assert [trial.state for trial in study.trials] == [STATES.COMPLETE, STATES.FAIL], "one is not over"
        assert study.direction == optuna.study.StudyDirection.MAXIMIZE
        assert study.metric_names == ["psnr"]
        assert study.best_trial.params == {"alpha of eq4": pytest.approx(25.0)}
        assert study.best_trial.user_attrs == {"trial": "t001"}
        assert study.best_trial.intermediate_values == {100: 20.0}
        assert study.user_attrs == {"i bicubic": 24.0}, "the rows are no trials"
        sitting(search, "d", {"score": 25.0, "step": 100})
        write_study(file, craft_search(searched, [UNIFORM], state).study, summary(BICUBIC))
    assert optuna.load_study(study_name="s", storage=f"sqlite:///{file}").best_value == 25.0
    assert [path.name for path in file.parent.iterdir()] == ["optuna.db"]
