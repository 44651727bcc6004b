"""What Optuna tried, as a storage that its dashboard opens: a mirror of the search's state, never read back."""

import shutil
import tempfile
import warnings
from pathlib import Path

import optuna

from degcraft.images.atomic import written_whole
from tune.summary import Summary


def write_study(file: Path, study: optuna.Study, summary: Summary) -> None:
    """Write the trials that are over into an SQLite storage, in the place of an earlier one.

    The rows that Optuna was never asked about (bicubic, the start, the baselines) are no trials of it: their scores are
    attributes of the study, by what they are.
    """
    with tempfile.TemporaryDirectory() as folder, written_whole(file) as temporary:
        database = Path(folder) / file.name
        storage = optuna.storages.RDBStorage(f"sqlite:///{database}")
        mirror = optuna.create_study(storage=storage, study_name=summary.name, direction=study.direction)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            mirror.set_metric_names([summary.metric])
        mirror.add_trials([trial for trial in study.trials if trial.state.is_finished()])
        for row in summary.trials:
            if row.config.kind != "crafted" and row.is_over:
                mirror.set_user_attr(f"{row.key} {row.config.title()}", row.score)
        storage.engine.dispose()
        shutil.copyfile(database, temporary)
