"""A search's output folder: every name in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from degcraft.errors import DegcraftError


class SearchFolder:
    """The folder `path` of one search."""

    def __init__(self, path: str | Path) -> None:
        self.path = path = Path(path)
        self.state = path / "state.sqlite"
        self.best, self.contenders = path / "best", path / "contenders"
        """The best model so far; what may yet be the best, a folder for each."""
        self.samples, self.shared = path / "samples", path / "shared"
        """What the rows restored that the verdict shows; the networks trained as starts."""
        self.checkpoints, self.measurements = path / "checkpoints", path / "measurements"
        self.synthetic = path / "synthetic"
        """The pairs that were made for a synthetic search."""
        self.judge, self.niqe = path / "judge.json", path / "niqe.npz"
        self.table, self.summary = path / "trials.csv", path / "summary.json"
        self.scores, self.restored = path / "scores.png", path / "restored.png"
        self.preview, self.photos = path / "preview.png", path / "photos.png"
        """The same for a note in MLflow; held-out references, where what is scored on was made of clean images."""
        self.study = path / "optuna.db"
        """What Optuna tried, for its dashboard."""
        self.begun = False
        """Whether there is something in it that is worth going on with."""

    def has_started(self) -> bool:
        """Whether it holds a search that was started."""
        return self.state.exists()

    def check_started(self, wanted: bool) -> None:
        """Raise DegcraftError where there is a search and must be none, or the other way round."""
        if wanted and not self.has_started():
            raise DegcraftError(f"--resume: output must hold a search that was started, but {self.path} holds none")
        if self.has_started() and not wanted:
            raise DegcraftError(
                f"output: must be a folder without a search, but {self.path} holds one; add --resume to go on with it"
            )

    def tidy(self) -> None:
        """Remove what a kill left half written."""
        written = ".*.*-????????.*"
        for pattern in (".ending-*", ".mlflow-*", ".best.new", "contenders/.*.new", written, f"*/{written}"):
            for path in self.path.glob(pattern):
                _remove(path)

    @contextmanager
    def nothing_left(self) -> Iterator[None]:
        """Bad input that is found before anything has `begun` leaves the folder as it was before the block."""
        whole = not self.path.exists()
        before = set() if whole else set(self.path.iterdir())
        try:
            yield
        except DegcraftError:
            made = [self.path] if whole else set(self.path.iterdir()) - before
            for path in () if self.begun else made:
                _remove(path)
            raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
