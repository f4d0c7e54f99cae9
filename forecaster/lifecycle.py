"""The life of an alert: a pure state machine, one step a period, and what people do about it in between.

    opened -> updated -> acknowledged / snoozed -> resolved        (docs/alert-states.md draws it)

An alert opens on strong evidence and stays while weaker evidence lasts; it is resolved after several calm periods in a
row, and comes back as the same alert when the move returns soon after. Nothing is told twice: between transitions the
figures are refreshed in silence. One that a person holds (acknowledged or snoozed) is silent unless it worsens; a
snooze ends on its day in silence, and the next strong evidence speaks.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container
from dataclasses import dataclass, replace

from forecaster.calendar import LONDON, local_date, working_day_after
from forecaster.messages import Act, Answer
from forecaster.types import Alert, Change, Driver, Severity, Signal, State, Transition

RANK: dict[Severity, int] = {"low": 0, "medium": 1, "high": 2}
WAITING: tuple[State, ...] = ("opened", "updated")  # for somebody to answer
HELD: tuple[State, ...] = ("acknowledged", "snoozed")  # by somebody
ACTIVE: tuple[State, ...] = (*WAITING, *HELD)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Rules:
    """calm_periods: periods without evidence before an alert is resolved, and after it during which it may come back.

    stronger: how many times smaller the p-value must get to be worth telling; quiet_days: least time between two
    updates. worse: by what part of itself the excess must have grown since it was last told for a held alert to speak
    again, and least_worse: by how many children (or events) at least.
    """

    calm_periods: int = 4
    period_days: int = 7
    stronger: float = 100.0
    quiet_days: int = 21
    worse: float = 0.5
    least_worse: float = 6.0


@dataclass(frozen=True)
class Finding:
    """A signal explained. strong: enough to open an alert; a weak one only keeps it open.

    level: its totals are how things stand (a stock), not what has come together since the onset.
    """

    signal: Signal
    drivers: tuple[Driver, ...]
    severity: Severity
    strong: bool
    level: bool = False


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
    reason = _worth_telling(alert, finding, period, now, rules)
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
        worst_p=s.p_value, seen=period, told=(s.period,), told_of=((s.key.slice, s.onset),), spoke=now,
        told_excess=s.total - s.total_expected,
    )  # fmt: skip
    return alert, _transition(alert, None, period, now, f"evidence p = {s.p_value:.2g}, over the line")


def _refresh(alert: Alert, finding: Finding) -> Alert:
    """The alert with this period's figures."""
    s = finding.signal
    return replace(
        alert, slice=s.key.slice, observed=s.observed, expected=s.expected, lower=s.lower, upper=s.upper,
        p_value=s.p_value, total=s.total, total_expected=s.total_expected, onset=s.onset,
        drivers=finding.drivers, calm=0, observed_told=None, excess_told=False,
    )  # fmt: skip


def _tell(alert: Alert, finding: Finding, now: dt.datetime, reason: str) -> Step:
    period, fresh = finding.signal.period, _refresh(alert, finding)
    told = replace(
        fresh, state="updated", updated=period, resolved=None, snoozed_until=None, severity=finding.severity,
        worst_p=min(alert.worst_p, finding.signal.p_value), told=(*alert.told, period),
        told_of=(*alert.told_of, (fresh.slice, fresh.onset)), spoke=now,
        told_excess=fresh.excess, held_by="", escalated=alert.escalated if alert.state in WAITING else 0,
    )  # fmt: skip
    return told, _transition(told, alert.state, alert.seen, now, reason)


def _worth_telling(alert: Alert, finding: Finding, period: dt.date, now: dt.datetime, rules: Rules) -> str:
    """Why a change is worth a message, or "" when it is not."""
    if not finding.strong:
        return ""
    if RANK[finding.severity] > RANK[alert.severity]:
        return f"severity rose from {alert.severity} to {finding.severity}"
    if _snooze_is_over(alert, now):
        return "still there after the snooze"
    if alert.state in HELD:
        worse = _is_worse(alert, finding, period, rules)
        return "it has worsened by more than half since it was last told" if worse else ""
    if finding.signal.key.is_council and not alert.key.is_council:
        return "now seen in the whole council"
    rested = (period - alert.updated).days >= rules.quiet_days
    stronger = finding.signal.p_value * rules.stronger < alert.worst_p
    return "the evidence has grown" if rested and stronger else ""


def _snooze_is_over(alert: Alert, now: dt.datetime) -> bool:
    """Whether the day until which an alert was snoozed has come, by the calendar of London."""
    return alert.snoozed_until is not None and local_date(now) >= alert.snoozed_until


def _is_worse(alert: Alert, finding: Finding, period: dt.date, rules: Rules) -> bool:
    """Whether the excess has outgrown what was told, and faster than before: to go on at one pace is not to worsen."""
    sign = 1 if alert.direction == "up" else -1
    was = sign * alert.told_excess
    grown = sign * (finding.signal.total - finding.signal.total_expected) - was
    if was <= 0 or grown <= rules.worse * was or grown < rules.least_worse:
        return False
    before, since = (alert.updated - alert.onset).days + rules.period_days, (period - alert.updated).days
    return finding.level or grown * before > (1 + rules.worse) * was * since


