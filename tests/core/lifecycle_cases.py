"""Signals, findings and alerts for the tests of an alert's life."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from forecaster.lifecycle import Finding, Rules, act, step
from forecaster.messages import Act, Answer
from forecaster.types import Alert, Driver, SeriesKey, Signal, State, Transition

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


def opened(severity: str = "medium", **changes: object) -> Alert:
    alert, transition = step(None, finding(0, severity=severity, **changes), week(0), now(0), RULES)
    assert alert is not None
    assert transition is not None
    return alert


def after(alert: Alert, number: int, found: Finding | None) -> tuple[Alert, Transition | None]:
    next_one, transition = step(alert, found, week(number), now(number), RULES)
    assert next_one is not None
    return next_one, transition


def act_of(alert: Alert, what: Answer, **changes: object) -> tuple[Alert, Transition]:
    """What Ann does about an alert in week 1."""
    deed = Act(alert.id, what, "Ann", "looked into", **changes)  # type: ignore[arg-type]
    changed, transition = act(alert, deed, week(1), now(1))
    assert changed is not None
    assert transition is not None
    return changed, transition


def in_state(state: State) -> Alert:
    """An alert of week 0 in each of its states before week 5."""
    alert = opened()
    if state == "updated":
        return replace(alert, state="updated", seen=week(4), told=(*alert.told, week(4)))
    if state == "acknowledged":
        return act_of(alert, "acknowledge")[0]
    if state == "snoozed":
        return act_of(alert, "snooze", until=week(8))[0]
    if state == "resolved":
        return replace(alert, state="resolved", resolved=week(4), seen=week(4), calm=4, told=(*alert.told, week(4)))
    return alert
