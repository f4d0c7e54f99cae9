from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_cases import NORTH, act_of, opened

from forecaster.calendar import LONDON, is_working_day, to_utc
from forecaster.messages import Target
from forecaster.routing import (
    Addressee,
    Booking,
    Hours,
    Route,
    Told,
    book,
    escalation,
    is_quiet,
    next_moment,
    who,
    why,
)
from forecaster.types import COUNCIL, Alert, Slice, State, Transition

HEAD, TEAM, BOSS = (Addressee(name, Target("slack", f"C{name}")) for name in ("head", "team", "boss"))
OPEN_HOURS = Hours()
OFFICE = Hours(dt.time(18), dt.time(7), working_days_only=True)
MORNING = to_utc(dt.date(2018, 1, 15), 7)  # a Monday
NIGHT = to_utc(dt.date(2018, 1, 12), 22)


def alert(name: str = "a", **changes: object) -> Alert:
    return replace(opened(), id=name, **changes)  # type: ignore[arg-type]


def told(of: Alert, now_it_is: State = "opened", was: State | None = None) -> tuple[Alert, Transition]:
    at = now_it_is if now_it_is == "opened" else "updated"
    return replace(of, state=now_it_is), Transition(f"{of.id}/2018-01-08/{at}", of.id, MORNING, was, now_it_is, "so")


def names(found: list[Addressee]) -> list[str]:
    return [addressee.name for addressee in found]


# Who


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (Route((HEAD,)), ""),
        (Route((HEAD,), measures=("plan_starts", "referrals")), ""),
        (Route((HEAD,), measures=("referrals", "contacts")), "plan_starts is not among referrals, contacts"),
        (Route((HEAD,), breakdowns=("locality",)), ""),
        (Route((HEAD,), breakdowns=("council", "team")), "it is about locality, not council or team"),
        (Route((HEAD,), severity="medium"), ""),
        (Route((HEAD,), severity="high"), "severity medium is below high"),
        (Route((HEAD,), direction="up"), ""),
        (Route((HEAD,), direction="down"), "it goes up, not down"),
        (Route((HEAD,), ("x",), severity="high"), "plan_starts is not among x; severity medium is below high"),
    ],
)
def test_an_alert_takes_every_route_that_fits_and_each_says_why(route: Route, reason: str) -> None:
    found = alert(slice=NORTH)
    assert names(who(found, [route])) == ([] if reason else ["head"])
    assert why(found, [route]) == [f"route 1: not this one: {reason}" if reason else "route 1: goes to head"]


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        ((), ["council"]),
        ((("team", "A"),), ["team"]),
        ((("locality", "North"), ("team", "A")), ["locality", "team"]),
        (((COUNCIL, "Shire"),), ["council"]),  # totals of several councils: this is all of one
        (((COUNCIL, "Shire"), ("team", "A")), ["team"]),
    ],
)
def test_a_route_may_take_breakdowns_or_the_whole_council(where: Slice, fits: list[str]) -> None:
    taken = [
        name for name in ("council", "locality", "team", "age_band")
        if who(alert(slice=where), [Route((HEAD,), breakdowns=(name,))])
    ]  # fmt: skip
    assert taken == fits


def test_everybody_is_told_once_in_the_order_of_the_routes() -> None:
    twin = Addressee("twin", HEAD.target)
    routes = [Route((TEAM, HEAD)), Route((HEAD, twin, BOSS)), Route((BOSS,), measures=("x",))]
    assert names(who(alert(), routes)) == ["team", "head", "boss"]


def test_the_next_in_line_are_those_of_the_routes_that_fit() -> None:
    routes = [Route((TEAM,), escalate=((HEAD,), (BOSS,))), Route((TEAM,), ("x",), escalate=((BOSS,),))]
    assert [names(escalation(alert(), routes, step)) for step in (1, 2, 3)] == [["head"], ["boss"], []]
    assert why(alert(), routes) == [
        "route 1: goes to team; if nobody answers, head; if nobody answers, boss",
        "route 2: not this one: plan_starts is not among x",
    ]


