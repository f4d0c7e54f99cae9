"""Totals of two measures, week by week, and the mornings on which they are read and judged."""

from __future__ import annotations

import datetime as dt

import numpy as np

from forecaster.calendar import to_utc
from forecaster.messages import Delivery, Target
from forecaster.settings import Settings
from forecaster.store import Store
from jobs.watch import Result, run_day
from tests.store.store_cases import event, extract, total, totals_extract

CONFIG = """
[detection]
detectors = ["surge", "drift"]
[forecast]
models = ["levels"]
workers = 1
[[targets]]
name = "console"
channel = "console"
[[routes]]
to = ["console"]
"""
WEEK = dt.timedelta(weeks=1)
MONDAY = dt.date(2018, 1, 15)  # the week of 8 January was judged on it
NEWEST = MONDAY - WEEK
LENGTH = 114
CONSOLE, SLACK = Target("console"), Target("slack", "C0FORECAST")
LEVELS = {"referrals": 60.0, "plan_starts": 3.0}


def at(day: dt.date, hour: int = 9) -> dt.datetime:
    return to_utc(day, hour)


def ingest(store: Store, upto: dt.date = NEWEST, measures: dict[str, float] | None = None, surge: float = 1.0) -> None:
    """Reads weekly totals up to a week, the newest three of them `surge` times as high, on the Monday after it."""
    rng = np.random.default_rng(5)
    rows = []
    for measure, level in (measures or LEVELS).items():
        means = np.full(LENGTH, level)
        means[-3:] *= surge
        weeks = (upto - (LENGTH - 1 - i) * WEEK for i in range(LENGTH))
        rows += [total(str(week), float(n), measure) for week, n in zip(weeks, rng.poisson(means), strict=True)]
    store.ingest(totals_extract(*rows), at(upto + WEEK, 6))


def ingest_months(store: Store, upto: dt.date, received: dt.datetime) -> None:
    """Reads monthly totals of contacts, the last of them of the month that begins on `upto`."""
    months = (np.datetime64(upto, "M") - np.arange(60)[::-1]).astype("datetime64[D]").astype(str)
    counts = np.random.default_rng(6).poisson(200, 60)
    store.ingest(
        totals_extract(*(total(m, float(n), "contacts", step="month") for m, n in zip(months, counts, strict=True))),
        received,
    )


def ingest_events(store: Store, *days: str, received: dt.datetime) -> None:
    """Reads a referral of each of these days."""
    store.ingest(extract(*(event(f"child {day}", date=day) for day in days)), received)


def judge(store: Store, settings: Settings, day: dt.date = MONDAY) -> list[Result]:
    return run_day(store, settings, day, at(day, 7))


def digests(store: Store) -> list[Delivery]:
    return [delivery for delivery in store.deliveries() if delivery.message.kind == "digest"]
