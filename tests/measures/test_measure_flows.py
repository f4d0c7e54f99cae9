"""Flows: events in a period, and what a sibling group weighs."""

from __future__ import annotations

import numpy as np
import pytest
from event_frames import built, council, day, event, flow, frame, missing, parsed, periods, series

from forecaster.measures import build_panel
from forecaster.types import SeriesKey


def referrals(*dates: str, **columns: str) -> list[dict[str, object]]:
    return [event(f"c{number}", "referral", date, **columns) for number, date in enumerate(dates)]


def test_events_are_counted_by_week_from_monday_to_sunday() -> None:
    panel = built(referrals("2018-01-08", "2018-01-14", "2018-01-15"), "2018-01-15", flow())
    assert periods(panel) == ["2018-01-08", "2018-01-15"]
    assert council(panel) == [2, 1]


def test_a_week_that_spans_new_year_is_one_week() -> None:
    panel = built(referrals("2018-12-31", "2019-01-06", "2019-01-07"), "2019-01-07", flow())
    assert periods(panel) == ["2018-12-31", "2019-01-07"]
    assert council(panel) == [2, 1]


def test_a_week_53_is_counted_once() -> None:
    panel = built(referrals("2020-12-28", "2021-01-03", "2021-01-04"), "2021-01-04", flow())
    assert council(panel) == [2, 1]


def test_events_are_counted_by_calendar_month() -> None:
    panel = built(referrals("2020-01-31", "2020-02-01", "2020-02-29", "2020-03-01"), "2020-03-01", flow(), step="month")
    assert periods(panel) == ["2020-01-01", "2020-02-01", "2020-03-01"]
    assert council(panel) == [1, 2, 1]


def test_events_before_1970_are_counted_too() -> None:
    assert council(built(referrals("1969-12-28", "1969-12-29", "1970-01-04"), "1969-12-29", flow())) == [1, 2]


def test_any_day_of_the_last_week_may_name_it() -> None:
    rows = referrals("2018-01-08", "2018-01-21")
    assert council(built(rows, "2018-01-15", flow())) == council(built(rows, "2018-01-20", flow())) == [1, 1]


def test_a_week_without_events_is_zero() -> None:
    assert council(built(referrals("2018-01-08", "2018-01-29"), "2018-02-05", flow())) == [1, 0, 0, 1, 0]


def test_a_kind_is_missing_before_its_first_event() -> None:
    rows = [event("a", "contact", "2018-01-08"), event("a", "referral", "2018-01-22")]
    panel = build_panel(frame(rows), parsed(contacts=flow("contact"), referrals=flow()), last=day("2018-01-22"))
    assert council(panel, "contacts") == [1, 0, 0]
    assert missing(council(panel, "referrals")) == [True, True, False]


def test_plan_starts_are_missing_before_the_first_end_where_the_measure_says_so() -> None:
    rows = [
        event("a", "plan_start", "2017-12-18"),
        event("b", "plan_end", "2018-01-09"),
        event("c", "plan_start", "2018-01-10"),
    ]
    table = flow("plan_start", observed_since="plan_end")
    assert council(built(rows, "2018-01-08", table)) == [1]
    early = built(rows, "2018-01-08", table, first=day("2017-12-18"))
    assert missing(council(early)) == [True, True, True, False]


def test_a_measure_whose_other_event_never_comes_starts_with_its_own() -> None:
    rows = [event("a", "plan_start", "2018-01-08")]
    assert council(built(rows, "2018-01-15", flow("plan_start", observed_since="plan_end"))) == [1, 0]


def test_a_measure_without_events_still_has_a_series_of_missing_values() -> None:
    panel = build_panel(frame(referrals("2018-01-08")), parsed(a=flow(), b=flow("visit")), last=day("2018-01-15"))
    assert missing(council(panel, "b")) == [True, True]


def test_no_events_at_all_give_one_missing_period() -> None:
    panel = built([], "2018-01-15", flow())
    assert periods(panel) == ["2018-01-15"]
    assert missing(council(panel)) == [True]


