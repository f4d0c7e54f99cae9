"""Weeks of every kind for the digest, and alerts about data that did not arrive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from forecaster.arrival import Clock, Feed, check, message, telling
from forecaster.calendar import to_utc
from forecaster.messages import Message, Telling
from forecaster.types import Alert, NotRun, SeriesKey, Signal
from forecaster.words.context import YearEnd
from forecaster.words.digest import Facts, Heading, Ran

MONDAY = dt.date(2018, 1, 15)  # the day of the digest
WEEK = dt.date(2018, 1, 8)  # the week it is about
CLOSES = dt.date(2018, 3, 31)
TITLES = {
    "referrals": "Referrals", "section_47": "Section 47 enquiries", "plan_starts": "Child protection plan starts",
    "plans_open": "Children on a child protection plan", "repeat_plans": "Repeat plans", "contacts": "Contacts",
}  # fmt: skip
SHORT = "too little history: 80 periods, 104 needed"


def series(measure: str, **slice_: str) -> SeriesKey:
    return SeriesKey(measure, tuple(slice_.items()))


def missed(*keys: SeriesKey, by: str = "surge", reason: str = SHORT) -> tuple[NotRun, ...]:
    return tuple(NotRun(key, by, reason) for key in keys)


def ran(**changes: Any) -> Ran:
    return replace(Ran("week", MONDAY, WEEK, WEEK, 214, (), True), **changes)


def alert(**changes: Any) -> Alert:
    made = Alert(
        id="plan-starts-up-2018-w02", kind="surge", measure="plan_starts", slice=(), direction="up", severity="high",
        state="opened", opened=WEEK, onset=dt.date(2017, 11, 20), updated=WEEK, observed=17.0, expected=6.0, lower=2.0,
        upper=12.0, p_value=1e-5, total=71.0, total_expected=44.0,
        text="Child protection plan starts are surging - week of 8 January 2018\nHigh severity.",
    )  # fmt: skip
    return replace(made, **changes)


def drifting(**changes: Any) -> Alert:
    text = "Repeat plans are drifting up - week of 1 January 2018\nMedium severity."
    return alert(id="drift", kind="drift", measure="repeat_plans", severity="medium", text=text, **changes)


def signal(measure: str, p_value: float, direction: str = "up", kind: str = "surge", **slice_: str) -> Signal:
    return Signal(
        key=series(measure, **slice_), kind=kind, direction=direction, period=WEEK, onset=WEEK,  # type: ignore[arg-type]
        observed=3.0, expected=1.0, lower=0.0, upper=4.0, p_value=p_value, score=2.0, total=4.0, total_expected=2.0,
    )  # fmt: skip


def headings() -> tuple[Heading, ...]:
    def flow(measure: str, lately: float, mid: float, half: float, model: str = "levels") -> Heading:
        band = (mid - half, mid, mid + half)
        return Heading(series(measure), TITLES[measure], "flow", "week", (lately,) * 13, band, model=model)

    return (
        flow("referrals", 95.0, 92.0, 18.0),
        flow("section_47", 41.0, 40.0, 12.0, "levels 77%, prophet 23%"),
        flow("plan_starts", 7.0, 7.4, 4.0),
        Heading(series("plans_open"), TITLES["plans_open"], "stock", "week", (203.0,),
                end=YearEnd(CLOSES, 190, 210, 236, 172, 0.98), model="cohort"),
        Heading(series("repeat_plans"), TITLES["repeat_plans"], "share", "week",
                end=YearEnd(CLOSES, 0.222, 0.241, 0.262, 0.172, size=310), model="the level of the last 52 weeks"),
    )  # fmt: skip


def facts(**changes: Any) -> Facts:
    made = Facts(
        week=WEEK, day=MONDAY, runs=(ran(),), received=MONDAY, ahead=headings(), titles=TITLES, opened=3,
        coverage=0.948, config="1a2b3c4d",
    )  # fmt: skip
    return replace(made, **changes)


def quiet() -> Facts:
    teams = [series("contacts", team=f"Team {i}") for i in range(8)]
    away = (
        *missed(*teams),
        *missed(series("contacts", locality="Leominster"), reason="no value for this period"),
        *missed(teams[0], by="forecast"),
        *missed(series("contacts"), by="neighbours", reason="no published figures"),
    )
    close = (signal("referrals", 0.004, source="Police"), signal("repeat_plans", 0.01, "down", "drift"))
    return facts(runs=(ran(missed=away),), near=close)


def open_alerts() -> Facts:
    held = alert(
        id="held", measure="contacts", slice=(("team", "Team 2"),), severity="low",
        text="Contacts are falling in Team 2 - week of 8 January 2018\nLow severity.",
    )  # fmt: skip
    given = alert(id="given", assignee="B. Lee")
    taken = drifting(state="snoozed", held_by="Ann Smith", snoozed_until=dt.date(2018, 2, 5))
    monthly = ran(step="month", period=dt.date(2017, 12, 1), due=dt.date(2017, 12, 1), series=6, provisional=False)
    return facts(runs=(ran(), monthly), alerts=(given, taken, held), held=frozenset({"held"}))


def stale() -> Facts:
    late = missed(series("all measures"), by="arrival", reason="no events after 2017-12-24: the week …")
    run = ran(period=dt.date(2017, 12, 18), missed=late, provisional=False)
    return facts(
        runs=(run,), alerts=(alert(state="acknowledged", held_by="Ann Smith"),), near=(signal("contacts", 0.01),)
    )


def not_run() -> Facts:
    return facts(runs=(ran(on=dt.date(2018, 1, 8), period=dt.date(2018, 1, 1)),))


def incomplete() -> Facts:
    reason = "week of 2018-01-08 looks incomplete: 31% of what is usual"
    gone = missed(*(series(name) for name in TITLES), reason="no value for this period")
    return facts(runs=(ran(missed=(*missed(series("all measures"), by="completeness", reason=reason), *gone)),))


def first_week() -> Facts:
    keys = [series(name) for name in TITLES]
    run = ran(series=6, missed=(*missed(*keys), *missed(*keys, by="forecast")))
    return facts(
        runs=(run,), ahead=tuple(replace(h, ahead=None, end=None) for h in headings()), opened=0, coverage=None
    )


def partly() -> Facts:
    away = missed(series("repeat_plans"), by="drift", reason="too many gaps: less than four fifths of …")
    monthly = ran(step="month", period=dt.date(2017, 10, 1), due=dt.date(2017, 11, 1), series=6, provisional=False)
    return facts(runs=(ran(missed=away), monthly))


def no_data() -> Facts:
    return Facts(week=WEEK, day=MONDAY, config="1a2b3c4d")


def never_run() -> Facts:
    return replace(no_data(), received=dt.date(2018, 1, 12))


DIGESTS: dict[str, Callable[[], Facts]] = {
    "quiet": quiet, "open": open_alerts, "stale": stale, "not_run": not_run, "incomplete": incomplete,
    "first_week": first_week, "partly": partly, "no_data": no_data, "never_run": never_run,
}  # fmt: skip

CLOCK = Clock()
WEDNESDAY = to_utc(dt.date(2018, 1, 3), 10)  # the second working day of the year
EVENTS = Feed("", "week", dt.date(2017, 12, 18), dt.date(2017, 12, 24), dt.date(2017, 12, 27))
MONTHLY = Feed("monthly totals", "month", dt.date(2017, 11, 1), dt.date(2017, 11, 30))


def arrival_opened(feed: Feed = EVENTS, at: dt.datetime = WEDNESDAY) -> Message:
    found = check(feed, at, CLOCK, None)
    assert found
    return message(*found, feed, CLOCK, "1a2b3c4d")


def arrival_updated() -> Telling:
    opened = check(EVENTS, WEDNESDAY, CLOCK, None)
    assert opened
    found = check(EVENTS, to_utc(dt.date(2018, 1, 9), 10), CLOCK, opened[0])
    assert found
    return telling(*found, EVENTS, CLOCK, "1a2b3c4d")


def arrival_news() -> Message:
    news = arrival_updated().news
    assert news
    return news


def arrival_resolved() -> Message:
    opened = check(EVENTS, WEDNESDAY, CLOCK, None)
    there = replace(EVENTS, last=dt.date(2018, 1, 1), newest=dt.date(2018, 1, 7))
    assert opened
    found = check(there, to_utc(dt.date(2018, 1, 8), 7), CLOCK, opened[0])
    assert found
    return message(*found, there, CLOCK, "1a2b3c4d")


def arrival_monthly() -> Message:
    return arrival_opened(MONTHLY, to_utc(dt.date(2018, 1, 15), 10))


ARRIVALS: dict[str, Callable[[], Message]] = {
    "opened": arrival_opened, "updated": lambda: arrival_updated().whole, "updated_news": arrival_news,
    "resolved": arrival_resolved, "monthly": arrival_monthly,
}  # fmt: skip
