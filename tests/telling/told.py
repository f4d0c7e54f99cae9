"""Alerts, their changes and their words, and what a store holds after they were told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forecaster.messages import Chart, Delivery, Line, Message, Target, Telling
from forecaster.routing import Hours, Route
from forecaster.settings import Settings
from forecaster.store import Run, Store
from forecaster.types import Alert, Panel, SeriesKey, Transition
from jobs.telling import ANY_TIME, deliveries, heard, routes_of

MONDAY = dt.date(2018, 1, 8)
NOW = dt.datetime(2018, 1, 8, 7, 0, tzinfo=dt.UTC)
WEEK, DAY = dt.timedelta(weeks=1), dt.timedelta(days=1)
MANAGERS, DIRECTOR = Target("slack", "C0FORECAST"), Target("slack", "C0DIRECTOR")
HEAD = Target("email", "head@example.gov.uk")


def alert(name: str = "A1", **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "kind": "surge", "measure": "plan_starts", "slice": (), "direction": "up", "severity": "high",
        "state": "opened", "opened": MONDAY, "onset": MONDAY - 4 * WEEK, "updated": MONDAY, "observed": 17.0,
        "expected": 6.0, "lower": 2.0, "upper": 12.0, "p_value": 1e-5, "total": 71.0, "total_expected": 44.0,
        "spoke": NOW,
    }  # fmt: skip
    return Alert(id=name, **values | changes)


def opening(one: Alert, at: dt.datetime = NOW) -> Transition:
    return Transition(f"{one.id}/opened", one.id, at, None, "opened", "over the line")


def updating(one: Alert, at: dt.datetime = NOW + WEEK) -> Transition:
    return Transition(f"{one.id}/updated/{at:%Y%m%d}", one.id, at, "opened", "updated", "the evidence has grown")


def message(one: Alert, count: str, exact: bool = False) -> Message:
    day = (MONDAY,)
    chart = Chart("Plan starts", "children", day, (17.0,), (False,), (6.0,), (2.0,), (12.0,), alt_text="Chart: 17")
    lines = (Line("What", f"{count} children started a plan"),)
    return Message(one.id, f"{one.id} is surging", one.severity, "High severity.", lines, "Data to 7 January", chart,
                   answerable=True, exact=exact)  # fmt: skip


def words(one: Alert, exact: bool = False) -> Telling:
    whole = message(one, "3" if exact else "5 or fewer", exact)
    news = replace(whole, kind="change", headline=f"{one.id} is still surging", answerable=False)
    return Telling(whole, None if one.state == "opened" else news)


def outbox(
    store: Store,
    settings: Settings,
    changes: Sequence[tuple[Alert, Transition]],
    now: dt.datetime = NOW,
    hours: Hours = ANY_TIME,
    routes: Sequence[Route] | None = None,
) -> list[Delivery]:
    """What would be put into the outbox."""
    ways = routes_of(store, settings) if routes is None else routes
    safe, exact = ({step.id: words(one, exact) for one, step in changes} for exact in (False, True))
    return list(deliveries(changes, safe, exact, ways, heard(store, ways, now), now, hours))


def tell(store: Store, settings: Settings, *changes: tuple[Alert, Transition], now: dt.datetime = NOW) -> None:
    """Commits a run with these changes and what is to be told of them, and sends it all."""
    items = outbox(store, settings, changes, now)
    known = {one.id: one.changes for one in store.alerts()}
    run = Run(
        f"week-{now:%Y%m%d%H}", now.date(), now.date(), "week", now, "c0ffee", panel(),
        alerts=tuple(replace(one, changes=known.get(one.id, 0)) for one, _ in changes),
        transitions=tuple(step for _, step in changes), deliveries=tuple(items),
    )  # fmt: skip
    store.commit_run(run)
    send_all(store, now)


def send_all(store: Store, now: dt.datetime) -> None:
    """Marks everything as sent, in the order in which it may be."""
    while claimed := store.claim(now + WEEK, "test", DAY, lambda name: True):
        for item in claimed:
            store.mark_sent(item.id, f"receipt of {item.target} {item.message.headline}", now)


def panel() -> Panel:
    one, nothing = np.ones((1, 1)), np.full((1, 1), np.nan)
    return Panel((SeriesKey("plan_starts"),), ("flow",), np.array([MONDAY], "datetime64[D]"), "week", one, nothing, one)


def told_parts(items: Sequence[Delivery]) -> list[tuple[Target, str]]:
    return [(item.target, item.part) for item in items]
