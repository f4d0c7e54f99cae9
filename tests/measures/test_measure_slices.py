"""Slices: one value of one breakdown each."""

from __future__ import annotations

import datetime as dt

from event_frames import FIRST, built, council, day, event, flow, frame, parsed, series, share, stock

from forecaster.measures import NOT_RECORDED, build_panel
from forecaster.types import DIMENSIONS, SeriesKey

NFA = {"column": "outcome", "one_of": ["nfa"]}


def many(count: int, team: str | None, start: dt.date = FIRST, kind: str = "referral") -> list[dict[str, object]]:
    """One event a week."""
    return [event(f"{team}{n}", kind, start + dt.timedelta(weeks=n), team=team, outcome="nfa") for n in range(count)]


def names(rows: list[dict[str, object]], last: str, **options: object) -> list[str]:
    panel = built(rows, last, flow(), **options)
    return [str(key) for key in panel.keys]


def test_the_council_comes_first_then_each_value_in_order() -> None:
    rows = [
        event("a", "referral", "2018-01-02", team="West", gender="female"),
        event("b", "referral", "2018-01-02", team="East", gender="male"),
    ]
    assert names(rows, "2018-01-01") == ["m", "m team=East", "m team=West", "m gender=female", "m gender=male"]


def test_measures_come_in_their_order() -> None:
    panel = build_panel(frame(many(1, "East")), parsed(b=flow(), a=flow("contact")), last=FIRST)
    assert [key.measure for key in panel.keys] == ["b", "a"]
    assert panel.kinds == ("flow", "flow")


def test_a_missing_value_is_a_slice_of_its_own() -> None:
    rows = [event("a", "referral", "2018-01-02", team="East"), event("b", "referral", "2018-01-02")]
    assert series(built(rows, "2018-01-01", flow()), "team", NOT_RECORDED) == [1]


def test_an_empty_value_is_a_missing_value() -> None:
    rows = [event("a", "referral", "2018-01-02", team="East"), event("b", "referral", "2018-01-02", team=" ")]
    assert names(rows, "2018-01-01") == ["m", "m team=East", "m team=not recorded"]


def test_a_source_that_says_not_recorded_itself_adds_to_the_same_slice() -> None:
    teams = ["East", None, NOT_RECORDED]
    rows = [event(str(n), "referral", "2018-01-02", team=team) for n, team in enumerate(teams)]
    panel = built(rows, "2018-01-01", flow())
    assert len(panel.keys) == 3
    assert series(panel, "team", NOT_RECORDED) == [2]


def test_a_breakdown_that_the_source_does_not_fill_gives_no_slices() -> None:
    assert names([event("a", "referral", "2018-01-02")], "2018-01-01") == ["m"]


def test_a_breakdown_of_one_value_gives_no_slices() -> None:
    assert names(many(3, "East"), "2017-01-16") == ["m"]


def test_only_the_breakdowns_of_the_measure_are_used() -> None:
    rows = [event(str(n), "referral", "2018-01-02", team=str(n), gender=str(n)) for n in range(2)]
    panel = built(rows, "2018-01-01", flow(breakdowns=["gender"]))
    assert {dimension for key in panel.keys for dimension, _ in key.slice} == {"gender"}


def test_every_dimension_is_a_breakdown_unless_the_measure_says_otherwise() -> None:
    rows = [event(str(n), "referral", "2018-01-02", **dict.fromkeys(DIMENSIONS, str(n))) for n in range(2)]
    assert len(built(rows, "2018-01-01", flow()).keys) == 1 + 2 * len(DIMENSIONS)


def test_a_slice_with_too_few_events_is_left_out_and_stays_in_the_council() -> None:
    rows = many(30, "East") + many(29, "West")
    panel = built(rows, "2017-07-24", flow(), min_slice_total=30)
    assert [str(key) for key in panel.keys] == ["m", "m team=East"]
    assert sum(council(panel)) == 59


def test_only_the_last_two_years_make_a_slice_large_enough() -> None:
    rows = many(30, "Closed") + many(150, "East")
    ended = FIRST + dt.timedelta(weeks=29)
    still = ended + dt.timedelta(weeks=74)
    assert "m team=Closed" in names(rows, str(still), min_slice_total=30)
    assert "m team=Closed" not in names(rows, str(still + dt.timedelta(weeks=1)), min_slice_total=30)


def test_a_slice_is_zero_before_its_own_first_event() -> None:
    rows = [*many(3, "East"), *many(1, "New", start=FIRST + dt.timedelta(weeks=2))]
    assert series(built(rows, "2017-01-16", flow()), "team", "New") == [0, 0, 1]


def test_a_value_of_another_kind_of_event_makes_no_slice() -> None:
    rows = many(2, "East") + many(2, "West") + many(2, "North", kind="contact")
    assert "m team=North" not in names(rows, "2017-01-09")


def test_shares_and_stocks_leave_small_slices_out_too() -> None:
    rows = many(30, "East") + many(2, "West")
    shares = built(rows, "2017-07-24", share("referral", NFA), min_slice_total=30)
    assert [str(key) for key in shares.keys] == ["m", "m team=East"]
    plans = many(30, "East", kind="plan_start") + many(2, "West", kind="plan_start")
    stocks = built(plans, "2017-07-24", stock(), min_slice_total=30)
    assert [str(key) for key in stocks.keys] == ["m", "m team=East"]


def test_a_team_whose_plans_all_ended_long_ago_is_left_out_of_a_stock() -> None:
    rows = [event("a", "plan_start", "2014-01-06", team="Closed"), event("a", "plan_end", "2014-06-02", team="Closed")]
    rows += many(30, "East", kind="plan_start")
    assert SeriesKey("m", (("team", "Closed"),)) not in built(rows, "2017-07-24", stock(), min_slice_total=1).keys
    earlier = built(rows, "2014-06-02", stock(), min_slice_total=1, first=day("2014-01-06"))
    assert earlier.count.max() == 1
