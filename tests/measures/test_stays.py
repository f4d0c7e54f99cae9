"""The stays behind the stocks: they give every level of every stock, and hold nothing of a child or a day."""

from __future__ import annotations

import dataclasses
import datetime as dt
import pickle
from typing import Any

import numpy as np
from event_frames import FIRST, MEASURES, built, event, event_rows, flow, frame, parsed, stock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.measures import build_panel
from forecaster.types import NEVER, UNKNOWN, Panel, SeriesKey, Stays, Step

LAST = FIRST + dt.timedelta(weeks=110)
TWO = parsed(open=stock(), long=stock(open_at_least_days=100), starts=flow("plan_start"))
thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stays_of(panel: Panel) -> Stays:
    assert panel.stays is not None
    return panel.stays


def levels(panel: Panel, key: SeriesKey) -> list[int]:
    return [stays_of(panel).open(key, period) for period in range(len(panel.periods))]


def same(one: Stays, other: Stays) -> bool:
    """The same stays, in whatever order."""

    def rows(stays: Stays) -> list[tuple[Any, ...]]:
        columns = [stays.opened, stays.ended, *(stock.since for stock in stays.stocks.values())]
        named = [np.array([*labels, ""])[codes] for labels, codes in stays.places.values()]
        return sorted(zip(*columns, *named, strict=True))

    return rows(one) == rows(other)


@thorough
@given(event_rows(), st.sampled_from(["week", "month"]))
def test_the_stays_give_every_level_of_every_stock(rows: list[dict[str, Any]], step: Step) -> None:
    panel = build_panel(frame(rows), TWO, last=LAST, step=step, min_slice_total=0)
    for row, key in enumerate(panel.keys):
        if panel.kinds[row] == "stock":
            seen = np.isfinite(panel.count[row])
            np.testing.assert_array_equal(np.array(levels(panel, key))[seen], panel.count[row][seen])


@thorough
@given(event_rows(), st.integers(0, 90))
def test_stays_cut_off_at_a_period_are_those_of_a_history_that_ends_there(
    rows: list[dict[str, Any]], weeks_before: int
) -> None:
    """Where every end has a start: an end without one is known only once it has come."""
    starts = [row for row in rows if row["event"] == "plan_start"]
    ends = [{**row, "event": "plan_end", "date": row["date"] + dt.timedelta(days=60)} for row in starts[:3]]
    both = [*starts, *ends]
    then = build_panel(frame(both), TWO, last=LAST - dt.timedelta(weeks=weeks_before), first=FIRST, min_slice_total=0)
    now = build_panel(frame(both), TWO, last=LAST, first=FIRST, min_slice_total=0).until(len(then.periods))
    assert same(stays_of(now), stays_of(then))


def test_a_stay_has_the_periods_it_opened_and_ended_in() -> None:
    rows = [
        event("before", "plan_start", "2016-12-20"),
        event("before", "plan_end", "2017-01-10"),
        event("a", "plan_start", "2017-01-04"),
        event("a", "plan_end", "2017-02-05"),
        event("b", "plan_start", "2017-01-16"),
        event("orphan", "plan_end", "2017-01-20"),
    ]
    found = stays_of(built(rows, "2017-03-01", stock(), first=FIRST))
    assert sorted(zip(found.opened, found.ended, strict=True)) == [(UNKNOWN, 2), (-2, 1), (0, 4), (2, NEVER)]


def test_what_ended_before_the_first_period_is_left_out() -> None:
    rows = [event("a", "plan_start", "2016-10-01"), event("a", "plan_end", "2016-12-30")]
    assert len(stays_of(built(rows, "2017-03-01", stock(), first=FIRST)).opened) == 0


