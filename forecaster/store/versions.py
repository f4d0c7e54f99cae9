"""Versioned rows: an extract never changes what was known, it adds what is known from now on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    FromClause,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from forecaster.store.engine import byte_order, utc
from forecaster.store.schema import checked

Row = dict[str, Any]
Columns = dict[str, Sequence[Any]]
ROWS_AT_ONCE = 10_000
FOREVER = dt.datetime.max


@dataclass(frozen=True)
class Versioned:
    """A table of versions: what makes two rows the same fact, and what may be said about it."""

    table: Table
    keys: tuple[str, ...]
    attributes: tuple[str, ...]

    def same(self, one: FromClause, other: FromClause) -> ColumnElement[bool]:
        return and_(*(one.c[name] == other.c[name] for name in self.keys))

    @cached_property
    def staging(self) -> Table:
        """Returns the definition of a temporary table that holds a batch while it is compared."""
        names = (*self.keys, *self.attributes, "known_at")
        columns = [Column(name, self.table.c[name].type, primary_key=name in self.keys) for name in names]
        return Table(f"incoming_{self.table.name}", MetaData(), *columns, prefixes=["TEMPORARY"])


def absorb(
    connection: Connection, what: Versioned, rows: Sequence[Row], extract_id: int, received: dt.datetime
) -> tuple[int, int]:
    """Adds a version for each row that is new or says something new; returns how many of each.

    A row's `known_at` is the moment it is known from if it is new. A change is known from the moment it was received,
    unless it was recorded anew. A blank says nothing: it does not take away what an earlier extract said. Where one
    extract contradicts itself, its first row counts.
    """
    staged = what.staging
    staged.create(connection)
    connection.execute(staged.insert(), rows)
    corrected = _add(connection, what, _changes(what, staged, extract_id, received))
    new = _add(connection, what, _news(what, staged, extract_id))
    staged.drop(connection)
    return new, corrected


def _add(connection: Connection, what: Versioned, rows: Select[Any]) -> int:
    names = [*what.keys, *what.attributes, "known_at", "extract_id"]
    result: CursorResult[Any] = connection.execute(what.table.insert().from_select(names, rows))
    return result.rowcount


def _news(what: Versioned, staged: Table, extract_id: int) -> Select[Any]:
    columns = [staged.c[name] for name in (*what.keys, *what.attributes, "known_at")]
    return select(*columns, literal(extract_id)).where(~exists().where(what.same(what.table, staged)))


def _changes(what: Versioned, staged: Table, extract_id: int, received: dt.datetime) -> Select[Any]:
    old, any_version = what.table.alias("old"), what.table.alias("any_version")
    newest = select(func.max(any_version.c.extract_id)).where(what.same(any_version, staged)).scalar_subquery()
    differs = or_(*(_says_more(staged.c[name], old.c[name]) for name in what.attributes))
    return (
        select(
            *(staged.c[name] for name in what.keys),
            *(func.coalesce(staged.c[name], old.c[name]) for name in what.attributes),
            _known(staged, old, received),
            literal(extract_id),
        )
        .join_from(staged, old, and_(what.same(old, staged), old.c.extract_id == newest))
        .where(old.c.extract_id < extract_id, differs)
    )


def _says_more(new: ColumnElement[Any], old: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(new.is_not(None), new.is_distinct_from(old))


def _known(staged: FromClause, old: FromClause, received: dt.datetime) -> ColumnElement[Any]:
    """The moment a change is known from. A `recorded` date that was there before says nothing of the change."""
    at_receipt = literal(received, staged.c.known_at.type)
    if "recorded" not in staged.c:
        return at_receipt
    return case((_says_more(staged.c.recorded, old.c.recorded), staged.c.known_at), else_=at_receipt)


@dataclass(frozen=True)
class Vintages:
    """All versions in memory, those of one fact together and the newest last, to be seen as of any moment.

    rows: one a version, with `extract`. known: the moment each is known from, in UTC. fact: a number a fact.
    """

    rows: pd.DataFrame
    known: NDArray[np.datetime64]
    fact: NDArray[np.int64]

    def at(self, as_of: dt.datetime | None) -> pd.DataFrame:
        """Returns the newest version of each fact known at a moment (None: of all).

        Newest is the one that came last: extracts are numbered in the order in which they were received.
        """
        limit = FOREVER if as_of is None else checked(as_of).astimezone(dt.UTC).replace(tzinfo=None)
        known = np.flatnonzero(self.known <= np.datetime64(limit, "us"))
        fact = self.fact[known]
        last = np.append(fact[1:] != fact[:-1], True)[: len(known)]
        newest: pd.DataFrame = self.rows.iloc[known[last]]
        return newest.reset_index(drop=True)


def vintages(
    connection: Connection, what: Versioned, as_of: dt.datetime | None, frame: Callable[[Columns], pd.DataFrame]
) -> Vintages:
    """Returns the versions known at a moment (None: all), ordered by their keys; `frame` gives the columns their types.

    Values come to `frame` as the driver gives them (dates are text on SQLite): numpy reads either, and far faster.
    """
    names = (*what.keys, *what.attributes, "extract_id")
    columns = {name: type_coerce(what.table.c[name], NULLTYPE) for name in names}
    known_at = utc(connection, what.table.c.known_at)
    query = select(*columns.values(), known_at).order_by(*_order(connection, what), what.table.c.extract_id)
    if as_of is not None:
        query = query.where(what.table.c.known_at <= checked(as_of))
    parts, known = [], [np.array([], "datetime64[us]")]
    with connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}) as result:
        for rows in result.partitions():
            *values, moments = zip(*rows, strict=True)
            parts.append(_part(dict(zip(names, values, strict=True)), frame))
            known.append(np.array(moments, "datetime64[us]"))
    table = pd.concat(parts, ignore_index=True) if parts else _part(dict.fromkeys(names, ()), frame)
    keys = table[list(what.keys)]
    starts = (keys != keys.shift()).any(axis=1).to_numpy(dtype=np.int64)
    return Vintages(table, np.concatenate(known), np.cumsum(starts))


def _part(columns: Columns, frame: Callable[[Columns], pd.DataFrame]) -> pd.DataFrame:
    return frame(columns).assign(extract=np.array(columns["extract_id"], np.int64))


def _order(connection: Connection, what: Versioned) -> list[ColumnElement[Any]]:
    keys = [what.table.c[name] for name in what.keys]
    return [byte_order(connection, key) if isinstance(key.type, Text) else key for key in keys]
