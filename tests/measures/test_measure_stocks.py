"""Stocks: children open at the end of a period."""

from __future__ import annotations

import numpy as np
import pytest
from event_frames import built, council, day, event, missing, periods, series, stock

WHOLE = {"first": day("2018-01-01")}


def plan(child: str, start: str | None, end: str | None = None, **columns: object) -> list[dict[str, object]]:
    rows = []
    if start:
        rows.append(event(child, "plan_start", start, **columns))
    if end:
        rows.append(event(child, "plan_end", end, **columns))
    return rows


def test_a_child_is_on_a_plan_from_its_start_to_the_day_before_its_end() -> None:
    rows = plan("a", "2018-01-03", "2018-01-17")
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 0, 0]


def test_a_plan_that_ends_on_a_sunday_is_not_open_at_the_end_of_that_week() -> None:
    assert council(built(plan("a", "2018-01-03", "2018-01-14"), "2018-01-08", stock())) == [1, 0]


def test_a_plan_that_ends_on_a_monday_was_open_the_sunday_before() -> None:
    assert council(built(plan("a", "2018-01-03", "2018-01-15"), "2018-01-15", stock())) == [1, 1, 0]


def test_a_plan_without_an_end_stays_open() -> None:
    assert council(built(plan("a", "2018-01-03"), "2018-01-22", stock())) == [1, 1, 1, 1]


def test_a_plan_within_one_week_is_never_counted() -> None:
    assert council(built(plan("a", "2018-01-02", "2018-01-05") + plan("b", "2018-01-02"), "2018-01-08", stock())) == [
        1,
        1,
    ]


def test_an_end_without_a_start_was_open_since_before_the_history_began() -> None:
    rows = plan("a", None, "2018-01-17") + plan("b", "2018-01-03")
    assert council(built(rows, "2018-01-22", stock())) == [2, 2, 1, 1]


def test_a_second_plan_opens_the_child_again() -> None:
    rows = plan("a", "2018-01-02", "2018-01-10") + plan("a", "2018-01-24")
    assert council(built(rows, "2018-01-22", stock())) == [1, 0, 0, 1]


def test_an_end_and_a_start_on_one_day_leave_the_child_on_a_plan() -> None:
    rows = plan("a", "2018-01-02", "2018-01-10") + plan("a", "2018-01-10", "2018-01-24")
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 1, 0]


def test_a_plan_that_starts_and_ends_on_one_day_leaves_nothing_open() -> None:
    rows = plan("a", "2018-01-10", "2018-01-10") + plan("b", "2018-01-02")
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 1, 1]


def test_of_two_starts_without_an_end_the_earlier_counts() -> None:
    rows = plan("a", "2018-01-02") + plan("a", "2018-01-16", "2018-01-24")
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 1, 0]


def test_of_two_starts_without_an_end_that_of_the_later_extract_counts() -> None:
    rows = plan("a", "2018-01-02", extract=1) + plan("a", "2018-01-16", extract=2) + plan("b", "2018-01-02")
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 2, 2]


def test_of_two_ends_the_one_of_the_later_extract_counts() -> None:
    rows = plan("a", "2018-01-02", "2018-01-10", extract=1) + plan("a", None, "2018-01-24", extract=2)
    assert council(built(rows, "2018-01-22", stock())) == [1, 1, 1, 0]


def test_plans_of_two_children_do_not_mix() -> None:
    rows = plan("a", "2018-01-02") + plan("b", None, "2018-01-17")
    assert council(built(rows, "2018-01-22", stock())) == [2, 2, 1, 1]


def test_a_stock_is_counted_at_the_end_of_months() -> None:
    rows = plan("a", "2018-01-31", "2018-03-31") + plan("b", "2018-02-01", "2018-03-01")
    panel = built(rows, "2018-03-01", stock(), step="month")
    assert periods(panel) == ["2018-01-01", "2018-02-01", "2018-03-01"]
    assert council(panel) == [1, 2, 0]


def test_a_plan_that_began_before_the_first_period_is_counted_in_it() -> None:
    rows = plan("a", "2017-06-01", "2018-01-10") + plan("gone", "2017-06-01", "2017-07-01")
    assert council(built(rows, "2018-01-08", stock(), **WHOLE)) == [1, 0]


