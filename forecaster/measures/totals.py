"""From totals that someone else has counted to panels, one for each step they come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd

from forecaster.calendar import period_range
from forecaster.measures.definition import Measure
from forecaster.measures.history import Bools, Ints
from forecaster.types import Floats, Kind, Panel, SeriesKey, Step, as_date


def panel_from_totals(
    totals: pd.DataFrame,
    *,
    last: dt.date | None = None,
    missing: Literal["gap", "zero"] = "gap",
    measures: Mapping[str, Measure] | None = None,
    provisional: int = 0,
) -> list[Panel]:
    """Returns a panel for each step in the totals, weeks first; none for no rows. Series are in order of their keys.

    totals: TOTALS_COLUMNS; where a series has two rows for one period the later row stands. Rows after the period of
    `last` are not looked at; periods run to it (default: to the last row). A period without a row is missing (NaN), or
    zero with `missing="zero"`. A series with an `of` is a share, one that `measures` has as a stock is a stock, any
    other a flow. Families are unknown, so capped is the count.
    """
    frames = ((step, _known(totals[totals["step"] == step], last)) for step in get_args(Step))
    return [_one_step(frame, step, last, missing, measures or {}, provisional) for step, frame in frames if len(frame)]


def _known(totals: pd.DataFrame, last: dt.date | None) -> pd.DataFrame:
    known = totals.assign(period=pd.to_datetime(totals["period"]))
    return known if last is None else known[known["period"] <= pd.Timestamp(last)]


def _one_step(
    frame: pd.DataFrame,
    step: Step,
    last: dt.date | None,
    missing: str,
    measures: Mapping[str, Measure],
    provisional: int,
) -> Panel:
    days = frame["period"].to_numpy(dtype="datetime64[D]")
    periods = period_range(as_date(days.min()), last or as_date(days.max()), step)
    keys, row = _series(frame)
    at = np.searchsorted(periods, days, "right") - 1
    count = _place(frame["count"], row, at, (len(keys), len(periods)))
    of = _place(frame["of"], row, at, (len(keys), len(periods)))
    is_share: Bools = ~np.all(np.isnan(of), axis=1)
    if missing == "zero":
        of[np.isnan(count) & is_share[:, None]] = 0.0
        count[np.isnan(count)] = 0.0
    kinds = tuple(_kind(key, share, measures) for key, share in zip(keys, is_share, strict=True))
    return Panel(keys, kinds, periods, step, count, of, count.copy(), provisional)


def _series(frame: pd.DataFrame) -> tuple[tuple[SeriesKey, ...], Ints]:
    """The series in order, and which of them each row belongs to."""
    measure, names = pd.factorize(frame["measure"].astype(object))
    where, slices = pd.factorize(frame["slice"])
    codes, row = np.unique(measure * len(slices) + where, return_inverse=True)
    keys = [SeriesKey(str(names[code // len(slices)]), slices[code % len(slices)]) for code in codes]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return tuple(keys[i] for i in order), rank[row]


def _place(values: pd.Series, row: Ints, at: Ints, shape: tuple[int, int]) -> Floats:
    """The values at their places, NaN elsewhere; a later value for one place stands."""
    array = np.full(shape, np.nan)
    array[row, at] = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _kind(key: SeriesKey, is_share: bool, measures: Mapping[str, Measure]) -> Kind:
    configured = measures.get(key.measure)
    if is_share:
        return "share"
    return "stock" if configured and configured.kind == "stock" else "flow"