def _calm(alert: Alert, period: dt.date, now: dt.datetime, rules: Rules) -> Step:
    if alert.state == "resolved":
        return alert, None
    calm = alert.calm + 1
    if calm < rules.calm_periods:
        return replace(alert, calm=calm), None
    over = replace(
        alert, state="resolved", resolved=period, updated=period, calm=calm, told=(*alert.told, period),
        told_of=(*alert.told_of, (alert.slice, alert.onset)), spoke=now, told_excess=alert.excess,
    )  # fmt: skip
    return over, _transition(over, alert.state, period, now, f"{_in_a_row(calm, rules)} as expected")


def _in_a_row(count: int, rules: Rules) -> str:
    """So many periods as a person says it: "four weeks in a row"."""
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    unit = "week" if rules.period_days == 7 else "month"
    return f"{number} {unit}" + ("s in a row" if count > 1 else "")


def _transition(alert: Alert, was: State | None, period: dt.date, now: dt.datetime, reason: str) -> Transition:
    return Transition(f"{alert.id}/{period}/{alert.state}", alert.id, now, was, alert.state, reason)


def join(alert: Alert, story: str) -> Alert:
    """Returns the alert as part of a story: the id of the alert that it began with."""
    return replace(alert, story="" if story == alert.id else story)


# What people do

_NOT_BY_STATE: dict[Answer, Change] = {"assign": "assigned", "useful": "useful", "not useful": "not useful"}
_NEEDS_A_REASON: tuple[Answer, ...] = ("acknowledge", "snooze", "not useful")


def act(alert: Alert, act: Act, day: dt.date, now: dt.datetime, known: Container[str] = ()) -> Step:
    """Returns the alert after what a person did about it, from wherever they did it.

    day: the day it is done on. known: ids of the changes the alert has been through: a click that comes again changes
    nothing. Raises ValueError, in one plain line, for what cannot be done.
    """
    name = _act_id(act, now)
    if act.token and name in known:
        return alert, None
    _check(alert, act, day)
    changed, change = _done(alert, act), _NOT_BY_STATE.get(act.what)
    return changed, Transition(name, alert.id, now, alert.state, changed.state, _words(act), act.by, change)


def _act_id(act: Act, now: dt.datetime) -> str:
    mark = act.token or f"{now:%Y%m%dT%H%M%S%f}"
    return f"{act.alert_id}/{act.what.replace(' ', '-')}/{mark}"


def _check(alert: Alert, act: Act, day: dt.date) -> None:
    if alert.state == "resolved":
        raise ValueError(f"alert {alert.id} was resolved on {alert.resolved}: nothing to change")
    if not act.by:
        raise ValueError("it is kept with the alert who says so: give a name")
    if act.what == "snooze" and act.until is None:
        raise ValueError("a snooze needs the date on which it ends")
    if act.what == "snooze" and act.until is not None and act.until <= day:
        raise ValueError(f"{act.until} has passed: give a date after {day}")
    if act.what == "assign" and not act.to:
        raise ValueError("to assign an alert takes the name of a person")
    if act.what in _NEEDS_A_REASON and not act.reason:
        raise ValueError(f'"{act.what}" needs a reason: it is kept with the alert')


def _done(alert: Alert, act: Act) -> Alert:
    if act.what == "assign":
        return replace(alert, assignee=act.to)
    if act.what == "useful":
        return alert
    state: State = "snoozed" if act.what == "snooze" else "acknowledged"  # what is not useful is to be silent
    return replace(alert, state=state, snoozed_until=act.until if state == "snoozed" else None, held_by=act.by)


def _words(act: Act) -> str:
    """What is written down of an act: the reason a person gave, and what they chose with it."""
    if act.what == "snooze":
        return f"{act.reason} (until {act.until})"
    if act.what == "assign":
        return f"to {act.to}" + (f": {act.reason}" if act.reason else "")
    return act.reason or "it was useful"


# What happens when nobody does anything


def wake(alert: Alert, now: dt.datetime) -> Step:
    """Returns the alert held by nobody once its snooze is over; nothing where it is not.

    Nobody is told: it keeps the day until it was snoozed, so that the next strong evidence is told as still there.
    """
    if alert.state != "snoozed" or not _snooze_is_over(alert, now):
        return alert, None
    name = f"{alert.id}/{alert.snoozed_until}/awake"
    awake = replace(alert, state="updated", held_by="", escalated=0)
    return awake, Transition(name, alert.id, now, alert.state, awake.state, "the snooze is over")


def unanswered(alert: Alert, heard: dt.datetime | None, now: dt.datetime, working_days: int) -> int | None:
    """Returns the next step of escalation (1, 2, …) of an alert that waits for an answer for too long; else None.

    heard: when what it said last was first delivered to anybody, None where it has not been. working_days: how long it
    may wait since then, by the clock in London and without England's bank holidays.
    """
    if alert.state not in WAITING or alert.snoozed_until or heard is None:  # after a snooze it has not spoken yet
        return None
    since = heard.astimezone(LONDON)
    due = dt.datetime.combine(working_day_after(since.date(), working_days), since.time(), LONDON)
    return alert.escalated + 1 if now >= due else None


def escalate(alert: Alert, step: int, now: dt.datetime, working_days: int) -> Step:
    """Returns the alert told to the next in line; nothing where it was answered or that step was told already."""
    if alert.state not in WAITING or step <= alert.escalated:
        return alert, None
    days = "a working day" if working_days == 1 else f"{working_days} working days"
    name, reason = f"{alert.id}/{alert.updated}/escalated/{step}", f"nobody acknowledged it within {days}"
    told = replace(alert, escalated=step, spoke=now)
    return told, Transition(name, alert.id, now, alert.state, alert.state, reason, change="escalated")
