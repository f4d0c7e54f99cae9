from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.calendar import (
    DAY,
    bank_holidays,
    following,
    is_school_holiday,
    is_working_day,
    last_complete,
    local_date,
    long_date,
    per_year,
    period_end,
    period_name,
    period_range,
    period_start,
    school_holiday_share,
    to_utc,
    week_start,
    working_day_after,
    working_days,
    year_end,
)
from forecaster.types import Step, as_date

days = st.dates(dt.date(2010, 1, 1), dt.date(2030, 12, 31))
steps = st.sampled_from(["week", "month"])


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def week(text: str) -> np.ndarray:
    return np.array([text], "datetime64[D]")


@pytest.mark.parametrize(
    ("of", "monday"),
    [
        ("2017-12-31", "2017-12-25"),  # a Sunday still belongs to the old year's week
        ("2018-01-01", "2018-01-01"),
        ("2019-01-01", "2018-12-31"),  # a Tuesday whose week began in the old year
        ("2021-01-03", "2020-12-28"),  # ISO week 53
    ],
)
def test_a_week_starts_on_monday_also_over_new_year(of: str, monday: str) -> None:
    assert week_start(day(of)) == day(monday)
    assert period_start(day(of), "week") == day(monday)


def test_a_month_starts_on_its_first_day() -> None:
    assert period_start(day("2016-02-29"), "month") == day("2016-02-01")


@pytest.mark.parametrize(
    ("today", "step", "expected"),
    [
        ("2018-01-08", "week", "2018-01-01"),  # Monday morning: the week that ended last night
        ("2018-01-07", "week", "2017-12-25"),  # Sunday: this week is not over
        ("2018-01-01", "week", "2017-12-25"),
        ("2018-01-01", "month", "2017-12-01"),
        ("2018-03-31", "month", "2018-02-01"),  # the last day of a month is not over either
    ],
)
def test_the_last_complete_period_is_over_before_today(today: str, step: Step, expected: str) -> None:
    assert last_complete(day(today), step) == day(expected)


@given(days, steps)
def test_the_last_complete_period_ends_before_today_and_the_next_does_not(today: dt.date, step: Step) -> None:
    last = last_complete(today, step)
    after = as_date(following(last, 1, step)[0])
    assert period_end(last, step) < today <= period_end(after, step)


@given(days, steps)
def test_a_period_holds_its_own_days_and_no_others(a_day: dt.date, step: Step) -> None:
    start = period_start(a_day, step)
    assert start <= a_day <= period_end(start, step)
    assert period_start(start - DAY, step) < start
    assert period_start(period_end(start, step) + DAY, step) == period_end(start, step) + DAY


@given(days, st.integers(0, 400), steps)
def test_a_range_runs_from_one_period_to_another_without_gap(first: dt.date, length: int, step: Step) -> None:
    last = first + length * DAY
    found = [as_date(p) for p in period_range(first, last, step)]
    assert (found[0], found[-1]) == (period_start(first, step), period_start(last, step))
    for before, after in pairwise(found):
        assert period_end(before, step) + DAY == after


@given(days, st.integers(0, 30), steps)
def test_what_follows_goes_on_where_a_range_ends(first: dt.date, count: int, step: Step) -> None:
    start = period_start(first, step)
    after = following(start, count, step)
    assert len(after) == count
    if count:
        whole = period_range(start, as_date(after[-1]), step)
        assert np.array_equal(whole[1:], after)


def test_months_follow_over_the_new_year() -> None:
    assert [str(p) for p in following(day("2017-11-01"), 3, "month")] == ["2017-12-01", "2018-01-01", "2018-02-01"]


def test_a_leap_february_ends_on_the_29th() -> None:
    assert period_end(day("2016-02-01"), "month") == day("2016-02-29")
    assert period_end(day("2017-02-01"), "month") == day("2017-02-28")


def test_a_year_has_52_weeks_or_12_months() -> None:
    assert (per_year("week"), per_year("month")) == (52, 12)


@pytest.mark.parametrize(
    ("today", "closing"),
    [("2018-01-08", "2018-03-31"), ("2018-03-31", "2018-03-31"), ("2018-04-01", "2019-03-31")],
)
def test_the_financial_year_closes_on_31_march(today: str, closing: str) -> None:
    assert year_end(day(today)) == day(closing)


@pytest.mark.parametrize(
    ("monday", "expected"),
    [
        ("2018-01-08", 5),
        ("2018-01-01", 4),  # New Year's Day
        ("2018-03-26", 4),  # Good Friday
        ("2018-04-02", 4),  # Easter Monday
        ("2017-12-25", 3),  # Christmas and Boxing Day
        ("2020-05-04", 4),  # VE day: the bank holiday moved from Monday to Friday 8 May
        ("2022-05-30", 3),  # the Jubilee: Thursday 2 and Friday 3 June
        ("2022-09-19", 4),  # the Queen's funeral
        ("2023-05-08", 4),  # the coronation
        ("2021-12-27", 3),  # Christmas at a weekend: the substitutes are Monday and Tuesday
    ],
)
def test_a_week_has_its_known_working_days(monday: str, expected: float) -> None:
    assert working_days(week(monday), "week").tolist() == [expected]


