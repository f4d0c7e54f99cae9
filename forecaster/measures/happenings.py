"""The events behind the flows and shares, for explaining what moved: when, where and which family. No child, no day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from forecaster.calendar import per_year
from forecaster.measures.history import BEFORE_HISTORY, NOT_RECORDED, History, Ints, labelled
from forecaster.types import (
    DIMENSIONS,
    PATHWAY,
    SINCE_PLAN,
    SINCE_PLAN_BANDS,
    Counting,
    Events,
    Step,
)

YEAR = 365.25
BAND_DAYS = (182, 365, 730)  # between SINCE_PLAN_BANDS: six months, a year, two years
LINKED = 182  # days within which a later stage of the pathway is taken to follow from an earlier one
LONG_AGO, NO_PLAN = (SINCE_PLAN_BANDS.index(band) for band in ("2 years or more", "no plan in two years"))


def events_of(history: History, countings: Mapping[str, Counting], rows: Ints, period: Ints, step: Step) -> Events:
    """Returns the events of a panel, given their rows in the history, their periods, and which of them each measure is
    of (positions in `rows`)."""
    places = {name: labelled(history.column(name), rows) for name in DIMENSIONS}
    labels = (*SINCE_PLAN_BANDS, NOT_RECORDED)
    return Events(
        period=period,
        family=history.family[rows],
        places={name: place for name, place in places.items() if len(np.unique(place[1])) > 1}
        | {SINCE_PLAN: (labels, since_plan(history, rows))},
        measures=countings,
        lags=lags(history, step),
    )


def since_plan(history: History, rows: Ints) -> Ints:
    """Returns how long before each event the child's last plan had ended, as one of SINCE_PLAN_BANDS or not recorded.

    The source's own date goes before the one that the child's history gives. A plan that ended more than two years ago
    counts only where the source says so: a history that grows would find more of them each year.
    """
    given = history.previous_plan_end[rows] > BEFORE_HISTORY
    found = history.since_last("plan_end", rows)
    days = np.where(given, history.day[rows] - history.previous_plan_end[rows], found)
    band = np.where((days >= 0) & (days <= history.end), np.searchsorted(BAND_DAYS, days, "right"), NO_PLAN)
    long_ago = (band == LONG_AGO) & ~given & ~(history.previous_plans[rows] >= 1)
    undated = (band == NO_PLAN) & (history.previous_plans[rows] >= 1)
    return np.where(undated, len(SINCE_PLAN_BANDS), np.where(long_ago, NO_PLAN, band))


def lags(history: History, step: Step) -> dict[str, int]:
    """Returns the median periods from each stage of the pathway to the next that the source has, by the later one."""
    stages = [kind for kind in PATHWAY if len(history.rows(kind))]
    return {late: _lag(history, early, late, step) for early, late in pairwise(stages)}


def _lag(history: History, early: str, late: str, step: Step) -> int:
    """Of children who reached both, an event of the day itself included."""
    days = history.since_latest(early, history.rows(late))
    near = days[days <= LINKED]
    return round(float(np.median(near)) * per_year(step) / YEAR) if len(near) else 0


def joined(parts: Sequence[Ints]) -> tuple[Ints, list[Ints]]:
    """Returns several lists of rows as one, and where each of them stands in it."""
    ends = np.cumsum([0, *(len(part) for part in parts)])
    places = [np.arange(start, stop) for start, stop in pairwise(ends)]
    return np.concatenate([np.zeros(0, np.int64), *parts]), places