# When


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2018-01-15 07:00", "2018-01-15 07:00"),
        ("2018-01-15 06:59", "2018-01-15 07:00"),
        ("2018-01-15 17:59", "2018-01-15 17:59"),
        ("2018-01-15 18:00", "2018-01-16 07:00"),
        ("2018-01-12 20:00", "2018-01-15 07:00"),  # Friday night to Monday
        ("2018-03-29 19:00", "2018-04-03 07:00"),  # over Easter
        ("2018-03-24 12:00", "2018-03-26 07:00"),  # over the night on which the clocks go forward
        ("2018-10-27 12:00", "2018-10-29 07:00"),  # and back
        ("2018-12-24 18:30", "2018-12-27 07:00"),
    ],
)
def test_messages_wait_for_the_office_to_open(local: str, expected: str) -> None:
    moments = [dt.datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(dt.UTC) for text in (local, expected)]
    assert next_moment(moments[0], OFFICE) == moments[1]


def test_without_quiet_hours_nothing_waits() -> None:
    sunday = to_utc(dt.date(2018, 1, 14), 3)
    assert next_moment(sunday, OPEN_HOURS) == sunday
    assert next_moment(sunday, Hours(working_days_only=True)) == to_utc(dt.date(2018, 1, 15))


def test_what_is_severe_does_not_wait_where_config_says_so() -> None:
    at_any_time = replace(OFFICE, high_at_any_time=True)
    assert [next_moment(NIGHT, at_any_time, severity) for severity in ("high", "medium")] == [NIGHT, MORNING]
    assert next_moment(NIGHT, OFFICE, "high") == MORNING


def test_quiet_hours_may_lie_within_a_day() -> None:
    lunch = Hours(dt.time(12), dt.time(13, 30))
    day = dt.date(2018, 7, 2)
    assert next_moment(to_utc(day, 12, 5), lunch) == to_utc(day, 13, 30)
    assert next_moment(to_utc(day, 13, 30), lunch) == to_utc(day, 13, 30)
    assert next_moment(to_utc(day, 3), lunch) == to_utc(day, 3)


def test_an_hour_that_the_autumn_night_has_twice_is_quiet_twice() -> None:
    night = Hours(dt.time(0, 30), dt.time(1, 30))
    first = dt.datetime(2018, 10, 28, 0, 10, tzinfo=dt.UTC)  # 01:10 in summer time
    second = first + dt.timedelta(hours=1)
    assert next_moment(first, night) == dt.datetime(2018, 10, 28, 0, 30, tzinfo=dt.UTC)
    assert next_moment(second, night) == dt.datetime(2018, 10, 28, 1, 30, tzinfo=dt.UTC)


moments = st.one_of(
    st.datetimes(dt.datetime(2017, 1, 1), dt.datetime(2019, 12, 31), timezones=st.just(dt.UTC)),
    st.builds(  # the nights on which the clocks change
        lambda night, minutes: night + dt.timedelta(minutes=minutes),
        st.sampled_from([dt.datetime(2018, 3, 24, 20, tzinfo=dt.UTC), dt.datetime(2018, 10, 27, 20, tzinfo=dt.UTC)]),
        st.integers(0, 720),
    ),
)
some_hours = st.builds(Hours, st.times(), st.times(), st.booleans())


@given(moments, some_hours)
def test_nobody_is_ever_disturbed_in_quiet_hours(moment: dt.datetime, hours: Hours) -> None:
    due = next_moment(moment, hours)
    local = due.astimezone(LONDON)
    assert due >= moment
    assert not is_quiet(due, hours)
    assert not hours.working_days_only or is_working_day(local.date())
    wraps = hours.quiet_from > hours.quiet_to
    inside = (local.time() >= hours.quiet_from, local.time() < hours.quiet_to)
    assert not (any(inside) if wraps else all(inside))
    assert next_moment(due, hours) == due
    assert due == moment or is_quiet(moment, hours)


@given(moments, st.integers(0, 96), st.integers(0, 96), st.booleans())
def test_nobody_waits_longer_than_they_must(moment: dt.datetime, start: int, end: int, working: bool) -> None:
    """But for an hour in the night on which it is skipped."""
    times = [(dt.datetime.min + dt.timedelta(minutes=15 * n)).time() for n in (start, end)]
    hours = Hours(*times, working_days_only=working)
    due = next_moment(moment, hours)
    waited = int((due - moment) / dt.timedelta(minutes=15))
    free = [n for n in range(1, waited) if not is_quiet(moment + n * dt.timedelta(minutes=15), hours)]
    assert len(free) <= 4


