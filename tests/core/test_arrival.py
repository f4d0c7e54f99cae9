"""Data that did not arrive: by when it should be there, and an alert that speaks once, when worse, and at its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from forecaster.arrival import Clock, Feed, check, deadline, due, message, missing, telling
from forecaster.calendar import DAY, last_complete, local_date, period_end, to_utc
from forecaster.types import Alert, Step, Transition

WEEK = dt.timedelta(weeks=1)
HOUR = dt.timedelta(hours=1)
CLOCK = Clock()
START = dt.date(2017, 12, 4)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def feed(last: dt.date, step: Step = "week", name: str = "") -> Feed:
    return Feed(name, step, last, period_end(last, step))


# The clock


@pytest.mark.parametrize(
    ("week", "by"),
    [
        ("2018-01-08", "2018-01-16T10:00"),  # a Tuesday
        ("2017-12-25", "2018-01-03T10:00"),  # the Monday is New Year's Day
        ("2017-12-18", "2017-12-28T10:00"),  # Monday and Tuesday are Christmas
        ("2018-03-12", "2018-03-20T10:00"),
        ("2018-03-19", "2018-03-27T09:00"),  # the clocks went forward on the Sunday
        ("2018-03-26", "2018-04-04T09:00"),  # Easter Monday
        ("2018-10-22", "2018-10-30T10:00"),  # the clocks went back on the Sunday
        ("2020-05-04", "2020-05-12T09:00"),
    ],
)
def test_a_week_is_due_by_the_second_working_day_of_the_next(week: str, by: str) -> None:
    assert deadline(dt.date.fromisoformat(week), "week", CLOCK) == utc(by)


@pytest.mark.parametrize(
    ("month", "by"),
    [
        ("2017-11-01", "2017-12-14T10:00"),
        ("2017-12-01", "2018-01-15T10:00"),  # the 14th is a Sunday
        ("2018-03-01", "2018-04-16T09:00"),  # the 14th is a Saturday, in summer time
    ],
)
def test_a_month_is_due_a_fortnight_after_its_end_on_a_working_day(month: str, by: str) -> None:
    assert deadline(dt.date.fromisoformat(month), "month", CLOCK) == utc(by)


def test_the_clock_can_be_set() -> None:
    friday = Clock(working_day=5, after=1, hour=16, minute=30)
    assert deadline(dt.date(2018, 1, 8), "week", friday) == utc("2018-01-19T16:30")
    assert deadline(dt.date(2017, 12, 25), "week", friday) == utc("2018-01-08T16:30")
    assert deadline(dt.date(2018, 1, 1), "month", friday) == utc("2018-02-01T16:30")


@pytest.mark.parametrize("step", ["week", "month"])
@given(st.datetimes(dt.datetime(2015, 1, 1), dt.datetime(2026, 12, 31)), st.integers(1, 9), st.integers(1, 70))
def test_what_is_due_is_the_newest_whose_time_has_come(
    step: Step, at: dt.datetime, working_day: int, after: int
) -> None:
    now, clock = at.replace(tzinfo=dt.UTC), Clock(working_day, after)
    newest = due(now, step, clock)
    coming = period_end(newest, step) + DAY
    assert deadline(newest, step, clock) <= now < deadline(coming, step, clock)
    assert newest <= last_complete(local_date(now), step)


def test_what_is_missing_is_every_week_since_the_last() -> None:
    now = utc("2018-01-16T10:00")
    assert missing(feed(dt.date(2018, 1, 8)), now, CLOCK) == []
    assert missing(feed(dt.date(2018, 1, 1)), now - HOUR, CLOCK) == []
    assert missing(feed(dt.date(2017, 12, 25)), now, CLOCK) == [dt.date(2018, 1, 1), dt.date(2018, 1, 8)]
    assert missing(feed(dt.date(2018, 6, 4)), now, CLOCK) == []  # dated ahead


# Walks


def walk(
    there: Callable[[dt.datetime], dt.date], days: int, start: dt.date = START, every: dt.timedelta = 6 * HOUR
) -> Iterator[tuple[Alert, Transition]]:
    """Asks again and again, and yields what changed; there: the newest week that has arrived by a moment."""
    now, alert = to_utc(start), None
    while now < to_utc(start + days * DAY):
        found = check(feed(there(now)), now, CLOCK, alert)
        if found:
            yield found
            alert = found[0] if found[0].state != "resolved" else None
        now += every


def on_mondays(now: dt.datetime) -> dt.date:
    return last_complete(local_date(now), "week")


def test_nobody_hears_anything_while_data_arrives_in_time() -> None:
    """Half a year every hour, with Christmas, Easter, two bank holidays in May and a change of the clocks."""
    assert list(walk(on_mondays, 182, every=HOUR)) == []


def test_data_that_comes_by_the_last_minute_is_in_time() -> None:
    def in_the_last_minute(now: dt.datetime) -> dt.date:
        return due(now + dt.timedelta(minutes=1), "week", CLOCK)

    assert list(walk(in_the_last_minute, 120, every=HOUR)) == []


def stopped(first: str, back: str) -> Callable[[dt.datetime], dt.date]:
    """Data stops before a day and is there again, whole, from another one on."""
    gone, again = dt.date.fromisoformat(first), dt.date.fromisoformat(back)

    def there(now: dt.datetime) -> dt.date:
        today = local_date(now)
        return last_complete(gone if gone <= today < again else today, "week")

    return there


def test_an_outage_over_christmas_is_told_when_it_begins_each_time_it_doubles_and_when_it_ends() -> None:
    told = list(walk(stopped("2017-12-19", "2018-02-15"), 90))
    assert [(transition.now, f"{transition.at:%Y-%m-%d %H}") for _, transition in told] == [
        ("opened", "2017-12-28 12"),  # the first time after 10:00 on the second working day
        ("updated", "2018-01-03 12"),  # two weeks
        ("updated", "2018-01-16 12"),  # four
        ("updated", "2018-02-13 12"),  # eight
        ("resolved", "2018-02-15 00"),
    ]
    assert {alert.id for alert, _ in told} == {"extract-missing-2017-W51"}
    assert [alert.total_expected for alert, _ in told] == [1, 2, 4, 8, 8]
    assert told[-1][0].resolved == dt.date(2018, 2, 15)


def test_two_outages_are_two_alerts() -> None:
    def there(now: dt.datetime) -> dt.date:
        first, second = stopped("2018-01-02", "2018-01-11"), stopped("2018-02-06", "2018-02-15")
        return first(now) if now < to_utc(dt.date(2018, 1, 20)) else second(now)

    told = list(walk(there, 90))
    assert [transition.now for _, transition in told] == ["opened", "resolved"] * 2
    assert len({alert.id for alert, _ in told}) == 2
    assert len({transition.id for _, transition in told}) == 4


@hypothesis_settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "acknowledged", "snoozed"])), min_size=1, max_size=25)
)
def test_whatever_comes_the_alert_is_open_only_while_something_is_missing(weeks: list[tuple[int, str]]) -> None:
    """Each Wednesday: how many weeks behind the data is, and what a person does about the open alert."""
    alert: Alert | None = None
    for number, (behind, act) in enumerate(weeks):
        now = to_utc(START + number * WEEK + 2 * DAY, 18)
        some = feed(last_complete(local_date(now), "week") - behind * WEEK)
        found = check(some, now, CLOCK, alert)
        if found:
            after, transition = found
            assert transition.was == (alert.state if alert else None)
            assert after.told[-1] == after.seen == after.updated
            assert check(some, now, CLOCK, alert) == found  # asked again it is the same
            assert after.state == "resolved" or check(some, now, CLOCK, after) is None
            alert = None if after.state == "resolved" else after
        assert (alert is not None) == bool(missing(some, now, CLOCK))
        if alert and act:
            alert = replace(alert, state=act, snoozed_until=START + (number + 3) * WEEK)  # type: ignore[arg-type]


# People


OPENED = check(feed(dt.date(2017, 12, 18)), utc("2018-01-03T10:00"), CLOCK, None)


def opened(**changes: object) -> Alert:
    assert OPENED
    return replace(OPENED[0], **changes)  # type: ignore[arg-type]


def ask(day: str, alert: Alert) -> tuple[Alert, Transition] | None:
    return check(feed(dt.date(2017, 12, 18)), utc(f"{day}T12:00"), CLOCK, alert)


def test_an_alert_that_somebody_took_up_is_silent_until_data_comes() -> None:
    known = opened(state="acknowledged", held_by="Ann Smith")
    assert [ask(day, known) for day in ("2018-01-09", "2018-01-23", "2018-03-20")] == [None] * 3
    over = check(feed(dt.date(2018, 1, 8)), utc("2018-01-16T12:00"), CLOCK, known)
    assert over and over[1].was == "acknowledged" and over[0].state == "resolved"


def test_a_snoozed_alert_speaks_again_when_the_snooze_is_over() -> None:
    known = opened(state="snoozed", snoozed_until=dt.date(2018, 1, 20))
    assert ask("2018-01-19", known) is None
    again = ask("2018-01-20", known)
    assert again and (again[0].state, again[0].snoozed_until) == ("updated", None)
    assert again[1].reason == "three weeks are missing now, one when we last wrote; the snooze is over"


def test_after_a_snooze_as_much_may_be_missing_as_before() -> None:
    known = opened(state="snoozed", snoozed_until=dt.date(2018, 1, 8))
    again = ask("2018-01-08", known)
    assert again and again[1].reason == "one week is still missing; the snooze is over"


# Words


def test_the_alert_is_of_the_extract_and_of_no_series_that_is_judged() -> None:
    alert = opened()
    assert (alert.kind, alert.measure, alert.slice, alert.severity) == ("arrival", "extract", (), "medium")
    monthly = check(feed(dt.date(2017, 10, 1), "month", "monthly totals"), utc("2018-01-03T10:00"), CLOCK, None)
    assert monthly and monthly[0].id == "monthly-totals-missing-2017-11"
    assert monthly[0].slice == (("extract", "monthly totals"),)


def test_the_first_message_is_whole_and_later_ones_say_what_is_new() -> None:
    assert OPENED
    first = telling(*OPENED, feed(dt.date(2017, 12, 18)), CLOCK, "1a2b3c4d")
    assert first.news is None
    later = ask("2018-01-09", opened())
    assert later
    told = telling(*later, feed(dt.date(2017, 12, 18)), CLOCK)
    assert told.news and {line.label for line in told.news.lines} == {"New", "What"}
    assert told.news.lines[0].text == "Two weeks are missing now, one when we last wrote."
    assert (told.whole.kind, told.whole.answerable, told.whole.severity) == ("arrival", True, "medium")


def test_what_came_meanwhile_is_not_said_to_be_missing() -> None:
    some = feed(dt.date(2018, 1, 1))
    later = check(some, utc("2018-01-23T12:00"), CLOCK, opened())
    assert later
    assert message(*later, some, CLOCK).headline == (
        "No data after 7 January has arrived: two weeks could not be judged"
    )  # fmt: skip


def test_a_file_that_brought_nothing_newer_is_no_contradiction() -> None:
    assert OPENED
    some = replace(feed(dt.date(2017, 12, 18)), received=dt.date(2017, 12, 27))
    said = message(*OPENED, some, CLOCK)
    assert said.headline == "No data after 24 December has arrived: last week could not be judged"
    since = "What has arrived ends on 24 December 2017; the last file was read on 27 December 2017."
    assert since in [line.text for line in said.lines]
    monthly = feed(dt.date(2017, 11, 1), "month", "monthly totals")
    late = check(monthly, utc("2018-01-16T12:00"), CLOCK, None)
    assert late
    expected = "No monthly totals after 30 November have arrived: December 2017 could not be judged"
    assert message(*late, monthly, CLOCK).headline == expected


def test_a_closed_alert_can_no_longer_be_answered() -> None:
    some = feed(dt.date(2017, 12, 25))
    over = check(some, utc("2018-01-04T12:00"), CLOCK, opened())
    assert over
    said = message(*over, some, CLOCK)
    assert not said.answerable
    assert said.headline == "Data has arrived again, to 31 December"
    assert "The week of 25 December 2017 can be judged now." in said.text
