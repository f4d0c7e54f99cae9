"""A measure that comes by several feeds is judged by one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from made_panels import panel

from forecaster.feeds import one_feed_each
from forecaster.types import Panel, SeriesKey, Step

LEAST: dict[Step, int] = {"week": 104, "month": 36}
STARTS, ENDS = SeriesKey("plan_starts"), SeriesKey("plan_ends")
TEAM = SeriesKey("plan_starts", (("team", "A"),))
HULL = SeriesKey("plan_starts", (("council", "Hull"),))


def feed(*keys: SeriesKey, step: Step = "week", first: dt.date = dt.date(2014, 1, 6), length: int = 150) -> Panel:
    return panel(np.full((len(keys), length), 9.0), keys=keys, step=step, first=first)


def by_month(*keys: SeriesKey, length: int = 36) -> Panel:
    return feed(*keys, step="month", first=dt.date(2014, 1, 1), length=length)


def kept(*feeds: Panel) -> list[tuple[SeriesKey, ...]]:
    return [some.keys for some, _ in one_feed_each(feeds, LEAST)]


def test_feeds_of_different_measures_are_all_judged() -> None:
    found = one_feed_each([feed(STARTS, TEAM), by_month(ENDS)], LEAST)
    assert [(some.keys, missed) for some, missed in found] == [((STARTS, TEAM), ()), ((ENDS,), ())]


def test_of_two_feeds_of_one_measure_the_first_is_judged_and_one_line_says_so() -> None:
    weekly, monthly = one_feed_each([feed(STARTS), by_month(STARTS, TEAM, ENDS)], LEAST)
    assert (weekly[0].keys, monthly[0].keys) == ((STARTS,), (ENDS,))
    (missed,) = weekly[1]
    assert (missed.key, missed.by) == (STARTS, "feeds")
    assert missed.reason == (
        "its totals by the month are not judged: its totals by the week are, and a measure is judged once"
    )
    assert monthly[1] == ()


def test_two_councils_are_two_measures() -> None:
    assert kept(feed(STARTS), by_month(HULL)) == [(STARTS,), (HULL,)]


def test_a_feed_too_young_to_be_judged_waits_while_another_is_old_enough() -> None:
    assert kept(feed(STARTS, length=90), by_month(STARTS)) == [(), (STARTS,)]
    assert kept(feed(STARTS, length=90), by_month(STARTS, length=20)) == [(STARTS,), ()]


@pytest.mark.parametrize(("behind", "first"), [(0, True), (12, True), (14, False)])
def test_a_feed_that_ended_a_quarter_before_another_gives_way_to_it(behind: int, first: bool) -> None:
    ended = feed(STARTS, length=157)  # to 8 January 2017; the months to the end of December, and as many weeks later
    other = feed(STARTS, length=157 + behind)
    assert kept(ended, other) == ([(STARTS,), ()] if first else [(), (STARTS,)])


def test_what_is_all_missing_is_no_feed() -> None:
    empty = feed(STARTS)
    empty.count[:] = np.nan
    assert kept(empty, by_month(STARTS)) == [(), (STARTS,)]
