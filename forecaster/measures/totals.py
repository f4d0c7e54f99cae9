"""From totals that someone else has counted to panels, one for each step they come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from forecaster.calendar import period_range
from forecaster.measures.definition import Measure
from forecaster.measures.history import Bools, Ints
from forecaster.types import Dates, Floats, Kind, Panel, SeriesKey, Slice, Step, as_date


def panel_from_totals(
    totals: pd.DataFrame | Iterable[pd.DataFrame],
    *,
    last: dt.date | None = None,
    missing: Literal["gap", "zero"] = "gap",
    measures: Mapping[str, Measure] | None = None,
    provisional: int = 0,
) -> list[Panel]:
    """Returns a panel for each step in the totals, weeks first; none for no rows. Series are in order of their keys.

    totals: TOTALS_COLUMNS, in one frame or in several; where a series has two rows for one period the later row stands.
    Rows after the period of `last` are not looked at; periods run to it (default: to the last row). A period without a
    row is missing (NaN), or zero with `missing="zero"`. A series with an `of` is a share, one that `measures` has as a
    stock is a stock, any other a flow. Families are unknown, so capped is the count.
    """
    steps: dict[Step, _Rows] = {step: _Rows() for step in get_args(Step)}
    for frame in [totals] if isinstance(totals, pd.DataFrame) else totals:
        known = frame if last is None else frame[pd.to_datetime(frame["period"]) <= pd.Timestamp(last)]
        for step, rows in steps.items():
            rows.add(known[known["step"] == step])
    found = ((step, rows) for step, rows in steps.items() if rows.parts)
    return [_panel(rows, step, last, missing, measures or {}, provisional) for step, rows in found]


@dataclass(frozen=True)
class _Rows:
    """Rows of one step. series: a number for each, as they came; parts: the series, day, count and of of each row."""

    series: dict[tuple[str, Slice], int] = field(default_factory=dict)
    parts: list[tuple[Ints, Dates, Floats, Floats]] = field(default_factory=list)

    def add(self, frame: pd.DataFrame) -> None:
        if len(frame):
            days = pd.to_datetime(frame["period"]).to_numpy(dtype="datetime64[D]")
            count, of = (pd.to_numeric(frame[name]).to_numpy(np.float64, na_value=np.nan) for name in ("count", "of"))
            self.parts.append((self._numbers(frame), days, count, of))

    def _numbers(self, frame: pd.DataFrame) -> Ints:
        measure, names = pd.factorize(frame["measure"].astype(object))
        where, slices = pd.factorize(frame["slice"])
        row, codes = pd.factorize(measure * len(slices) + where)
        found = zip(names.take(codes // len(slices)), slices.take(codes % len(slices)), strict=True)
        return np.array([self.series.setdefault(one, len(self.series)) for one in found])[row]


def _panel(
    rows: _Rows, step: Step, last: dt.date | None, missing: str, measures: Mapping[str, Measure], provisional: int
) -> Panel:
    edges = np.array([(days.min(), days.max()) for _, days, _, _ in rows.parts])
    periods = period_range(as_date(edges.min()), last or as_date(edges.max()), step)
    keys = sorted(SeriesKey(measure, where) for measure, where in rows.series)
    place = np.empty(len(keys), np.int64)
    place[[rows.series[key.measure, key.slice] for key in keys]] = np.arange(len(keys))
    count, of = np.full((2, len(keys), len(periods)), np.nan)
    for series, days, some_count, some_of in rows.parts:  # of two values for one place the later stands
        at = np.searchsorted(periods, days, "right") - 1
        count[place[series], at], of[place[series], at] = some_count, some_of
    is_share: Bools = ~np.all(np.isnan(of), axis=1)
    if missing == "zero":
        of[np.isnan(count) & is_share[:, None]] = 0.0
        count[np.isnan(count)] = 0.0
    kinds = tuple(_kind(key, share, measures) for key, share in zip(keys, is_share, strict=True))
    return Panel(tuple(keys), kinds, periods, step, count, of, count, provisional)


def _kind(key: SeriesKey, is_share: bool, measures: Mapping[str, Measure]) -> Kind:
    configured = measures.get(key.measure)
    if is_share:
        return "share"
    return "stock" if configured and configured.kind == "stock" else "flow"
