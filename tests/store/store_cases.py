"""Extracts, runs, alerts and deliveries for the tests of the store."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import create_engine, text

from forecaster.messages import Delivery, Line, Message, Target
from forecaster.read.extract import Batch, Extract
from forecaster.store import Run
from forecaster.types import (
    DIMENSIONS,
    EVENT_COLUMNS,
    QUANTILES,
    TOTALS_COLUMNS,
    Alert,
    Forecasts,
    NotRun,
    Panel,
    Reject,
    SeriesKey,
    Signal,
    State,
    Transition,
)

MONDAY = dt.date(2018, 1, 8)
RECEIVED = dt.datetime(2018, 1, 8, 6, 30, tzinfo=dt.UTC)
WEEK = dt.timedelta(weeks=1)
DAY = dt.timedelta(days=1)
LEASE = dt.timedelta(minutes=5)
SLACK = Target("slack", "C0FORECAST")
CONSOLE = Target("console")


def event(child: str, kind: str = "referral", date: str = "2018-01-02", **columns: Any) -> dict[str, Any]:
    return {"child": child, "event": kind, "date": date, **columns}


def event_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows in the types that the readers give."""
    raw = pd.DataFrame(list(rows), columns=list(EVENT_COLUMNS), dtype=object)
    texts = dict.fromkeys(("child", "event", "family", *DIMENSIONS, "outcome"), "str")
    dates = dict.fromkeys(("date", "recorded", "previous_plan_end"), "datetime64[s]")
    return raw.astype({**texts, **dates, "previous_plans": "Int64"})


def total(period: str, count: float, measure: str = "referrals", **columns: Any) -> dict[str, Any]:
    blank = {"measure": measure, "slice": (), "step": "week", "period": period, "count": count, "of": np.nan}
    return blank | columns


def totals_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    raw = pd.DataFrame(list(rows), columns=list(TOTALS_COLUMNS), dtype=object)
    return raw.astype({"measure": "str", "step": "str", "period": "datetime64[s]", "count": float, "of": float})


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def extract(*rows: dict[str, Any], source: str = "events_csv", rejects: Sequence[Reject] = ()) -> Extract:
    """An extract of events in one batch; the same rows are the same file."""
    batch = Batch(event_frame(rows), tuple(rejects))
    return Extract(source, "events.csv", digest(source, rows, rejects), "events", iter([batch]))


def totals_extract(*rows: dict[str, Any]) -> Extract:
    return Extract("totals_csv", "totals.csv", digest(rows), "totals", iter([Batch(totals_frame(rows))]))


def batched(name: str, batches: Iterator[Batch]) -> Extract:
    return Extract("events_csv", name, digest(name), "events", batches)


def many(count: int, size: int, word: str = "a") -> Iterator[Batch]:
    """Batches of `size` events, each of another child."""
    for number in range(count):
        yield Batch(event_frame([event(f"{word}{number}-{i}") for i in range(size)]))


def reject(line: int) -> Reject:
    return Reject(f"row {line}", "date", "32 January is not a day", "correct the date")


KEY = SeriesKey("plan_starts", (("locality", "North"), ("team", "Team 2")))
KEYS = (SeriesKey("plan_starts"), KEY)


def panel(weeks: int = 6) -> Panel:
    periods = np.datetime64("2017-11-27") + 7 * np.arange(weeks)
    count = np.arange(2.0 * weeks).reshape(2, weeks)
    count[1, 2] = np.nan
    kinds = ("flow", "flow")
    return Panel(KEYS, kinds, periods, "week", count, np.full((2, weeks), np.nan), count / 2, provisional=1)


def forecasts() -> Forecasts:
    periods = np.datetime64("2018-01-08") + 7 * np.arange(3)
    values = np.random.default_rng(1).gamma(3, 2, (2, 3, len(QUANTILES)))
    not_run = (NotRun(SeriesKey("contacts"), "prophet", "only 12 weeks of history; 104 are needed"),)
    return Forecasts(KEYS, dt.date(2018, 1, 1), periods, values, ("prophet", "counts"), not_run)


def signal(**changes: Any) -> Signal:
    values: dict[str, Any] = {
        "key": KEY, "kind": "surge", "direction": "up", "period": dt.date(2018, 1, 1), "onset": dt.date(2017, 11, 20),
        "observed": 17.0, "expected": 6.0, "lower": 2.0, "upper": 12.0, "p_value": 1e-5, "score": 4.2,
        "total": 71.0, "total_expected": 44.0,
    }  # fmt: skip
    return Signal(**values | changes)


def alert(alert_id: str = "A1", state: State = "opened", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "kind": "surge", "measure": "plan_starts", "slice": (), "direction": "up", "severity": "high",
        "opened": MONDAY, "onset": dt.date(2017, 11, 20), "updated": MONDAY, "observed": 17.0, "expected": 6.0,
        "lower": 2.0, "upper": 12.0, "p_value": 1e-5, "total": 71.0, "total_expected": 44.0,
    }  # fmt: skip
    return Alert(id=alert_id, state=state, **values | changes)


def transition(
    was: State | None, now: State, alert_id: str = "A1", at: dt.datetime = RECEIVED, actor: str = "forecaster"
) -> Transition:
    return Transition(f"{alert_id}-{now}-{at:%Y%m%d%H}", alert_id, at, was, now, "17 against 6 expected", actor)


def message(alert_id: str = "A1", headline: str = "Plan starts are surging") -> Message:
    lines = (Line("Where", "North 18 of the 27 extra"),)
    return Message(alert_id, headline, "high", "17 started, 6 were expected", lines, "Data to 7 January")


def delivery(name: str, target: Target = SLACK, alert_id: str = "A1", **changes: Any) -> Delivery:
    values: dict[str, Any] = {"part": "text", "message": message(alert_id, name)}
    return Delivery(name, alert_id, f"{alert_id}-opened", target, **values | changes)


def chart(text_id: str, target: Target = SLACK) -> Delivery:
    return delivery(f"{text_id}-chart", target, part="chart", after=text_id)


def run(run_id: str = "week-2018-01-01", **changes: Any) -> Run:
    """A run that opens one alert and tells it to one target, text and chart."""
    values: dict[str, Any] = {
        "as_of": MONDAY, "period": dt.date(2018, 1, 1), "step": "week", "started": RECEIVED, "config_hash": "c0ffee",
        "panel": panel(), "forecasts": forecasts(), "signals": (signal(),),
        "not_run": (NotRun(KEYS[0], "drift", "constant"),), "alerts": (alert(),),
        "transitions": (transition(None, "opened"),), "deliveries": (delivery("D1"), chart("D1")),
    }  # fmt: skip
    return Run(run_id, **values | changes)


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, to see that nothing changed."""
    from forecaster.store.schema import metadata

    engine = create_engine(url)
    with engine.connect() as connection:
        rows = {
            table.name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {table.name}"))), key=repr)
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return rows


def values(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of a frame as tuples, None where missing and dates as text."""
    plain = frame[list(columns)].copy()
    for name in plain.columns[plain.dtypes.map(str).str.startswith("datetime")]:
        plain[name] = plain[name].dt.strftime("%Y-%m-%d")
    plain = plain.astype(object)
    return list(plain.where(plain.notna(), None).itertuples(index=False, name=None))


def at(day: dt.date | str, hour: int = 7) -> dt.datetime:
    day = dt.date.fromisoformat(day) if isinstance(day, str) else day
    return dt.datetime(day.year, day.month, day.day, hour, tzinfo=dt.UTC)
