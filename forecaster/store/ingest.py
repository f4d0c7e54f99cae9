"""A whole extract into the store, or nothing of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pandas as pd
from sqlalchemy import Connection, func, select

from forecaster.store import events, totals
from forecaster.store.engine import insert, take_turns
from forecaster.store.schema import extracts
from forecaster.store.versions import Columns, Row, Versioned, absorb
from forecaster.types import InputError, Reject

ExtractKind = Literal["events", "totals"]
ROWS_AT_ONCE = 20_000


class Batch(Protocol):
    """Some rows of an extract, as `read` gives them."""

    @property
    def frame(self) -> pd.DataFrame: ...
    @property
    def rejects(self) -> tuple[Reject, ...]: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Extract(Protocol):
    """One file, as `read` gives it."""

    @property
    def source(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def kind(self) -> ExtractKind: ...
    @property
    def batches(self) -> Iterator[Batch]: ...


SETTING_UP = dt.timedelta(days=3)  # in which all files of a source are its history, not news


@dataclass(frozen=True)
class IngestSummary:
    """What an extract brought: rows = new + corrected + unchanged + duplicates; rejected rows are not among them.

    already: the same file was ingested before, so nothing was done. first and last are dates of events, or periods.
    """

    source: str
    name: str
    rows: int = 0
    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    rejected: list[Reject] = field(default_factory=list)
    duplicates: int = 0
    notes: list[str] = field(default_factory=list)
    already: bool = False
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class _Kind:
    """How one kind of extract becomes rows, and rows become a frame."""

    versioned: Versioned
    day: str
    to_rows: Callable[[pd.DataFrame, dt.datetime, bool], list[Row]]
    to_frame: Callable[[Columns], pd.DataFrame]


KINDS: dict[ExtractKind, _Kind] = {
    "events": _Kind(events.VERSIONED, "date", events.to_rows, events.to_frame),
    "totals": _Kind(totals.VERSIONED, "period", totals.to_rows, totals.to_frame),
}


@dataclass
class _Intake:
    """An extract on its way in, and what it brought so far; `opening` says that it brings its source's history."""

    connection: Connection
    kind: _Kind
    number: int
    received: dt.datetime
    opening: bool
    rows: int = 0
    new: int = 0
    corrected: int = 0
    duplicates: int = 0
    notes: list[str] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)
    first: dt.date = dt.date.max
    last: dt.date = dt.date.min

    def take(self, batch: Batch) -> None:
        frame = batch.frame.drop_duplicates(list(self.kind.versioned.keys))
        self.rows += len(batch.frame) + batch.duplicates
        self.duplicates += len(batch.frame) - len(frame) + batch.duplicates
        self.notes += batch.notes
        self.rejected += batch.rejects
        for start in range(0, len(frame), ROWS_AT_ONCE):
            self._keep(frame.iloc[start : start + ROWS_AT_ONCE])

    def _keep(self, frame: pd.DataFrame) -> None:
        rows = self.kind.to_rows(frame, self.received, self.opening)
        new, corrected = absorb(self.connection, self.kind.versioned, rows, self.number, self.received)
        self.new += new
        self.corrected += corrected
        days = [row[self.kind.day] for row in rows]
        self.first, self.last = min(self.first, *days), max(self.last, *days)

    def refuse_too_many_rejects(self, name: str, limit: float) -> None:
        rejected, seen = len(self.rejected), len(self.rejected) + self.rows
        if rejected <= limit * seen:
            return
        first = self.rejected[0]
        reason = (
            f"{rejected} of {seen} rows ({rejected / seen:.0%}) were rejected, more than the {limit:.0%} allowed; "
            f"the first, {first.place}, column {first.column}: {first.reason}"
        )
        raise InputError(name, reason, first.remedy)

    def counts(self) -> dict[str, int]:
        return {"rows": self.rows, "new": self.new, "corrected": self.corrected, "rejected": len(self.rejected)}

    def summary(self, extract: Extract) -> IngestSummary:
        return IngestSummary(
            source=extract.source,
            name=extract.name,
            rows=self.rows,
            new=self.new,
            corrected=self.corrected,
            unchanged=self.rows - self.new - self.corrected - self.duplicates,
            rejected=self.rejected,
            duplicates=self.duplicates,
            notes=self.notes,
            first=self.first if self.rows else None,
            last=self.last if self.rows else None,
        )


def ingest(connection: Connection, extract: Extract, received: dt.datetime, max_reject_share: float) -> IngestSummary:
    """Returns what an extract brought, once all of it is in the caller's transaction.

    Raises InputError when the reader does, or when more than `max_reject_share` of the rows were rejected: the caller
    then rolls back.
    """
    take_turns(connection, "ingest")
    received = _not_before_the_last(connection, received)
    opening = _brings_history(connection, extract.source, received)
    number = _register(connection, extract, received)
    if number is None:
        return IngestSummary(extract.source, extract.name, already=True)
    intake = _Intake(connection, KINDS[extract.kind], number, received, opening)
    for batch in extract.batches:
        intake.take(batch)
    intake.refuse_too_many_rejects(extract.name, max_reject_share)
    connection.execute(extracts.update().where(extracts.c.id == number).values(intake.counts()))
    return intake.summary(extract)


def _not_before_the_last(connection: Connection, received: dt.datetime) -> dt.datetime:
    # A clock that went back must not reorder the extracts: the one that comes last corrects the others.
    last = connection.scalar(select(func.max(extracts.c.received)))
    return max(received, last) if last else received


def _brings_history(connection: Connection, source: str, received: dt.datetime) -> bool:
    """Whether an extract is among the first of its source: history may come in several files (a census a year)."""
    first = connection.scalar(select(func.min(extracts.c.received)).where(extracts.c.source == source))
    return first is None or received - first < SETTING_UP


def _register(connection: Connection, extract: Extract, received: dt.datetime) -> int | None:
    """Returns the number of a new extract, None if the same file was there before."""
    row = {"source": extract.source, "name": extract.name, "digest": extract.digest, "kind": extract.kind}
    counts = dict.fromkeys(("rows", "new", "corrected", "rejected"), 0)
    new = insert(connection, extracts).values(**row, **counts, received=received).on_conflict_do_nothing()
    if not connection.execute(new).rowcount:
        return None
    return connection.scalar(select(extracts.c.id).where(extracts.c.digest == extract.digest))