def test_a_stay_grows_into_a_stock_of_long_ones_even_after_the_last_period() -> None:
    rows = [event("a", "plan_start", "2017-01-04"), event("b", "plan_start", "2017-03-01")]
    panel = build_panel(frame(rows), TWO, last=LAST - dt.timedelta(weeks=95), first=FIRST)
    long = stays_of(panel).stocks["long"]
    assert sorted(long.since) == [14, 22]  # 14 April and 9 June, the panel ends in April
    assert long.least == 14


def test_months_are_counted_as_months() -> None:
    rows = [event("a", "plan_start", "2016-11-30"), event("a", "plan_end", "2017-03-01")]
    found = stays_of(built(rows, "2017-06-30", stock(), first=FIRST, step="month"))
    assert (found.opened[0], found.ended[0]) == (-2, 2)


def test_the_flows_of_a_stock_are_those_of_the_same_events_and_conditions() -> None:
    where = [{"column": "team", "one_of": ["East"]}]
    table = parsed(
        open=stock(), east=stock(where=where), began=flow("plan_start"), east_began=flow("plan_start", where=where)
    )
    stocks = stays_of(build_panel(frame([event("a", "plan_start", FIRST)]), table, last=LAST)).stocks
    assert (stocks["open"].starts, stocks["open"].ends) == ("began", "")
    assert (stocks["east"].starts, stocks["east"].ends) == ("east_began", "")


def test_the_plans_that_come_with_the_service_have_their_starts_and_ends() -> None:
    rows = [event("a", "plan_start", FIRST), event("a", "plan_end", FIRST + dt.timedelta(days=90))]
    stocks = stays_of(build_panel(frame(rows), MEASURES, last=LAST)).stocks
    assert {(stock.starts, stock.ends) for stock in stocks.values()} == {("plan_starts", "plan_ends")}
    assert {name: stock.least for name, stock in stocks.items()} == {"plans_open": 0, "plans_18_months_plus": 78}


def test_stocks_of_other_events_count_other_stays() -> None:
    table = parsed(open=stock(), care=stock(opens="care_start", closes="care_end"))
    rows = [event("a", "plan_start", FIRST), event("b", "care_start", FIRST), event("c", "care_start", FIRST)]
    found = stays_of(build_panel(frame(rows), table, last=LAST))
    assert (found.of(SeriesKey("open")).sum(), found.of(SeriesKey("care")).sum()) == (1, 2)


def test_a_selection_of_series_keeps_the_stays_of_all() -> None:
    rows = [event("a", "plan_start", FIRST, team="East"), event("b", "plan_start", FIRST, team="West")]
    panel = built(rows, "2017-03-01", stock())
    east = panel.select([panel.row(SeriesKey("m", (("team", "East"),)))])
    assert levels(east, east.keys[0]) == list(east.count[0])
    assert stays_of(east).open(SeriesKey("m"), 0) == 2


def test_a_slice_that_nobody_is_in_counts_nobody() -> None:
    panel = built([event("a", "plan_start", FIRST, team="East")], "2017-03-01", stock())
    assert stays_of(panel).open(SeriesKey("m", (("team", "(rest)"),)), 0) == 0


def test_stays_hold_whole_periods_and_places_and_nothing_else() -> None:
    rows = [event("secret child", "plan_start", "2017-01-04", family="secret family", team="East")]
    found = stays_of(built(rows, "2017-03-01", stock()))
    assert {field.name for field in dataclasses.fields(found)} == {"opened", "ended", "places", "stocks"}
    assert b"secret" not in pickle.dumps(found)
    numbers = [found.opened, found.ended, *(codes for _, codes in found.places.values())]
    assert {array.dtype for array in numbers} == {np.dtype(np.int64)}


def test_stays_survive_the_way_to_another_process() -> None:
    panel = built([event("a", "plan_start", FIRST)], "2017-03-01", stock())
    assert same(stays_of(pickle.loads(pickle.dumps(panel))), stays_of(panel))


def test_without_a_stock_there_are_no_stays() -> None:
    panel = built([event("a", "referral", FIRST)], "2017-03-01", flow())
    assert panel.stays is None
    assert panel.until(1).stays is None
