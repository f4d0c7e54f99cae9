"""Who is told of an alert, and when: routes, a cap on new alerts for each addressee and week, quiet hours.

What repeats or floods is muted, so an addressee has at most so many new alerts a week; the digest has the others. A
large move is never kept from anybody: high severity passes the cap, though it counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from forecaster.calendar import DAY, LONDON, is_working_day
from forecaster.lifecycle import RANK
from forecaster.messages import Target
from forecaster.types import COUNCIL, Alert, Change, Direction, Severity, Transition

ANY = "*"
# Changes that say enough of an alert to begin with; the others mean nothing to who never heard of it.
_SPEAKS: tuple[Change, ...] = ("opened", "updated")
_MIDNIGHT = dt.time(0)


@dataclass(frozen=True)
class Addressee:
    """Somebody who is told things, by name. exact: may see small numbers. most_per_week: new alerts, None for any."""

    name: str
    target: Target
    exact: bool = False
    most_per_week: int | None = None


@dataclass(frozen=True)
class Route:
    """Which alerts go to whom, and who is told next, step by step, when nobody answers.

    measures: names, or "*" for all. breakdowns: of an alert on a slice, or "council" for one on the whole council, or
    "*". severity: the least that goes this way.
    """

    to: tuple[Addressee, ...]
    measures: tuple[str, ...] = (ANY,)
    breakdowns: tuple[str, ...] = (ANY,)
    severity: Severity = "low"
    direction: Direction | Literal["both"] = "both"
    escalate: tuple[tuple[Addressee, ...], ...] = ()


@dataclass(frozen=True)
class Hours:
    """When nobody is to be disturbed: between two times of the local clock, and on days off.

    Two equal times are no quiet hours. high_at_any_time: alerts of high severity do not wait.
    """

    quiet_from: dt.time = _MIDNIGHT
    quiet_to: dt.time = _MIDNIGHT
    working_days_only: bool = False
    zone: ZoneInfo = LONDON
    high_at_any_time: bool = False


@dataclass(frozen=True)
class Told:
    """What an addressee was told so far: how many new alerts in this ISO week, and every alert and story ever."""

    openings: int = 0
    alerts: frozenset[str] = frozenset()
    stories: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Booking:
    """One transition for one addressee. due: not before then, None for at once. held: why it is not sent, "" if it is.

    opening: it is new to the addressee and counts as one of the week.
    """

    addressee: Addressee
    alert_id: str
    transition_id: str
    due: dt.datetime | None = None
    held: str = ""
    opening: bool = False


def who(alert: Alert, routes: Iterable[Route]) -> list[Addressee]:
    """Returns everybody an alert goes to, each place once, in the order of the routes."""
    return _each_once(addressee for route in routes if not _apart(alert, route) for addressee in route.to)


def escalation(alert: Alert, routes: Iterable[Route], step: int) -> list[Addressee]:
    """Returns who is told in one step (1, 2, …) when nobody answers; empty where the routes have no such step."""
    steps = (route.escalate[step - 1 : step] for route in routes if not _apart(alert, route))
    return _each_once(addressee for found in steps for addressees in found for addressee in addressees)


def everybody(routes: Iterable[Route]) -> list[Addressee]:
    """Returns all addressees of some routes, each once."""
    return list(dict.fromkeys(one for route in routes for step in (route.to, *route.escalate) for one in step))


def why(alert: Alert, routes: Iterable[Route]) -> list[str]:
    """Returns a line for each route: whom it brings the alert to, or why it does not."""
    return [f"route {number}: {_explained(alert, route)}" for number, route in enumerate(routes, start=1)]


def _explained(alert: Alert, route: Route) -> str:
    if reasons := _apart(alert, route):
        return f"not this one: {'; '.join(reasons)}"
    steps = [f"; if nobody answers, {_names(step)}" for step in route.escalate]
    return f"goes to {_names(route.to)}" + "".join(steps)


def _names(addressees: Iterable[Addressee]) -> str:
    return ", ".join(addressee.name for addressee in addressees)


def _each_once(addressees: Iterable[Addressee]) -> list[Addressee]:
    first: dict[Target, Addressee] = {}
    for addressee in addressees:
        first.setdefault(addressee.target, addressee)
    return list(first.values())


def _apart(alert: Alert, route: Route) -> list[str]:
    """What keeps an alert off a route; nothing where it fits."""
    reasons = []
    if not {ANY, alert.measure} & set(route.measures):
        reasons.append(f"{alert.measure} is not among {', '.join(route.measures)}")
    if not {ANY, *_breakdowns(alert)} & set(route.breakdowns):
        reasons.append(f"it is about {' and '.join(_breakdowns(alert))}, not {' or '.join(route.breakdowns)}")
    if RANK[alert.severity] < RANK[route.severity]:
        reasons.append(f"severity {alert.severity} is below {route.severity}")
    if route.direction not in ("both", alert.direction):
        reasons.append(f"it goes {alert.direction}, not {route.direction}")
    return reasons


def _breakdowns(alert: Alert) -> list[str]:
    return [name for name, _ in alert.slice if name != COUNCIL] or [COUNCIL]


# When


def next_moment(now: dt.datetime, hours: Hours, severity: Severity = "medium") -> dt.datetime:
    """Returns the first moment from now on at which somebody may be told of what is so severe; UTC in and out."""
    if (severity == "high" and hours.high_at_any_time) or not is_quiet(now, hours):
        return now
    today = now.astimezone(hours.zone).date()
    moments = (moment for ahead in count() for moment in _possible(today + ahead * DAY, hours))
    return next(moment for moment in moments if moment >= now and not is_quiet(moment, hours))


def is_quiet(moment: dt.datetime, hours: Hours) -> bool:
    """Returns whether nobody is to be disturbed at a moment, by the local clock."""
    local = moment.astimezone(hours.zone)
    if hours.working_days_only and not is_working_day(local.date()):
        return True
    time, start, end = local.time(), hours.quiet_from, hours.quiet_to
    return start <= time < end if start <= end else time >= start or time < end


def _possible(day: dt.date, hours: Hours) -> list[dt.datetime]:
    """The moments of a day at which quiet may end: midnight, and the time it ends, which an autumn night has twice."""
    local = [dt.datetime.combine(day, time, hours.zone) for time in (_MIDNIGHT, hours.quiet_to)]
    return sorted(moment.replace(fold=fold).astimezone(dt.UTC) for moment in local for fold in (0, 1))


# How many


def book(
    told: Sequence[tuple[Alert, Transition]],
    routes: Sequence[Route],
    already: Mapping[str, Told],
    now: dt.datetime,
    hours: Hours,
) -> list[Booking]:
    """Returns what goes to whom and when, the most severe and surest first; the order of `told` does not matter.

    already: by the addressee's name. To who knows neither an alert nor its story it is a new one, whatever it says now;
    beyond most_per_week new ones are held, and may come when they say more in a later week. Who was told of an alert is
    told how it goes on and ends, even if it would not come their way any more.
    """
    ledger, bookings = dict(already), list[Booking]()
    for alert, transition in sorted(told, key=_urgency):
        moment = next_moment(now, hours, alert.severity)
        for addressee in _recipients(alert, routes, ledger):
            knows = ledger.get(addressee.name, Told())
            held, opening = _admitted(alert, transition, addressee, knows)
            due = moment if moment > now and not held else None
            bookings.append(Booking(addressee, alert.id, transition.id, due, held, opening))
            if not held:
                ledger[addressee.name] = _having_heard(knows, alert, opening)
    return bookings


def _urgency(item: tuple[Alert, Transition]) -> tuple[int, float, str, dt.datetime, str]:
    alert, transition = item
    return -RANK[alert.severity], alert.p_value, alert.id, transition.at, transition.id


def _recipients(alert: Alert, routes: Sequence[Route], ledger: Mapping[str, Told]) -> list[Addressee]:
    knowing = [a for a in everybody(routes) if alert.id in ledger.get(a.name, Told()).alerts]
    return _each_once([*who(alert, routes), *knowing])


def _admitted(alert: Alert, transition: Transition, addressee: Addressee, knows: Told) -> tuple[str, bool]:
    """Why a transition is held from an addressee ("" if it is not), and whether it is told as a new alert."""
    if alert.id in knows.alerts:
        return "", False
    if transition.what not in _SPEAKS:
        return "they were not told of this alert", False
    if _story(alert) in knows.stories:
        return "", False
    most = addressee.most_per_week
    if most is not None and knows.openings >= most and alert.severity != "high":
        return f"{knows.openings} of at most {most} new alerts this week", False
    return "", True


def _having_heard(knows: Told, alert: Alert, opening: bool) -> Told:
    return Told(knows.openings + opening, knows.alerts | {alert.id}, knows.stories | {_story(alert)})


def _story(alert: Alert) -> str:
    return alert.story or alert.id
