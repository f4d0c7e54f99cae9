"""Totals that someone else has counted, as panels."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from event_frames import MEASURES, council, day, missing, parsed, periods, stock
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.measures import panel_from_totals
from forecaster.types import TOTALS_COLUMNS, SeriesKey

NORTH = (("locality", "North"),)


def total(
    period: str, count: float, measure: str = "m", where: Any = (), step: str = "week", of: float | None = None
) -> dict[str, Any]:
    return {"measure": measure, "slice": where, "step": step, "period": day(period), "count": count, "of": of}


def totals(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(TOTALS_COLUMNS))


def test_rows_become_series_over_the_same_weeks() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-15", 4), total("2018-01-01", 3), total("2018-01-08", 5)))
    assert (panel.step, periods(panel)) == ("week", ["2018-01-01", "2018-01-08", "2018-01-15"])
    assert council(panel) == [3, 5, 4]
    assert np.isnan(panel.of).all()
    np.testing.assert_array_equal(panel.capped, panel.count)


def test_a_gap_is_missing() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3), total("2018-01-15", 4)))
    assert missing(council(panel)) == [False, True, False]


def test_a_gap_is_zero_when_that_is_asked_for() -> None:
    rows = totals(total("2018-01-01", 3), total("2018-01-15", 4), total("2018-01-15", 1, where=NORTH))
    (panel,) = panel_from_totals(rows, missing="zero")
    assert panel.count.tolist() == [[3, 0, 4], [0, 0, 1]]


def test_a_gap_of_a_share_is_zero_of_zero_when_that_is_asked_for() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3, of=9), total("2018-01-15", 4, of=8)), missing="zero")
    assert (panel.count.tolist(), panel.of.tolist()) == ([[3, 0, 4]], [[9, 0, 8]])


def test_an_empty_count_is_missing_like_a_gap() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3), total("2018-01-08", float("nan"))))
    assert missing(council(panel)) == [False, True]


def test_series_come_in_order_of_their_keys() -> None:
    rows = totals(
        total("2018-01-01", 1, measure="b"), total("2018-01-01", 2, where=NORTH, measure="a"),
        total("2018-01-01", 3, measure="a"),
    )  # fmt: skip
    (panel,) = panel_from_totals(rows)
    assert panel.keys == (SeriesKey("a"), SeriesKey("a", NORTH), SeriesKey("b"))
    assert panel.count[:, 0].tolist() == [3, 2, 1]


def test_a_slice_may_have_two_dimensions() -> None:
    both = (("locality", "North"), ("team", "1"))
    (panel,) = panel_from_totals(totals(total("2018-01-01", 1, where=both)))
    assert panel.keys == (SeriesKey("m", both),)


def test_a_series_with_an_of_is_a_share() -> None:
    rows = totals(total("2018-01-01", 3, of=9), total("2018-01-08", 2), total("2018-01-01", 5, measure="n"))
    (panel,) = panel_from_totals(rows)
    assert panel.kinds == ("share", "flow")
    assert panel.of[0, 0] == 9 and np.isnan(panel.of[0, 1])


def test_a_measure_that_config_has_as_a_stock_is_a_stock() -> None:
    rows = totals(total("2018-01-01", 3, measure="plans_open"), total("2018-01-01", 3, measure="referrals"))
    (panel,) = panel_from_totals(rows, measures=MEASURES)
    assert panel.kinds == ("stock", "flow")
    assert panel_from_totals(rows)[0].kinds == ("flow", "flow")
    assert panel_from_totals(rows, measures=parsed(referrals=stock()))[0].kinds == ("flow", "stock")


def test_weeks_and_months_become_a_panel_each() -> None:
    rows = totals(total("2018-02-01", 9, step="month"), total("2018-01-01", 8, step="month"), total("2018-01-08", 3))
    weeks, months = panel_from_totals(rows)
    assert (weeks.step, months.step) == ("week", "month")
    assert periods(months) == ["2018-01-01", "2018-02-01"]
    assert council(months) == [8, 9]


def test_no_rows_give_no_panel() -> None:
    assert panel_from_totals(totals()) == []
    assert panel_from_totals(totals(total("2018-01-08", 3)), last=day("2018-01-01")) == []


def test_rows_after_the_last_period_are_not_looked_at() -> None:
    rows = totals(total("2018-01-01", 3), total("2018-01-08", 4), total("2018-01-15", 5, where=NORTH))
    (panel,) = panel_from_totals(rows, last=day("2018-01-08"))
    assert panel.keys == (SeriesKey("m"),)
    assert council(panel) == [3, 4]


def test_periods_run_to_the_last_one_even_without_rows() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3)), last=day("2018-01-15"))
    assert missing(council(panel)) == [False, True, True]


def test_of_two_rows_for_one_period_the_later_stands() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3), total("2018-01-01", 7)))
    assert council(panel) == [7]


def test_rows_may_come_in_several_frames() -> None:
    first = totals(total("2018-01-08", 4), total("2018-01-01", 3), total("2018-01-08", 1, where=NORTH))
    then = totals(total("2018-01-22", 6), total("2018-01-01", 7), total("2018-02-01", 9, measure="b", step="month"))
    parts, whole = (panel_from_totals(rows) for rows in (iter([first, totals(), then]), pd.concat([first, then])))
    assert [panel.keys for panel in parts] == [(SeriesKey("m"), SeriesKey("m", NORTH)), (SeriesKey("b"),)]
    for one, other in zip(parts, whole, strict=True):
        assert (one.keys, one.kinds, periods(one)) == (other.keys, other.kinds, periods(other))
        np.testing.assert_array_equal(one.count, other.count)
    np.testing.assert_array_equal(parts[0].count[0], [7, 4, np.nan, 6])


def test_how_many_periods_are_provisional_is_passed_on() -> None:
    (panel,) = panel_from_totals(totals(total("2018-01-01", 3)), provisional=1)
    assert panel.provisional == 1


@pytest.mark.parametrize("kind", ["datetime64[s]", "datetime64[ns]", "object"])
def test_dates_are_read_in_any_of_the_types_pandas_has(kind: str) -> None:
    rows = totals(total("2018-01-01", 3), total("2018-01-08", 4))
    rows["period"] = rows["period"] if kind == "object" else pd.to_datetime(rows["period"]).astype(kind)
    assert council(panel_from_totals(rows)[0]) == [3, 4]


KEY = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([(), NORTH]), st.integers(0, 60))


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEY, st.integers(0, 99), min_size=1), st.randoms(use_true_random=False))
def test_every_row_is_found_at_its_place_whatever_the_order(
    counts: dict[tuple[str, Any, int], int], random: Any
) -> None:
    start = dt.date(2018, 1, 1)
    rows = [
        total(str(start + dt.timedelta(weeks=week)), count, measure, where)
        for (measure, where, week), count in counts.items()
    ]
    random.shuffle(rows)
    (panel,) = panel_from_totals(totals(*rows))
    for (measure, where, week), count in counts.items():
        column = int(np.searchsorted(panel.periods, np.datetime64(start + dt.timedelta(weeks=week), "D")))
        assert panel.count[panel.row(SeriesKey(measure, where)), column] == count
    assert np.isfinite(panel.count).sum() == len(counts)