# How many


def openings(bookings: list[Booking]) -> list[tuple[str, str]]:
    return [(booking.alert_id, booking.addressee.name) for booking in bookings if booking.opening]


def capped(most: int | None) -> list[Route]:
    return [Route((replace(HEAD, most_per_week=most),))]


def test_new_alerts_go_to_everybody_at_once_in_working_hours() -> None:
    bookings = book([told(alert())], [Route((HEAD, TEAM))], {}, MORNING, OFFICE)
    assert bookings == [Booking(a, "a", "a/2018-01-08/opened", None, "", True) for a in (HEAD, TEAM)]


def test_at_night_they_wait_for_the_morning() -> None:
    medium, high = told(alert()), told(alert("b", severity="high"))
    assert {b.due for b in book([medium, high], [Route((HEAD,))], {}, NIGHT, OFFICE)} == {MORNING}
    through = replace(OFFICE, high_at_any_time=True)
    assert [b.due for b in book([medium, high], [Route((HEAD,))], {}, NIGHT, through)] == [None, MORNING]


def test_beyond_the_week_s_number_the_surest_are_told_and_the_others_held() -> None:
    many = [told(alert(name, p_value=p)) for name, p in (("c", 1e-4), ("a", 1e-6), ("b", 1e-9))]
    bookings = book(many, capped(2), {}, MORNING, OPEN_HOURS)
    assert [(b.alert_id, b.held) for b in bookings] == [
        ("b", ""),
        ("a", ""),
        ("c", "2 of at most 2 new alerts this week"),
    ]
    assert book(many[:1], capped(2), {"head": Told(2)}, MORNING, OPEN_HOURS)[0].held
    assert not book(many[:1], capped(2), {"team": Told(2)}, MORNING, OPEN_HOURS)[0].held
    assert not any(b.held for b in book(many, capped(None), {"head": Told(99)}, MORNING, OPEN_HOURS))
    assert all(b.held for b in book(many, capped(0), {}, MORNING, OPEN_HOURS))


def test_high_severity_is_never_held_but_counts() -> None:
    medium, high = told(alert("a", p_value=1e-12)), told(alert("b", severity="high"))
    bookings = book([medium, high], capped(1), {}, MORNING, OPEN_HOURS)
    assert [(b.alert_id, bool(b.held), b.opening) for b in bookings] == [("b", False, True), ("a", True, False)]
    assert not book([high], capped(1), {"head": Told(5)}, MORNING, OPEN_HOURS)[0].held


def test_an_alert_of_a_story_that_was_told_is_not_a_new_one() -> None:
    joins = told(alert("b", story="a"))
    known = {"head": Told(1, frozenset({"a"}), frozenset({"a"}))}
    assert book([joins], capped(1), known, MORNING, OPEN_HOURS) == [
        Booking(capped(1)[0].to[0], "b", "b/2018-01-08/opened")
    ]
    assert book([joins], capped(1), {"head": Told(1)}, MORNING, OPEN_HOURS)[0].held
    first = told(alert("a", p_value=1e-3))  # both come in one run, the younger first
    assert openings(book([first, joins], capped(1), {}, MORNING, OPEN_HOURS)) == [("b", "head")]
    assert not any(b.held for b in book([first, joins], capped(1), {}, MORNING, OPEN_HOURS))


def test_what_is_no_new_alert_takes_no_place_of_one() -> None:
    known = {"head": Told(0, frozenset({"a"}), frozenset({"a"}))}
    joins = told(alert("j", story="a", p_value=1e-12))
    goes_on = told(alert("a", p_value=1e-12), "updated", "opened")
    bookings = book([joins, goes_on, told(alert("x")), told(alert("y"))], capped(2), known, MORNING, OPEN_HOURS)
    assert openings(bookings) == [("x", "head"), ("y", "head")]


