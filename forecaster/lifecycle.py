"""The life of an alert: a pure state machine, one step a period.

    opened -> updated -> acknowledged / snoozed -> resolved        (docs/alert-states.md draws it)

An alert opens on strong evidence and stays while weaker evidence lasts; it is resolved after several calm periods in a
row, and comes back as the same alert when the move returns soon after. Nothing is told twice: between transitions the
figures are refreshed in silence.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

from forecaster.types import Alert, Driver, Severity, Signal, State, Transition

RANK: dict[Severity, int] = {"low": 0, "medium": 1, "high": 2}
ACTIVE: tuple[State, ...] = ("opened", "updated", "acknowledged", "snoozed")


@dataclass(frozen=True)
class Rules:
    """calm_periods: periods without evidence before an alert is resolved, and after it during which it may come back.

    stronger: how many times smaller the p-value must get to be worth telling; quiet_days: least time between two
    updates.
    """

    calm_periods: int = 4
    period_days: int = 7
    stronger: float = 100.0
    quiet_days: int = 21


@dataclass(frozen=True)
class Finding:
    """A signal explained. strong: enough to open an alert; a weak one only keeps it open."""

    signal: Signal
    drivers: tuple[Driver, ...]
    severity: Severity
    strong: bool


Step = tuple[Alert | None, Transition | None]


def step(alert: Alert | None, finding: Finding | None, period: dt.date, now: dt.datetime, rules: Rules) -> Step:
    """Returns the alert after one period and its transition, if it made one.

    alert: the newest alert of this measure, kind and direction, open or resolved; None if there never was one.
    """
    if alert is not None and period <= alert.seen:
        return alert, None  # this period has been judged before: a run repeated changes nothing
    if alert is None or _long_over(alert, period, rules):
        return _open(finding, period, now) if finding and finding.strong else (alert, None)
    alert = replace(alert, seen=period)
    if finding is None:
        return _calm(alert, period, now, rules)
    if alert.state == "resolved":
        return _tell(alert, finding, now, "came back soon after it was resolved") if finding.strong else (alert, None)
    reason = _worth_telling(alert, finding, period, rules)
    return _tell(alert, finding, now, reason) if reason else (_refresh(alert, finding), None)


def _long_over(alert: Alert, period: dt.date, rules: Rules) -> bool:
    return alert.resolved is not None and (period - alert.resolved).days > rules.period_days * rules.calm_periods


def alert_id(signal: Signal) -> str:
    """Returns the readable, repeatable name of the alert a signal would open."""
    where = "-".join(value for _, value in signal.key.slice)
    words = f"{signal.key.measure}-{signal.direction}-{where}-{signal.period:%G-W%V}"
    kind = "" if signal.kind == "surge" else f"{signal.kind}-"
    return re.sub(r"[^a-z0-9]+", "-", (kind + words).lower()).strip("-")


def _open(finding: Finding, period: dt.date, now: dt.datetime) -> Step:
    s = finding.signal
    alert = Alert(
        alert_id(s), s.kind, s.key.measure, s.key.slice, s.direction, finding.severity, "opened",
        opened=s.period, onset=s.onset, updated=s.period, observed=s.observed, expected=s.expected, lower=s.lower,
        upper=s.upper, p_value=s.p_value, total=s.total, total_expected=s.total_expected, drivers=finding.drivers,
        worst_p=s.p_value, seen=period, told=(s.period,),
    )  # fmt: skip
    return alert, _transition(alert, None, period, now, f"evidence p = {s.p_value:.2g}, over the line")


def _refresh(alert: Alert, finding: Finding) -> Alert:
    """The alert with this period's figures."""
    s = finding.signal
    return replace(
        alert, slice=s.key.slice, observed=s.observed, expected=s.expected, lower=s.lower, upper=s.upper,
        p_value=s.p_value, total=s.total, total_expected=s.total_expected, onset=s.onset,
        drivers=finding.drivers, calm=0,
    )  # fmt: skip


def _tell(alert: Alert, finding: Finding, now: dt.datetime, reason: str) -> Step:
    period = finding.signal.period
    told = replace(
        _refresh(alert, finding), state="updated", updated=period, resolved=None, snoozed_until=None,
        severity=finding.severity, worst_p=min(alert.worst_p, finding.signal.p_value), told=(*alert.told, period),
    )  # fmt: skip
    return told, _transition(told, alert.state, alert.seen, now, reason)


def _worth_telling(alert: Alert, finding: Finding, period: dt.date, rules: Rules) -> str:
    """Why a change is worth a message, or "" when it is not."""
    if not finding.strong:
        return ""
    if RANK[finding.severity] > RANK[alert.severity]:
        return f"severity rose from {alert.severity} to {finding.severity}"
    if alert.state == "snoozed":
        over = alert.snoozed_until is not None and period >= alert.snoozed_until
        return "still there after the snooze" if over else ""
    if alert.state == "acknowledged":
        return ""
    if alert.slice and not finding.signal.key.slice:
        return "now seen in the whole council"
    rested = (period - alert.updated).days >= rules.quiet_days
    stronger = finding.signal.p_value * rules.stronger < alert.worst_p
    return "the evidence has grown" if rested and stronger else ""


def _calm(alert: Alert, period: dt.date, now: dt.datetime, rules: Rules) -> Step:
    if alert.state == "resolved":
        return alert, None
    calm = alert.calm + 1
    if calm < rules.calm_periods:
        return replace(alert, calm=calm), None
    over = replace(alert, state="resolved", resolved=period, updated=period, calm=calm, told=(*alert.told, period))
    return over, _transition(over, alert.state, period, now, f"{calm} periods in a row as expected")


def acknowledge(alert: Alert, period: dt.date, now: dt.datetime, actor: str, reason: str) -> Step:
    """Returns the alert acknowledged by a person; ValueError if it is over."""
    return _by_hand(alert, "acknowledged", period, now, actor, reason, None)


def snooze(alert: Alert, until: dt.date, period: dt.date, now: dt.datetime, actor: str, reason: str) -> Step:
    """Returns the alert silent until a date unless it worsens; ValueError if it is over or the date has passed."""
    if until <= period:
        raise ValueError(f"{until} has passed: give a date after {period}")
    return _by_hand(alert, "snoozed", period, now, actor, f"{reason} (until {until})", until)


def _by_hand(
    alert: Alert, state: State, period: dt.date, now: dt.datetime, actor: str, reason: str, until: dt.date | None
) -> Step:
    if alert.state == "resolved":
        raise ValueError(f"alert {alert.id} was resolved on {alert.resolved}: nothing to change")
    changed = replace(alert, state=state, snoozed_until=until)
    stamp = f"{now:%Y%m%dT%H%M%S%f}"
    return changed, Transition(f"{alert.id}/{state}/{stamp}", alert.id, now, alert.state, state, reason, actor)


def _transition(alert: Alert, was: State | None, period: dt.date, now: dt.datetime, reason: str) -> Transition:
    return Transition(f"{alert.id}/{period}/{alert.state}", alert.id, now, was, alert.state, reason)