def test_a_stock_is_missing_before_the_first_end_where_the_measure_says_so() -> None:
    rows = plan("a", "2018-01-03", "2018-01-17")
    panel = built(rows, "2018-01-22", stock(observed_since="plan_end"), **WHOLE)
    assert missing(council(panel)) == [True, True, False, False]


def test_a_stock_can_be_limited_to_some_plans() -> None:
    rows = plan("a", "2018-01-02", category="Neglect") + plan("b", "2018-01-02", category="Physical")
    neglect = stock(where=[{"column": "category", "one_of": ["neglect"]}])
    assert council(built(rows, "2018-01-08", neglect)) == [1, 1]


def test_a_stock_is_sliced_by_what_the_start_says() -> None:
    rows = [
        event("a", "plan_start", "2018-01-02", team="East"),
        event("a", "plan_end", "2018-01-10", team="West"),
        event("b", "plan_start", "2018-01-02", team="West"),
    ]
    panel = built(rows, "2018-01-08", stock())
    assert series(panel, "team", "East") == [1, 0]
    assert series(panel, "team", "West") == [1, 1]


def test_a_plan_without_a_start_is_sliced_by_what_its_end_says() -> None:
    rows = plan("a", None, "2018-01-17", team="East") + plan("b", "2018-01-02", team="West")
    assert series(built(rows, "2018-01-15", stock()), "team", "East") == [1, 1, 0]


def siblings(*ends: str | None) -> list[dict[str, object]]:
    """Seven of one family who start plans on one day; some of them end."""
    of_family = [plan(f"c{n}", "2018-01-02", end) for n, end in enumerate([*ends, *[None] * (7 - len(ends))])]
    return [{**row, "family": "f"} for rows in of_family for row in rows]


def test_a_family_that_joins_a_stock_on_one_day_counts_as_two() -> None:
    rows = siblings() + plan("alone", "2018-01-02") + [{**row, "family": "g"} for row in plan("other", "2018-01-09")]
    panel = built(rows, "2018-01-08", stock())
    assert panel.count.tolist() == [[8, 9]]
    np.testing.assert_allclose(panel.capped, [[3, 4]])
    assert np.isnan(panel.of).all()


def test_brothers_and_sisters_leave_a_stock_with_the_weight_they_joined_it_with() -> None:
    panel = built(siblings("2018-01-10", "2018-01-11", "2018-01-17"), "2018-01-15", stock())
    assert panel.count.tolist() == [[7, 5, 4]]
    np.testing.assert_allclose(panel.capped, [[2, 10 / 7, 8 / 7]], atol=1e-4)


def test_plans_that_were_open_before_the_history_are_no_family() -> None:
    rows = [{**row, "family": "f"} for n in range(7) for row in plan(f"c{n}", None, "2018-01-17")]
    rows += plan("other", "2018-01-02")
    assert built(rows, "2018-01-15", stock()).capped.tolist() == [[8, 8, 1]]


LONG = stock(open_at_least_days=14)


def test_a_plan_counts_as_long_from_the_day_it_has_lasted_so_long() -> None:
    """Two weeks after Sunday 7 January is Sunday 21 January."""
    rows = plan("old", "2017-12-04", "2017-12-05") + plan("a", "2018-01-07", "2018-02-01")
    assert council(built(rows, "2018-01-29", LONG, **WHOLE)) == [0, 0, 1, 1, 0]
    later = plan("old", "2017-12-04", "2017-12-05") + plan("a", "2018-01-08", "2018-02-01")
    assert council(built(later, "2018-01-29", LONG, **WHOLE)) == [0, 0, 0, 1, 0]


def test_a_plan_that_ends_before_it_is_long_never_counts() -> None:
    rows = plan("old", "2017-12-04", "2017-12-05") + plan("a", "2018-01-02", "2018-01-16")
    assert council(built(rows, "2018-01-22", LONG, **WHOLE)) == [0, 0, 0, 0]


def test_long_plans_are_missing_until_the_history_is_as_long() -> None:
    rows = plan("a", "2018-01-02") + plan("b", None, "2018-01-24")
    panel = built(rows, "2018-01-22", LONG, **WHOLE)
    assert missing(council(panel)) == [True, True, False, False]
    assert council(panel)[2:] == [2, 1]


@pytest.mark.parametrize("rows", [[], plan("a", None, "2018-01-10")], ids=["no events", "ends alone"])
def test_a_stock_without_a_start_is_missing(rows: list[dict[str, object]]) -> None:
    assert missing(council(built(rows, "2018-01-08", stock()))) == [True]
