"""Child-level events: rows to keep, and the frame that was known at a moment."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.calendar import to_utc
from forecaster.store.schema import events
from forecaster.store.versions import Columns, Row, Versioned
from forecaster.types import EVENT_COLUMNS

KEYS = ("child", "date", "event")
DAYS = ("date", "recorded", "previous_plan_end")
NUMBERS = ("previous_plans",)
VERSIONED = Versioned(events, KEYS, tuple(name for name in EVENT_COLUMNS if name not in KEYS))


def days(column: pd.Series[Any]) -> list[dt.date | None]:
    """Returns a column of dates in any of pandas' forms as plain dates, None where missing."""
    return pd.to_datetime(column).to_numpy("datetime64[D]").astype(object).tolist()


def to_dicts(columns: dict[str, list[Any]]) -> list[Row]:
    """Returns columns as rows."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(column: pd.Series[Any]) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()


def _whole(column: pd.Series[Any]) -> list[int | None]:
    return [None if value is None else int(value) for value in _values(column)]


def to_rows(frame: pd.DataFrame, received: dt.datetime, opening: bool) -> list[Row]:
    """Returns one row an event, with the moment it is known from if it is new.

    That is when it was recorded; if nobody says, the day it happened for the first extracts of a source (`opening`),
    which bring its history, else when it was received.
    """
    columns = {name: _column(frame, name) for name in EVENT_COLUMNS}
    told = columns["recorded"]
    if opening:
        told = [recorded or day for recorded, day in zip(told, columns["date"], strict=True)]
    columns["known_at"] = known_from(told, received)
    return to_dicts(columns)


def known_from(told: Sequence[dt.date | None], received: dt.datetime) -> list[dt.datetime]:
    """Returns the moment each fact is known from: the midnight in London that begins its day, or else its receipt.

    Nothing that an extract holds was known later than the extract itself.
    """
    moments = {day: min(to_utc(day), received) if day else received for day in set(told)}
    return [moments[day] for day in told]


def _column(frame: pd.DataFrame, name: str) -> list[Any]:
    if name in DAYS:
        return days(frame[name])
    return _whole(frame[name]) if name in NUMBERS else _values(frame[name])


def to_frame(columns: Columns) -> pd.DataFrame:
    """Returns EVENT_COLUMNS with the types that the readers give: texts str, dates datetime64[s], numbers Int64."""
    return pd.DataFrame({name: _typed(name, columns[name]) for name in EVENT_COLUMNS})


def _typed(name: str, values: Sequence[Any]) -> Any:
    if name in DAYS:
        return np.array(values, "datetime64[D]").astype("datetime64[s]")
    if name in NUMBERS:
        return pd.array(values, dtype="Int64")
    # The same few words a million times: one copy of each is enough.
    return pd.array([value and sys.intern(value) for value in values], dtype="str")
