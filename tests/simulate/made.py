"""Simulated councils are made once a session: a whole one takes about a second."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pandas as pd

from forecaster.simulate import Demo, Profile, Story, simulate

START = dt.date(2019, 12, 30)
WEEKS = 313
FIRST = START + dt.timedelta(weeks=WEEKS - 52)
YEARS = WEEKS * 7 / 365.25
SEEDS = (1, 2, 3)


@cache
def council(seed: int, stories: tuple[Story, ...] = (), weeks: int = WEEKS, **profile: float) -> Demo:
    """A council of six years from seed; the same arguments give the same object."""
    return simulate(seed, start=START, weeks=weeks, stories=stories, profile=Profile(**profile))  # type: ignore[arg-type]


def served(demo: Demo, event: str | None = None) -> pd.DataFrame:
    """The events of the window itself, without the plans that were open before it."""
    events = demo.events[demo.events["date"] >= pd.Timestamp(demo.start)]
    return events if event is None else events[events["event"] == event]


def weekly(demo: Demo, event: str, **where: str) -> pd.Series:
    """Events a week, by the number of the week from the first of the last year."""
    events = served(demo, event)
    for column, value in where.items():
        events = events[events[column] == value]
    week = (events["date"] - pd.Timestamp(FIRST)).dt.days // 7
    return week.value_counts().reindex(range(52 - WEEKS, 52), fill_value=0).sort_index()