def test_an_alert_that_joins_the_story_of_a_held_one_is_held_with_it() -> None:
    first, joins = told(alert("a", p_value=1e-9)), told(alert("b", story="a"))
    assert all(b.held for b in book([first, joins], capped(1), {"head": Told(1)}, MORNING, OPEN_HOURS))


def test_what_becomes_of_a_held_alert_is_held_too_until_there_is_room_or_it_is_high() -> None:
    update = told(alert(), "updated", "opened")
    held = {"head": Told(3)}
    assert book([update], capped(3), held, MORNING, OPEN_HOURS)[0].held == "3 of at most 3 new alerts this week"
    assert openings(book([update], capped(3), {"head": Told(2)}, MORNING, OPEN_HOURS)) == [("a", "head")]
    high = told(alert(severity="high"), "updated", "opened")
    assert openings(book([high], capped(3), held, MORNING, OPEN_HOURS)) == [("a", "head")]


@pytest.mark.parametrize("state", ["resolved", "acknowledged", "snoozed"])
def test_who_never_heard_of_an_alert_does_not_hear_how_it_went_on(state: State) -> None:
    change = told(alert(), state, "opened")
    unknown = book([change], capped(None), {}, MORNING, OPEN_HOURS)
    assert [b.held for b in unknown] == ["they were not told of this alert"]
    known = {"head": Told(9, frozenset({"a"}), frozenset({"a"}))}
    assert [(b.held, b.opening) for b in book([change], capped(1), known, MORNING, OPEN_HOURS)] == [("", False)]


def test_who_was_told_of_an_alert_hears_its_end_even_if_it_is_no_longer_theirs() -> None:
    routes = [Route((TEAM,)), Route((HEAD,), severity="high", escalate=((BOSS,),))]
    knows = Told(1, frozenset({"a"}), frozenset({"a"}))
    over = told(alert(), "resolved", "updated")
    bookings = book([over], routes, {"team": knows, "head": knows, "boss": knows}, MORNING, OPEN_HOURS)
    assert {b.addressee.name for b in bookings if not b.held} == {"team", "head", "boss"}


def test_what_a_person_did_is_told_to_those_who_know_the_alert() -> None:
    after, done = act_of(alert(), "assign", to="Bob")
    knows = {"head": Told(1, frozenset({"a"}), frozenset({"a"}))}
    bookings = book([(after, done)], [Route((HEAD, TEAM))], knows, MORNING, OPEN_HOURS)
    assert [(b.addressee.name, bool(b.held)) for b in bookings] == [("head", False), ("team", True)]


some_told = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(["low", "medium", "high"]), st.sampled_from([1e-3, 1e-6]),
        st.sampled_from(["opened", "updated", "resolved"]), st.integers(0, 9),
    ),
    max_size=8, unique_by=lambda made: made[0],
)  # fmt: skip
some_past = st.builds(Told, st.integers(0, 4), st.frozensets(st.sampled_from("0123456789"), max_size=4))


@given(some_told, some_past, st.integers(0, 4), st.randoms(use_true_random=False))
def test_the_week_s_number_is_never_passed_but_by_high_severity(
    made: list[tuple[int, str, float, State, int]], past: Told, most: int, chance: random.Random
) -> None:
    past = replace(past, stories=past.alerts)
    items = [
        told(alert(str(n), severity=severity, p_value=p, story=str(story)), state)
        for n, severity, p, state, story in made
    ]
    bookings = book(items, capped(most), {"head": past}, NIGHT, OFFICE)
    assert sorted(b.alert_id for b in bookings) == sorted(a.id for a, _ in items)  # all are accounted for
    alerts = {a.id: a for a, _ in items}
    new = [alerts[b.alert_id] for b in bookings if b.opening]
    high = sum(a.severity == "high" for a in new)
    assert len(new) - high <= max(most - past.openings - high, 0)
    for b in bookings:
        speaks = alerts[b.alert_id].state in ("opened", "updated")
        assert not (b.held and speaks and alerts[b.alert_id].severity == "high")
        assert not (b.held and b.alert_id in past.alerts)
        assert not (b.held and b.opening)
        assert b.due == (None if b.held else MORNING)
    assert book(chance.sample(items, len(items)), capped(most), {"head": past}, NIGHT, OFFICE) == bookings
