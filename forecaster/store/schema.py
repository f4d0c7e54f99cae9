"""The tables, in SQLAlchemy Core. Migrations build the same ones; a test compares the two."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from forecaster.types import DIMENSIONS

metadata = MetaData()


def checked(moment: dt.datetime) -> dt.datetime:
    """Returns the moment if it has a time zone; raises ValueError if it could mean any."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment


class Moment(TypeDecorator[dt.datetime]):
    """A moment kept in UTC and given back in UTC, on SQLite too, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        value = checked(value).astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Number(TypeDecorator[float]):
    """A float whose NaN is kept as NULL: SQLite has no NaN, and NULL compares the same way on both databases."""

    impl = Float(precision=53)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _extract_id() -> Column[int]:
    return Column("extract_id", Integer, ForeignKey("extracts.id"), primary_key=True)


def _run_id(**options: Any) -> Column[str]:
    return Column("run_id", Text, ForeignKey("runs.id"), nullable=False, **options)


extracts = Table(
    "extracts",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("source"),
    _text("name"),
    _text("digest", unique=True),
    _text("kind"),
    Column("received", Moment, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("corrected", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
)

# Every row is one version of an event. The key's order is the order in which events are read.
events = Table(
    "events",
    metadata,
    Column("child", Text, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("event", Text, primary_key=True),
    _extract_id(),
    Column("known_at", Moment, nullable=False),
    Column("recorded", Date),
    Column("family", Text),
    *(Column(name, Text) for name in DIMENSIONS),
    Column("outcome", Text),
    Column("previous_plans", Integer),
    Column("previous_plan_end", Date),
    sqlite_with_rowid=False,
)

totals = Table(
    "totals",
    metadata,
    Column("measure", Text, primary_key=True),
    Column("slice", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    _extract_id(),
    Column("known_at", Moment, nullable=False),
    Column("count", Number),
    Column("of", Number),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("period", Date, nullable=False),
    _text("step"),
    Column("started", Moment, nullable=False),
    _text("config_hash"),
    Column("alpha", Float),  # what the alarm budget allowed; unknown for runs of before revision 0002
    Column("false_alerts", Float),
)

panel_vintages = Table(
    "panel_vintages", metadata, _run_id(primary_key=True), Column("body", LargeBinary, nullable=False)
)

forecasts = Table("forecasts", metadata, _run_id(primary_key=True), Column("body", LargeBinary, nullable=False))

# A not-run is a finding too: `ran` tells the two apart, `body` holds a Signal or a NotRun.
signals = Table(
    "signals",
    metadata,
    _run_id(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("ran", Boolean, nullable=False),
    _text("measure"),
    _text("detector"),
    _text("body"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    _text("measure"),
    _text("state"),
    Column("opened", Date, nullable=False),
    Column("updated", Date, nullable=False),
    Column("changes", Integer, nullable=False, server_default="0"),
    _text("body"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("position", Integer, primary_key=True),
    _text("id", unique=True),
    Column("alert_id", Text, ForeignKey("alerts.id"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("was", Text),
    _text("now"),
    _text("reason"),
    _text("actor"),
    Column("change", Text),  # what happened, where the state does not tell it
)

# The outbox. No foreign keys: a weekly digest is a delivery that belongs to no alert.
deliveries = Table(
    "deliveries",
    metadata,
    Column("position", Integer, primary_key=True),
    _text("id", unique=True),
    _text("alert_id"),
    _text("story"),
    _text("transition_id"),
    _text("channel"),
    _text("address"),
    _text("part"),
    _text("message"),
    _text("state"),
    _text("after"),
    Column("attempts", Integer, nullable=False),
    _text("receipt"),
    _text("error"),
    Column("due", Moment),
    Column("owner", Text),
    Column("lease_until", Moment),
    Column("sent_at", Moment),
    Index("deliveries_by_thread", "story", "channel", "address"),
    Index("deliveries_by_state", "state"),
)

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("measure", Text, primary_key=True),
    Column("year", Integer, primary_key=True),
    _text("body"),
)

# Of a model and a series: the parameters of its newest run, by a digest of what was fitted.
fits = Table(
    "fits", metadata, Column("name", Text, primary_key=True), Column("used", Date, nullable=False), _text("body")
)

heartbeats = Table("heartbeats", metadata, Column("name", Text, primary_key=True), Column("at", Moment, nullable=False))