def test_the_early_may_bank_holiday_of_2020_was_moved_not_doubled() -> None:
    assert day("2020-05-04") not in bank_holidays(2020)
    assert day("2020-05-08") in bank_holidays(2020)
    assert day("2022-05-30") not in bank_holidays(2022)


@pytest.mark.parametrize(
    ("month", "expected"), [("2018-05-01", 21), ("2018-12-01", 19), ("2016-02-01", 21), ("2017-04-01", 18)]
)
def test_a_month_has_its_known_working_days(month: str, expected: float) -> None:
    assert working_days(week(month), "month").tolist() == [expected]


@given(st.integers(2012, 2029))
def test_a_year_has_as_many_working_days_by_week_as_by_month(year: int) -> None:
    new_year, new_years_eve = dt.date(year, 1, 1), dt.date(year, 12, 31)
    days_of_year = (new_year + i * DAY for i in range((new_years_eve - new_year).days + 1))
    by_day = sum(a_day.weekday() < 5 and a_day not in bank_holidays(year) for a_day in days_of_year)
    months = working_days(period_range(new_year, new_years_eve, "month"), "month")
    weeks = working_days(period_range(new_year, new_years_eve, "week"), "week")
    assert months.sum() == by_day
    assert by_day <= weeks.sum() <= by_day + 8  # the weeks at both ends reach into other years


@pytest.mark.parametrize(
    "text",
    ["2018-08-15", "2018-12-24", "2018-01-02", "2018-04-05", "2018-02-14", "2018-05-29", "2018-10-31"],
)
def test_schools_are_shut_on_known_holidays(text: str) -> None:
    assert is_school_holiday(day(text))


@pytest.mark.parametrize("text", ["2018-01-15", "2018-03-12", "2018-06-20", "2018-09-10", "2018-11-20", "2018-12-14"])
def test_schools_are_open_in_term(text: str) -> None:
    assert not is_school_holiday(day(text))


def test_the_share_of_school_holidays_is_of_working_days() -> None:
    assert school_holiday_share(week("2018-08-06"), "week").tolist() == [1.0]
    assert school_holiday_share(week("2018-06-11"), "week").tolist() == [0.0]
    assert school_holiday_share(week("2018-01-01"), "week")[0] == pytest.approx(2 / 4)  # 2 and 3 of 2, 3, 4, 5 January


@given(days, steps)
def test_shares_of_school_holidays_lie_between_none_and_all(a_day: dt.date, step: Step) -> None:
    periods = period_range(a_day, a_day + 70 * DAY, step)
    found = school_holiday_share(periods, step)
    assert ((found >= 0) & (found <= 1)).all()


def test_children_have_a_quarter_of_the_year_off() -> None:
    weeks = period_range(day("2015-01-01"), day("2019-12-31"), "week")
    assert 0.2 < school_holiday_share(weeks, "week").mean() < 0.3


def test_a_london_midnight_in_summer_is_eleven_at_night_in_utc() -> None:
    assert to_utc(day("2018-07-01")) == dt.datetime(2018, 6, 30, 23, tzinfo=dt.UTC)
    assert to_utc(day("2018-01-01")) == dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
    assert to_utc(day("2018-07-02"), 7, 30) == dt.datetime(2018, 7, 2, 6, 30, tzinfo=dt.UTC)


def test_the_date_in_london_is_a_day_ahead_of_utc_late_on_a_summer_night() -> None:
    assert local_date(dt.datetime(2018, 6, 30, 23, 30, tzinfo=dt.UTC)) == day("2018-07-01")
    assert local_date(dt.datetime(2018, 12, 31, 23, 30, tzinfo=dt.UTC)) == day("2018-12-31")


@given(days, st.integers(2, 23))
def test_going_to_utc_and_back_keeps_the_date(a_day: dt.date, hour: int) -> None:
    assert local_date(to_utc(a_day, hour)) == a_day


def test_periods_and_dates_are_named_as_managers_say_them() -> None:
    assert long_date(day("2018-01-08")) == "8 January 2018"
    assert period_name(day("2018-01-08"), "week") == "week of 8 January 2018"
    assert period_name(day("2018-01-01"), "month") == "January 2018"


@pytest.mark.parametrize(
    ("after", "count", "expected"),
    [
        ("2018-01-08", 0, "2018-01-08"),
        ("2018-01-08", 1, "2018-01-09"),
        ("2018-01-12", 1, "2018-01-15"),  # Friday to Monday
        ("2018-01-13", 1, "2018-01-15"),  # so from the Saturday
        ("2018-03-29", 1, "2018-04-03"),  # Good Friday and Easter Monday do not count
        ("2022-06-01", 1, "2022-06-06"),  # the Spring holiday was moved and the Jubilee added
    ],
)
def test_working_days_are_counted_on_from_a_day(after: str, count: int, expected: str) -> None:
    assert working_day_after(day(after), count) == day(expected)


@given(days, st.integers(1, 30))
def test_so_many_working_days_lie_between_a_day_and_the_one_so_many_after_it(start: dt.date, count: int) -> None:
    end = working_day_after(start, count)
    assert is_working_day(end)
    assert sum(is_working_day(start + n * DAY) for n in range(1, (end - start).days + 1)) == count
