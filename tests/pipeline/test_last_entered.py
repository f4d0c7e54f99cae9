"""When a week counts as delivered: its last working day has events, whichever day that is."""

from __future__ import annotations

import datetime as dt

import pytest

from jobs.watch import last_delivered, last_entered


@pytest.mark.parametrize(
    ("newest", "week"),
    [
        ("2018-01-12", "2018-01-08"),  # a Friday
        ("2018-01-14", "2018-01-08"),  # a Sunday
        ("2018-01-11", "2018-01-01"),  # a Thursday: Friday may still come
        ("2018-03-29", "2018-03-26"),  # the Thursday before Good Friday
        ("2020-12-24", "2020-12-21"),  # Christmas Eve, a Thursday
    ],
)
def test_a_week_is_whole_when_its_last_working_day_has_events(newest: str, week: str) -> None:
    assert last_entered(dt.date.fromisoformat(newest)) == dt.date.fromisoformat(week)


def test_easter_monday_finds_the_week_before_it_delivered() -> None:
    assert last_delivered(dt.date(2018, 3, 29), dt.date(2018, 4, 3)) == (dt.date(2018, 3, 26), "")


def test_a_week_that_has_not_arrived_is_named() -> None:
    last, stale = last_delivered(dt.date(2018, 1, 4), dt.date(2018, 1, 15))
    assert last == dt.date(2017, 12, 25)
    assert "the week of 2018-01-08 has not arrived" in stale
