"""Which MLflow store a search writes to, and how a person opens it afterwards."""

import os
import re
import shlex
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from degcraft.errors import DegcraftError
from tracking.database import follow_files

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SERVERS = ("http", "https", "databricks", "databricks-uc", "uc")


@dataclass(frozen=True)
class Store:
    """Where runs, artifacts and models go."""

    tracking_uri: str = field(repr=False)
    """What MLflow is given. May hold a password: print `description` instead."""
    artifact_root: Path | None
    """Absolute folder in which a new experiment keeps its files; None: the server decides."""
    description: str
    """One line for people: which store was taken and why, passwords hidden."""
    from_environment: bool = False
    """Whether MLFLOW_TRACKING_URI named it."""

    @property
    def is_server(self) -> bool:
        """Whether it is reached over HTTP and can therefore be away."""
        return self.tracking_uri.startswith(("http://", "https://"))

    @property
    def sqlite_file(self) -> Path | None:
        """The database file of an SQLite store, else None."""
        return _sqlite_path(self.tracking_uri) if _scheme(self.tracking_uri) == "sqlite" else None

    @property
    def public_uri(self) -> str:
        """The tracking URI with its password hidden."""
        return hide_password(self.tracking_uri)

    def browse_command(self, port: int = 5000) -> str:
        """The command line (or for a server the address) with which a person browses this store."""
        if self.is_server:
            return f"open {self.public_uri} in a browser"
        if _scheme(self.tracking_uri) not in DATABASES:
            return f"open the workspace that {self.public_uri!r} names in a browser"
        uri = shlex.quote(self.tracking_uri)
        if self.public_uri != self.tracking_uri:
            uri = '"$MLFLOW_TRACKING_URI"' if self.from_environment else shlex.quote(self.public_uri)
        return f"mlflow ui --backend-store-uri {uri} --port {port}"

    def address_of(self, page: str, port: int = 5000) -> str | None:
        """Where a page of MLflow is once it is browsed so; None in a workspace, whose pages have other addresses."""
        if self.is_server:
            return f"{self.public_uri.rstrip('/')}/{page}"
        return f"http://127.0.0.1:{port}/{page}" if _scheme(self.tracking_uri) in DATABASES else None


def resolve_store(tracking_uri: str | None, output: Path) -> Store:
    """Choose the store: the URI given, else $MLFLOW_TRACKING_URI, else SQLite in the output folder.

    Parameters
    ----------
    tracking_uri
        What the spec names, or None. `http(s)://…` for a server, `sqlite:///…`, `postgresql://…` and the
        like for a database; a relative SQLite path counts from the working directory.
    output
        The folder of the search. The default store is `output/mlflow.db` with its files in
        `output/mlartifacts`; a database other than SQLite keeps its files there as well.

    Raises
    ------
    DegcraftError
        The URI is one that MLflow 3 cannot write to, or a path that no SQLite URI can hold.
    """
    output = Path(os.path.abspath(output))
    named = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if tracking_uri and tracking_uri.strip():
        return _named_store(tracking_uri.strip(), output, "tracking_uri", from_environment=False)
    if named:
        return _named_store(named, output, "MLFLOW_TRACKING_URI", from_environment=True)
    database = output / "mlflow.db"
    return Store(
        tracking_uri=_sqlite_uri(database, "output"),
        artifact_root=output / "mlartifacts",
        description=f"SQLite in the output folder, {database} (no tracking_uri and no MLFLOW_TRACKING_URI)",
    )


def hide_password(uri: str) -> str:
    """`scheme://user:password@host` with the password replaced by ***; everything else unchanged."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}"))


def existing_store(what: str, tracking_uri: str | None) -> str:
    """The URI of a store that is to be read; MLflow itself would wait for one that is away, or make an empty one.

    Parameters
    ----------
    what
        What is looked for in it, as the errors begin.
    tracking_uri
        The store; None: MLFLOW_TRACKING_URI.

    Raises
    ------
    DegcraftError
        No store is named, its file is not there or damaged, its artifacts are gone, or its server cannot be reached.
    """
    if not tracking_uri and not os.environ.get("MLFLOW_TRACKING_URI", "").strip():
        raise DegcraftError(
            f"{what}: set MLFLOW_TRACKING_URI to the store that holds it, such as sqlite:////path/to/output/mlflow.db"
        )
    store = resolve_store(tracking_uri, Path.cwd())
    if store.sqlite_file is not None and not store.sqlite_file.is_file():
        raise DegcraftError(f"{what}: the store {store.public_uri} must be a file, but there is none")
    if store.sqlite_file is not None and store.artifact_root is not None:
        try:
            missing = follow_files(store.sqlite_file, store.artifact_root)
        except sqlite3.Error as error:
            raise DegcraftError(f"{what}: the store {store.public_uri} cannot be read ({error})") from None
        if missing is not None:
            raise DegcraftError(
                f"{what}: the files of the store {store.public_uri} must be in {missing}, or in {store.artifact_root} "
                "if it was moved, but neither is there"
            )
    if store.is_server:
        import requests

        try:
            requests.get(f"{store.tracking_uri.rstrip('/')}/health", timeout=15)
        except requests.RequestException as error:
            raise DegcraftError(
                f"{what}: the MLflow server {store.public_uri} cannot be reached ({type(error).__name__})"
            ) from error
    return store.tracking_uri


def _named_store(uri: str, output: Path, named_by: str, *, from_environment: bool) -> Store:
    scheme = _scheme(uri)
    if scheme == "sqlite":
        database = _sqlite_path(uri)
        if database is None:
            raise DegcraftError(f"{named_by}: an SQLite store must be a file, as sqlite:///runs/mlflow.db, got {uri!r}")
        uri, root = _sqlite_uri(database, named_by), database.parent / "mlartifacts"
    elif scheme in DATABASES:
        root = output / "mlartifacts"
    elif scheme in SERVERS:
        root = None
    else:
        raise DegcraftError(
            f"{named_by}: must be an http(s):// server or a database such as sqlite:///runs/mlflow.db "
            f"(MLflow 3 has no file store), got {hide_password(uri)!r}"
        )
    return Store(
        tracking_uri=uri,
        artifact_root=root,
        description=f"{hide_password(uri)} (named by {named_by})",
        from_environment=from_environment,
    )


def _scheme(uri: str) -> str:
    # postgresql+psycopg2://… is a postgresql database; a bare "databricks" is a scheme of its own.
    found = re.match(r"([a-zA-Z][a-zA-Z0-9-]*)(\+[\w]+)?://", uri)
    return found.group(1).lower() if found else uri.lower()


def _sqlite_path(uri: str) -> Path | None:
    path = uri.partition(":///")[2].partition("?")[0]
    if path in ("", ":memory:"):
        return None
    return Path(os.path.abspath(path))


def _sqlite_uri(database: Path, named_by: str) -> str:
    if "?" in str(database):
        raise DegcraftError(
            f"{named_by}: the path of an SQLite store must not contain a question mark, got {str(database)!r}"
        )
    return f"sqlite:///{database}"