def test_the_first_period_can_be_given() -> None:
    panel = built(referrals("2018-01-01", "2018-01-08", "2018-01-15"), "2018-01-15", flow(), first=day("2018-01-10"))
    assert council(panel) == [1, 1]


def test_events_after_the_last_period_are_not_counted() -> None:
    assert council(built(referrals("2018-01-08", "2018-01-15"), "2018-01-08", flow())) == [1]


def test_an_event_without_a_date_is_not_counted() -> None:
    rows = frame(referrals("2018-01-08", "2018-01-09"))
    rows.loc[1, "date"] = None
    assert council(built(rows, "2018-01-08", flow())) == [1]


def test_plain_dates_and_categories_are_read_like_the_stores_types() -> None:
    rows = frame(referrals("2018-01-08", "2018-01-15", team="East"))
    plain = rows.assign(date=[stamp.date() for stamp in rows["date"]])
    for name in ("child", "event", "team"):
        plain[name] = plain[name].astype("category")
    np.testing.assert_array_equal(
        built(plain, "2018-01-15", flow()).count, built(rows, "2018-01-15", flow()).count, strict=True
    )


def test_columns_that_a_source_lacks_are_missing_values() -> None:
    rows = frame(referrals("2018-01-08"))[["child", "event", "date"]]
    panel = built(rows, "2018-01-08", flow())
    assert panel.keys == (SeriesKey("m"),)
    assert council(panel) == [1]


def test_a_flow_can_be_limited_to_some_events() -> None:
    rows = [
        event("a", "referral", "2018-01-08", source="Police", age_band="0-4"),
        event("b", "referral", "2018-01-08", source="police", age_band="5-9"),
        event("c", "referral", "2018-01-08", source="School", age_band="0-4"),
        event("d", "referral", "2018-01-08"),
    ]
    police = {"column": "source", "one_of": ["police"]}
    young = {"column": "age_band", "one_of": ["0-4"]}
    assert council(built(rows, "2018-01-08", flow(where=[police]))) == [2]
    assert council(built(rows, "2018-01-08", flow(where=[police, young]))) == [1]


def test_a_number_can_be_at_most_some_value() -> None:
    rows = [event(str(number), "plan_start", "2018-01-08", previous_plans=number) for number in range(4)]
    between = {"column": "previous_plans", "at_least": 1, "at_most": 2}
    assert council(built(rows, "2018-01-08", flow("plan_start", where=[between]))) == [2]


def siblings(count: int, family: str | None, week: str = "2018-01-08", prefix: str = "") -> list[dict[str, object]]:
    columns = {"family": family} if family is not None else {}
    return [event(f"{prefix}{family}{number}", "plan_start", week, **columns) for number in range(count)]


def test_a_sibling_group_of_seven_counts_once() -> None:
    panel = built(siblings(7, "f") + siblings(1, "g"), "2018-01-08", flow("plan_start"))
    assert council(panel) == [8]
    assert panel.capped.tolist() == [[2]]


@pytest.mark.parametrize("family", [None, ""])
def test_a_few_children_of_unknown_families_count_in_full(family: str | None) -> None:
    panel = built(siblings(7, family), "2018-01-08", flow("plan_start"))
    assert panel.capped.tolist() == [[7]]


def test_a_family_counts_in_each_period_anew() -> None:
    rows = siblings(5, "f") + siblings(5, "f", week="2018-01-15", prefix="later")
    assert built(rows, "2018-01-15", flow("plan_start")).capped.tolist() == [[1, 1]]


def test_a_family_split_over_slices_still_counts_once_in_all() -> None:
    rows = siblings(6, "f")
    for number, row in enumerate(rows):
        row["age_band"] = "0-4" if number < 2 else "5-9"
    panel = built(rows, "2018-01-08", flow("plan_start"))
    np.testing.assert_allclose(panel.capped[:, 0], [1, 1 / 3, 2 / 3], atol=1e-4)
    assert series(panel, "age_band", "5-9") == [4]


def test_how_many_periods_are_provisional_is_passed_on() -> None:
    assert built(referrals("2018-01-08"), "2018-01-08", flow()).provisional == 1
    assert built(referrals("2018-01-08"), "2018-01-08", flow(), provisional=2).provisional == 2
