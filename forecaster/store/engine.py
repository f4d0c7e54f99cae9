"""One engine for SQLite and PostgreSQL, and the migrations that bring either up to date."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    collate,
    create_engine,
    event,
    func,
    make_url,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import Table
from sqlalchemy.types import NULLTYPE

BUSY_SECONDS = 120  # a long ingest holds SQLite's one write lock; the others wait for it
Insert = sqlite.Insert | postgresql.Insert


def parse_url(url: str) -> URL:
    """Returns the address with its driver named: sqlite, or psycopg 3 for any way of writing PostgreSQL.

    Raises ValueError in one line, without the password, for an address that is neither.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "the database address cannot be read; write sqlite:///FILE or postgresql://HOST/NAME"
        ) from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "postgresql+psycopg"):
        return parsed
    raise ValueError(f"{parsed.drivername} is not supported; write sqlite:///FILE or postgresql://HOST/NAME")


def open_engine(url: str) -> Engine:
    """Returns the engine of a database address; the folder of a SQLite file is made."""
    parsed = parse_url(url)
    if parsed.drivername != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin in _begin_sqlite, so that schema changes roll back too
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half way cannot wait, it fails.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def writer(engine: Engine) -> Engine:
    """Returns the same engine for transactions that write; an INSERT tells how many rows it made."""
    return engine.execution_options(writes=True, preserve_rowcount=True)


def take_turns(connection: Connection, what: str) -> None:
    """Waits until no other transaction does `what`; held to the end of this one. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"forecaster {what}"})


def insert(connection: Connection, table: Table) -> Insert:
    """Returns an INSERT that knows ON CONFLICT, which the two databases write alike but SQLAlchemy keeps apart."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def byte_order(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Returns a text to order by its bytes, which is how pandas orders too, whatever language the database speaks."""
    return collate(column, "BINARY" if connection.dialect.name == "sqlite" else "C")


def utc(connection: Connection, column: ColumnElement[dt.datetime]) -> ColumnElement[Any]:
    """Returns a moment as the database keeps it, in UTC and without a time zone, for numpy to read."""
    return type_coerce(column if connection.dialect.name == "sqlite" else func.timezone("UTC", column), NULLTYPE)


def migrate(engine: Engine) -> None:
    """Brings the tables up to date; safe to repeat, and when two processes start together."""
    from alembic import command  # late: who only reads files does not need it
    from alembic.config import Config

    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writer(engine).begin() as connection:
        take_turns(connection, "migrate")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _use_write_ahead_log(engine: Engine) -> None:
    # The mode is kept in the file and cannot be changed inside a transaction. SQLite does not wait here for another
    # process that does the same: it says at once that the database is locked.
    for _ in range(100):
        try:
            return _pragma(engine, "journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.05)
    return _pragma(engine, "journal_mode = WAL")


def empty_the_log(engine: Engine) -> None:
    """Moves SQLite's write-ahead log into the database file, so that what was deleted is in neither."""
    if engine.dialect.name == "sqlite":
        _pragma(engine, "wal_checkpoint(TRUNCATE)")


def _pragma(engine: Engine, what: str) -> None:
    with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        cursor.execute(f"PRAGMA {what}")
