"""What Optuna is asked and told: the trials that come before its own, and the mends it needs."""

import copy
import itertools
import math
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import optuna
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from ray.tune.search import Searcher

from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.search_space import SearchSpace, crafted_trials
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.trial import report_steps

SAME_AGAIN = 10
"""Times that TPE may propose what there was before; after that it is drawn at random until it is something else."""

RANDOM_SHARE = 0.25
"""Of the budget at most, before TPE models what it has seen; its own default of 10 is most of a small search."""


class ListedSearch(Searcher):
    """Proposes the configurations of a list, by the trials' keys, one after another."""

    def __init__(self, listed: Mapping[str, TrialConfig]) -> None:
        super().__init__(metric="score", mode="max")
        self._left = [config.to_dict() | {"key": key} for key, config in listed.items()]

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        # Ray types the word for "no more" as a configuration.
        return self._left.pop(0) if self._left else cast("dict[str, Any]", Searcher.FINISHED)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing is learnt from a result."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: what is left is asked of the search's folder."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called."""


class CraftSearch(Searcher):
    """Optuna's TPE, after the rows that are not Optuna's: bicubic, the start, the baselines, the upper bound.

    Everything that was proposed and came of it is in the search's state, and what is proposed next follows from that,
    the seed and the trial's number: a resumed search goes on as one that was never interrupted. A trial stopped early
    is told PRUNED, as a score of fewer steps would mislead TPE, and one without a score FAIL.

    Args:
        spec: The search.
        architectures: Its networks.
        rows: What comes before Optuna's trials.
        state: What was proposed before, and how it ended; told what is proposed now.
    """

    def __init__(
        self, spec: SearchSpec, architectures: Architectures, rows: list[TrialConfig], state: SearchState
    ) -> None:
        super().__init__(metric="score", mode="max" if spec.higher_is_better else "min")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._spec, self._rows, self._state = spec, rows, state
        self._space = SearchSpace(spec, architectures)
        self._trials = crafted_trials(spec, architectures)
        self.study = optuna.create_study(
            direction="maximize" if spec.higher_is_better else "minimize", sampler=self._sampler(0)
        )
        self._asked: dict[str, optuna.Trial] = {}
        """Optuna's trials that are not over, by key."""
        self._keys: dict[str, str] = {}
        """Of the trials that Ray runs, by its own ids."""
        for key, trial in state.trials.items():
            if trial.asked is not None:
                self._remember(key, trial.asked)
        # Those that were asked before came in this order.
        for point in self._space.first()[len(self.study.trials) :]:
            self.study.enqueue_trial(point)
        self._again = [key for key in state.trials if key not in state.ends]

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray Tune pickles it into a snapshot that is never read."""
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        key = self._again.pop(0) if self._again else self._new()
        if key is None:
            return cast("dict[str, Any]", Searcher.FINISHED)
        self._keys[trial_id] = key
        return self._state.trials[key].config.to_dict() | {"key": key}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Optuna is told the scores of a trial with its end."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        key, known = self._keys[trial_id], result or {}
        if (trial := self._asked.pop(key, None)) is None:
            return
        scores = self._state.scores(key)
        if math.isfinite(known.get("score", math.nan)):
            scores[int(known["step"])] = known["score"]
        for step, score in sorted(scores.items()):
            trial.report(score, step)
        state, value = self._told(scores, failed=error or not math.isfinite(known.get("score", math.nan)))
        self.study.tell(trial, value if state is optuna.trial.TrialState.COMPLETE else None, state=state)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: it is in the search's state."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called."""

    def _new(self) -> str | None:
        """The key of one more trial; None if there are enough."""
        number = len(self._state.trials)
        if number < len(self._rows):
            return self._state.propose(self._rows[number], None)
        if number >= len(self._rows) + self._trials:
            return None
        known = [trial.config for trial in self._state.trials.values()]
        # Sampled by a sampler of its own: what was drawn before need not be drawn again to draw the same.
        self.study.sampler = self._sampler(number)
        for attempt in itertools.count():
            trial = self.study.ask()
            config = TrialConfig.of(self._space(trial))
            if config not in known:
                break
            # Trained again it would be the same again, to the bit. Optuna does not learn of what failed.
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if attempt == SAME_AGAIN:
                self.study.sampler = optuna.samplers.RandomSampler(seed=self._seed(number))
        key = self._state.propose(config, trial.params)
        self._asked[key] = trial
        return key

    def _remember(self, key: str, asked: Mapping[str, Any]) -> None:
        """Tell Optuna of a trial of an earlier sitting."""
        fixed = optuna.trial.FixedTrial(dict(asked))
        self._space(fixed)
        scores, end = self._state.scores(key), self._state.ends.get(key)
        state, value = optuna.trial.TrialState.RUNNING, None
        if end is not None:
            state, value = self._told(scores, failed=end.status == "failed" or not scores)
        known = optuna.trial.create_trial(
            state=state, value=value, params=dict(asked), distributions=fixed.distributions,
            intermediate_values={} if end is None else scores, user_attrs={"trial": key},
        )  # fmt: skip
        self.study.add_trial(known)
        if end is None:
            number = self.study.get_trials(deepcopy=False)[-1]._trial_id
            self._asked[key] = optuna.Trial(self.study, number)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """TPE for a conditional space, seeded for one trial: parameters of different extractors and networks are
        modelled in groups.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                seed=self._seed(number),
                multivariate=True,
                group=True,
                n_startup_trials=min(10, max(1, int(RANDOM_SHARE * self._spec.budget.trials))),
                # Trials that run at the same time count as poor, so that the next one is not the same again.
                constant_liar=True,
            )

    def _seed(self, number: int) -> int:
        return int(np.random.SeedSequence([self._spec.seed, number]).generate_state(1)[0])

    def _told(self, scores: Mapping[int, float], *, failed: bool) -> tuple[optuna.trial.TrialState, float | None]:
        """What Optuna hears of an end. PRUNED takes the last value, and TPE ranks it below every complete trial."""
        if failed:
            return optuna.trial.TrialState.FAIL, None
        last = max(scores)
        whole = last >= self._spec.training.steps
        return optuna.trial.TrialState.COMPLETE if whole else optuna.trial.TrialState.PRUNED, scores[last]


class SparingAsha(AsyncHyperBandScheduler):
    """ASHA that leaves the baseline and the upper bound alone: they are what the others are compared with.

    It knows trials by their keys, those of earlier sittings from the search's state.
    """

    def __init__(self, spec: SearchSpec, state: SearchState) -> None:
        steps = report_steps(spec.training.steps, spec.training.reports)
        wanted = spec.search.grace * spec.training.steps
        grace = next(step for step in steps if step >= wanted - 0.5)
        super().__init__(
            time_attr="step",
            max_t=spec.training.steps,
            grace_period=grace,
            reduction_factor=2,
            metric="score",
            mode="max" if spec.higher_is_better else "min",
            # The last report comes with the end of the training; stopping there would only cut off the tail.
            stop_last_trials=False,
        )
        (self._bracket,) = self._brackets
        reports = [row for rows in state.reports.values() for row in rows.values() if row["trial"] in state.trials]
        for row in sorted(reports, key=lambda row: row["number"]):
            key = row["trial"]
            if state.trials[key].config.kind != "crafted" or not math.isfinite(row.get("score", math.nan)):
                continue
            before = copy.deepcopy(self._bracket._rungs)
            decision = self._decided(key, row)
            if decision == TrialScheduler.STOP and key not in state.ends and row == state.last(key):
                # The driver was killed before it was stopped. It goes on with this report, and is stopped then.
                self._bracket._rungs = before

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Nothing is kept by Ray's own names of trials."""

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """As above."""

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        if trial.config.get("kind") != "crafted" or not math.isfinite(result.get("score", math.nan)):
            return TrialScheduler.CONTINUE
        return self._decided(trial.config["key"], result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        self.on_trial_result(tune_controller, trial, result)

    def _decided(self, key: str, result: Mapping[str, Any]) -> str:
        # Of a trial, a bracket only asks the name.
        named = cast("Trial", SimpleNamespace(trial_id=key))
        return str(self._bracket.on_result(named, result["step"], self._metric_op * result["score"]))
