"""Making a fresh SQLite store in one step that a kill cannot leave half done, and finding the files of a moved one."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns in which MLflow keeps absolute places of files."""


def prepare_sqlite(database: Path, artifact_root: Path | None) -> bool:
    """Make the MLflow database file if there is none; True if it was made here. Takes 5 s and more.

    MLflow migrates a new database through all its history, and one that was killed while at it stays
    unusable. So the file is made under another name and gets its own when it is whole.
    """
    if database.exists():
        if artifact_root is not None:
            with suppress(sqlite3.Error):  # MLflow says what is wrong with it
                follow_files(database, artifact_root)
        return False
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database.parent.mkdir(parents=True, exist_ok=True)
    root = (artifact_root or database.parent / "mlartifacts").as_uri()
    with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=database.parent) as folder:
        fresh = Path(folder) / "mlflow.db"
        store = SqlAlchemyStore(f"sqlite:///{fresh}", root)
        store.engine.dispose()
        try:
            os.link(fresh, database)
        except FileExistsError:  # another process was quicker
            return False
        except OSError:  # a file system without hard links
            os.replace(fresh, database)
    return True


def follow_files(database: Path, artifact_root: Path) -> Path | None:
    """Where a store was moved with the folder of its files beside it, let it name the files where they are now.

    Args:
        database: The store's file.
        artifact_root: Where its files are if they are beside it.

    Returns:
        Where the store looks for files, if they are neither there nor beside it.
    """
    now = artifact_root.as_uri()
    with closing(sqlite3.connect(database)) as store, store:
        named = [place for (place,) in store.execute("SELECT artifact_uri FROM runs")]
        # A run's files are in <root>/<experiment>/<run>/artifacts.
        for root in {place.rsplit("/", 3)[0] for place in named if place.startswith("file:///")}:
            folder = Path(unquote(urlsplit(root).path))
            if folder.exists():
                continue
            if not artifact_root.exists():
                return folder
            for table, column in PLACES:
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (now, len(root) + 1, len(root) + 1, f"{root}/"),
                )
    return None
