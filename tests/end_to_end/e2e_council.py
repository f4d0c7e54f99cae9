"""A small simulated council with one story that nobody can miss, and totals with another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.simulate import Demo, Profile, SourceFlood, simulate

WEEK = dt.timedelta(weeks=1)
START = dt.date(2020, 1, 6)
WEEKS = 138
FLOOD = START + (WEEKS - 6) * WEEK  # from here on the police refer five times as many children
MONDAY = FLOOD + 3 * WEEK  # by now, everybody knows
LAST = START + WEEKS * WEEK  # the Monday after the newest data


@cache
def council() -> Demo:
    """The council; the same each time."""
    flood = SourceFlood(start=FLOOD, weeks=6, source="Police", factor=5.0)
    return simulate(1, start=START, weeks=WEEKS, stories=(flood,), profile=Profile(size=0.4))


def write_events(path: Path, recorded_before: dt.date | None = None) -> Path:
    """Writes the events CSV as the council's system would, on the last day or on an earlier one."""
    events = council().events
    if recorded_before:
        events = events[events["recorded"] < pd.Timestamp(recorded_before)]
    events.to_csv(path, index=False, date_format="%Y-%m-%d")
    return path


SURGE = START + 120 * WEEK
TOLD = SURGE + 3 * WEEK  # by now, everybody knows
BEFORE, AROUND = tuple(np.random.default_rng(4).poisson(30, size=120)), (52, 63, 80, 95, 60, 28, 31, 29, 30, 32)


def totals(measure: str = "referrals", weeks: int = 130, around: Iterable[int] = AROUND) -> Iterator[str]:
    """Yields a totals CSV of weekly counts near 30, with a surge of five weeks from SURGE on."""
    yield "week,measure,count"
    counts = [*BEFORE, *around, *BEFORE][:weeks]
    yield from (f"{START + week * WEEK},{measure},{count}" for week, count in enumerate(counts))
