"""Totals come already counted; they have vintages too, and a gap is not a zero."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from store_cases import DAY, RECEIVED, WEEK, at, total, totals_extract, totals_frame, values

from forecaster.calendar import to_utc
from forecaster.store import Store
from forecaster.types import TOTALS_COLUMNS

NORTH = (("locality", "North"), ("team", "Team 2"))


def test_a_total_comes_out_with_all_that_was_said_of_it(store: Store) -> None:
    row = total("2018-01-01", 3.0, "repeat_plans", slice=NORTH, of=17.0)
    store.ingest(totals_extract(row), RECEIVED)
    assert values(store.totals(), *TOTALS_COLUMNS) == [tuple(row[name] for name in TOTALS_COLUMNS)]


def test_totals_have_the_types_that_the_reader_gives(store: Store) -> None:
    rows = [total("2018-01-01", 3.0, slice=NORTH), total("2018-01-08", 4.0)]
    store.ingest(totals_extract(*rows), RECEIVED)
    frame = store.totals()
    assert list(frame.columns) == [*TOTALS_COLUMNS, "extract"]
    assert frame.dtypes.drop("extract").to_dict() == totals_frame(rows).dtypes.to_dict()
    assert all(isinstance(value, tuple) for value in frame["slice"])


def test_an_empty_store_gives_the_same_columns_and_types(store: Store) -> None:
    empty = store.totals()
    store.ingest(totals_extract(total("2018-01-01", 3.0)), RECEIVED)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == store.totals().dtypes.to_dict()


def test_a_count_that_is_not_there_stays_not_a_number(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", math.nan), total("2018-01-08", 0.0)), RECEIVED)
    frame = store.totals()
    assert frame["count"].isna().tolist() == [True, False]
    assert frame["of"].isna().all()
    assert frame["count"].dtype == "float64"


def test_totals_come_by_measure_then_slice_then_period(store: Store) -> None:
    rows = [
        total("2018-01-08", 1.0, "referrals"),
        total("2018-01-01", 2.0, "referrals"),
        total("2018-01-01", 3.0, "contacts"),
        total("2018-01-01", 4.0, "referrals", slice=NORTH),
    ]
    store.ingest(totals_extract(*rows), RECEIVED)
    assert store.totals()["count"].tolist() == [3.0, 4.0, 2.0, 1.0]


def test_the_history_is_known_from_the_last_day_of_each_period(store: Store) -> None:
    store.ingest(totals_extract(total("2017-12-18", 1.0), total("2017-12-25", 2.0)), RECEIVED)
    assert store.totals(at("2017-12-23", 23))["count"].tolist() == []
    assert store.totals(at("2017-12-24", 0))["count"].tolist() == [1.0]
    assert store.totals(at("2017-12-31", 0))["count"].tolist() == [1.0, 2.0]


def test_on_the_night_before_a_monday_the_week_that_ends_is_known(store: Store) -> None:
    store.ingest(totals_extract(total("2017-06-05", 1.0)), RECEIVED)
    assert len(store.totals(to_utc(dt.date(2017, 6, 12)) - dt.timedelta(microseconds=1))) == 1


@pytest.mark.parametrize(("month", "last"), [("2017-06-01", "2017-06-30"), ("2017-02-01", "2017-02-28")])
def test_a_month_is_known_from_its_last_day(store: Store, month: str, last: str) -> None:
    store.ingest(totals_extract(total(month, 5.0, step="month")), RECEIVED)
    assert len(store.totals(at(dt.date.fromisoformat(last) - DAY, 22))) == 0
    assert len(store.totals(at(last, 0))) == 1


def test_the_newest_period_is_known_no_later_than_its_extract(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-08", 5.0)), RECEIVED)
    assert len(store.totals(RECEIVED)) == 1


def test_a_new_period_of_a_later_extract_is_known_from_its_receipt(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", 1.0)), RECEIVED)
    store.ingest(totals_extract(total("2018-01-08", 2.0)), RECEIVED + WEEK)
    assert store.totals(RECEIVED + WEEK - DAY)["count"].tolist() == [1.0]
    assert store.totals(RECEIVED + WEEK)["count"].tolist() == [1.0, 2.0]


def test_history_in_several_files_is_known_from_its_own_days(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", 1.0)), RECEIVED)
    store.ingest(totals_extract(total("2017-12-25", 2.0)), RECEIVED + 2 * DAY)
    store.ingest(totals_extract(total("2017-12-18", 3.0)), RECEIVED + 3 * DAY)
    assert store.totals(RECEIVED)["count"].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("changed", [{"count": 9.0}, {"of": 20.0}, {"count": 0.0}])
def test_a_correction_is_known_from_its_receipt(store: Store, changed: dict[str, Any]) -> None:
    row = total("2018-01-01", 3.0, "repeat_plans", of=17.0)
    store.ingest(totals_extract(row), RECEIVED)
    summary = store.ingest(totals_extract(row | changed), RECEIVED + WEEK)
    assert summary.corrected == 1
    assert values(store.totals(RECEIVED + WEEK - DAY), "count", "of") == [(3.0, 17.0)]
    now = {"count": 3.0, "of": 17.0} | changed
    assert values(store.totals(), "count", "of", "extract") == [(now["count"], now["of"], 2)]


def test_a_gap_does_not_take_away_a_count(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", 3.0)), RECEIVED)
    summary = store.ingest(totals_extract(total("2018-01-01", math.nan)), RECEIVED + WEEK)
    assert summary.unchanged == 1
    assert store.totals()["count"].tolist() == [3.0]


def test_a_gap_that_is_filled_is_a_correction(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", math.nan)), RECEIVED)
    assert store.ingest(totals_extract(total("2018-01-01", 3.0)), RECEIVED + WEEK).corrected == 1


def test_weeks_and_months_of_one_measure_are_kept_apart(store: Store) -> None:
    rows = [total("2018-01-01", 3.0), total("2018-01-01", 13.0, step="month")]
    assert store.ingest(totals_extract(*rows), RECEIVED).new == 2
    assert values(store.totals(), "step", "count") == [("month", 13.0), ("week", 3.0)]


def test_the_same_total_twice_in_a_file_counts_once(store: Store) -> None:
    rows = [total("2018-01-01", 3.0, slice=NORTH), total("2018-01-01", 4.0, slice=NORTH)]
    summary = store.ingest(totals_extract(*rows), RECEIVED)
    assert (summary.new, summary.duplicates) == (1, 1)
    assert store.totals()["count"].tolist() == [3.0]


def test_all_vintages_in_memory_are_those_of_the_database(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", 3.0), total("2017-12-25", 1.0, slice=NORTH)), RECEIVED)
    store.ingest(totals_extract(total("2018-01-01", 4.0)), RECEIVED + WEEK)
    vintages = store.total_vintages()
    for as_of in (None, at("2017-12-30"), RECEIVED, RECEIVED + WEEK):
        assert vintages.at(as_of).equals(store.totals(as_of))


def test_totals_and_events_do_not_mix(store: Store) -> None:
    store.ingest(totals_extract(total("2018-01-01", 3.0)), RECEIVED)
    assert len(store.events()) == 0
    assert store.health()["totals"] == 1
