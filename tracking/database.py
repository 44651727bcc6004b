"""Making a fresh SQLite store in one step that a kill cannot leave half done."""

import os
import tempfile
from pathlib import Path


def prepare_sqlite(database: Path, artifact_root: Path | None) -> bool:
    """Make the MLflow database file if there is none; True if it was made here. Takes 5 s and more.

    MLflow migrates a new database through all its history, and one that was killed while at it stays
    unusable. So the file is made under another name and gets its own when it is whole.
    """
    if database.exists():
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
