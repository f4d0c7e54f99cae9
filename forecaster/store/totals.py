"""Counts that came already counted: rows to keep, and the frame that was known at a moment."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from forecaster.calendar import period_end
from forecaster.store.codec import slice_from_text, slice_to_text
from forecaster.store.events import days, known_from, to_dicts
from forecaster.store.schema import totals
from forecaster.store.versions import Columns, Row, Versioned
from forecaster.types import TOTALS_COLUMNS

KEYS = ("measure", "slice", "step", "period")
VERSIONED = Versioned(totals, KEYS, ("count", "of"))


def to_rows(frame: pd.DataFrame, received: dt.datetime, opening: bool) -> list[Row]:
    """Returns one row a series and period, with the moment it is known from if it is new.

    The first extracts of a source bring its history: each period is known from its last day. Any other is known from
    the moment it was received.
    """
    columns = {name: frame[name].tolist() for name in TOTALS_COLUMNS}
    columns["slice"] = [slice_to_text(value) for value in columns["slice"]]
    columns["period"] = days(frame["period"])
    ends = [period_end(*each) if opening else None for each in zip(columns["period"], columns["step"], strict=True)]
    columns["known_at"] = known_from(ends, received)
    return to_dicts(columns)


def to_frame(columns: Columns) -> pd.DataFrame:
    """Returns TOTALS_COLUMNS: a slice a tuple of pairs, a period datetime64[s], counts float with NaN where missing."""
    frame = pd.DataFrame({name: pd.array(columns[name], dtype="str") for name in ("measure", "slice", "step")})
    return frame.assign(
        slice=pd.Series([slice_from_text(text) for text in columns["slice"]], dtype=object),
        period=np.array(columns["period"], "datetime64[D]").astype("datetime64[s]"),
        count=np.array(columns["count"], float),
        of=np.array(columns["of"], float),
    )
