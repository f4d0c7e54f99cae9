"""Signals and findings for the tests of an alert's life."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from forecaster.lifecycle import Finding, Rules
from forecaster.types import Driver, SeriesKey, Signal

MONDAY = dt.date(2018, 1, 8)
WEEK = dt.timedelta(days=7)
RULES = Rules(calm_periods=4, stronger=100.0, quiet_days=21)
NORTH = (("locality", "North"),)
SIGNAL = Signal(
    key=SeriesKey("plan_starts"), kind="surge", direction="up", period=MONDAY, onset=MONDAY - 2 * WEEK, observed=17.0,
    expected=6.0, lower=2.0, upper=12.0, p_value=1e-4, score=4.0, total=40.0, total_expected=18.0,
)  # fmt: skip
DRIVERS = (Driver("breakdown", "locality=North", 18.0, 0.8, 30.0),)


def week(number: int) -> dt.date:
    return MONDAY + number * WEEK


def now(number: int) -> dt.datetime:
    """The Monday morning on which a week is judged."""
    return dt.datetime.combine(week(number + 1), dt.time(7), tzinfo=dt.UTC)


def finding(number: int = 0, *, strong: bool = True, severity: str = "medium", **changes: object) -> Finding:
    signal = replace(SIGNAL, period=week(number), **changes)  # type: ignore[arg-type]
    return Finding(signal, DRIVERS, severity, strong)  # type: ignore[arg-type]
