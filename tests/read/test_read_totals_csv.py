"""Totals CSV: counts by period, in long form, in any order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from extract_cases import csv_file, reading, refusal, totals
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read.totals_csv import period_start
from forecaster.read.values import UnusableError
from forecaster.types import TOTALS_COLUMNS

MONTHS = "month,measure,count"
SHARES = "week,measure,count,of"


def plain(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    rows = frame.assign(period=frame["period"].dt.strftime("%Y-%m-%d")).astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


def test_a_row_becomes_one_total(tmp_path: Path) -> None:
    found = totals(tmp_path, "2023-05-01,referrals,31")
    assert (found.source, found.kind, found.rejects) == ("totals_csv", "totals", [])
    assert plain(found.frame) == [("referrals", (), "week", "2023-05-01", 31.0, None)]


def test_the_frame_has_its_columns_and_types_with_or_without_rows(tmp_path: Path) -> None:
    for rows in ([], ["2023-05-01,referrals,31"]):
        frame = totals(tmp_path, *rows).frame
        assert tuple(frame.columns) == TOTALS_COLUMNS
        assert [str(dtype) for dtype in frame.dtypes] == ["str", "object", "str", "datetime64[s]", "float64", "float64"]


def test_the_column_name_gives_the_period(tmp_path: Path) -> None:
    assert totals(tmp_path, "2023-05-01,referrals,31", head=MONTHS).values("step") == ["month"]
    assert totals(tmp_path, "2023-05-01,referrals,31", head="WEEK,Measure,Count").values("step") == ["week"]


def test_a_month_may_be_written_without_its_day(tmp_path: Path) -> None:
    found = totals(tmp_path, "2023-05,referrals,31", head=MONTHS)
    assert plain(found.frame)[0][3] == "2023-05-01"


def test_any_other_column_is_a_breakdown_and_a_blank_one_is_none(tmp_path: Path) -> None:
    found = totals(
        tmp_path,
        "North,2023-05-01,referrals,Team 2,3",
        "North,2023-05-01,referrals,,9",
        ",2023-05-01,referrals,,31",
        head="locality,week,measure,Allocated team,count",
    )
    assert found.values("slice") == [
        (("allocated_team", "Team 2"), ("locality", "North")),
        (("locality", "North"),),
        (),
    ]


def test_a_slice_does_not_depend_on_the_order_of_the_columns(tmp_path: Path) -> None:
    one = totals(tmp_path, "2023-05-01,referrals,North,2,31", head="week,measure,locality,team,count")
    other = totals(tmp_path, "31,2,North,referrals,2023-05-01", head="count,team,locality,measure,week")
    assert one.frame.equals(other.frame)


def test_a_share_has_what_it_is_a_share_of(tmp_path: Path) -> None:
    found = totals(tmp_path, "2023-05-01,nfa,4,20", "2023-05-08,nfa,0,0", head=SHARES)
    assert found.values("of") == [20.0, 0.0] and found.rejects == []


@pytest.mark.parametrize("written", ["", "c", "x", "u", "z", ":", "..", "low", "C"])
def test_a_figure_that_is_blank_or_suppressed_is_missing_not_zero_and_no_fault(tmp_path: Path, written: str) -> None:
    found = totals(tmp_path, f"2023-05-01,referrals,{written}", "2023-05-08,referrals,31")
    assert found.rejects == [] and found.values("count") == [None, 31.0]


@pytest.mark.parametrize(
    ("row", "column", "reason", "remedy"),
    [
        ("2023-05-02,referrals,3", "week", "2023-05-02 is not a Monday", "name a week by its Monday (2023-05-01)"),
        ("2023-05-07,referrals,3", "week", "2023-05-07 is not a Monday", "name a week by its Monday (2023-05-01)"),
        ("1900-01-01,referrals,3", "week", "1900-01-01 is before 1950-01-01", "check the year"),
        ("2099-01-05,referrals,3", "week", "2099-01-05 is after the day", "check the year"),
        ("2023-W18,referrals,3", "week", "the value is not a date", "2018-01-08"),
        (",referrals,3", "week", "no date", "fill in"),
        ("2023-05-01,,3", "measure", "no measure", "say what is counted"),
        ("2023-05-01,referrals,-3", "count", "-3 is negative", "0 or more"),
        ("2023-05-01,referrals,3.5", "count", "3.5 is not a whole number", "0 or more"),
        ("2023-05-01,referrals,three", "count", "not a number", "0 or more"),
        ("2023-05-01,referrals", "", "the row has 2 values, the heading 3", "quotation marks"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_reason_and_remedy(
    tmp_path: Path, row: str, column: str, reason: str, remedy: str
) -> None:
    found = totals(tmp_path, "2023-04-24,referrals,9", row)
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("row 3", column)
    assert reject.reason.startswith(reason) and remedy in reject.remedy
    assert len(found.frame) == 1 and found.seen == 2


def test_a_month_that_is_not_its_first_is_rejected(tmp_path: Path) -> None:
    [reject] = totals(tmp_path, "2023-05-31,referrals,9", head=MONTHS).rejects
    assert reject.reason == "2023-05-31 is not the 1st of a month" and "2023-05-01" in reject.remedy


def test_a_share_of_less_than_its_count_is_rejected(tmp_path: Path) -> None:
    found = totals(tmp_path, "2023-05-01,nfa,5,4", "2023-05-08,nfa,4,4", "2023-05-15,nfa,4,-4", head=SHARES)
    assert found.places == ["row 2", "row 4"] and found.columns == ["of", "of"]
    assert found.reasons == ["of is less than count", "-4 is negative"]


def test_a_repeated_row_is_a_duplicate_and_a_contradicting_one_is_rejected(tmp_path: Path) -> None:
    found = totals(tmp_path, "2023-05-01,referrals,9", "01/05/2023, referrals ,9.0", "2023-05-01,referrals,8")
    assert (found.values("count"), found.duplicates) == ([9.0], 1)
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("row 4", "count")
    assert reject.reason == "an earlier row gives this measure, week and slice another count"


def test_contradictions_are_found_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.tables.CHUNK", 1)
    found = totals(
        tmp_path, "2023-05-01,referrals,9", "2023-05-08,referrals,9", "2023-05-01,referrals,9", "2023-05-08,referrals,8"
    )
    assert (len(found.frame), found.duplicates, found.places) == (2, 1, ["row 5"])


def test_a_total_and_its_slices_are_different_series(tmp_path: Path) -> None:
    rows = ["2023-05-01,referrals,,9", "2023-05-01,referrals,North,5", "2023-05-01,referrals,South,4"]
    assert totals(tmp_path, *rows, head="week,measure,locality,count").rejects == []


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [f"2023-05-{day:02d},{measure},{day}" for day in (1, 8, 15) for measure in ("referrals", "contacts")]
    first = plain(totals(tmp_path, *rows).frame)
    random.Random(1).shuffle(rows)
    assert sorted(plain(totals(tmp_path, *rows).frame)) == sorted(first)


@pytest.mark.parametrize("head", ["week,count", "month,count", "count,month,locality"])
def test_a_file_without_a_measure_column_is_refused(tmp_path: Path, head: str) -> None:
    error = refusal(csv_file(tmp_path, head, "2023-05-01,9"))
    assert (error.column, error.row, error.remedy) == ("measure", 1, "add the column 'measure'")


@pytest.mark.parametrize(
    ("head", "missing", "near"),
    [
        ("week,measures,count", "measure", "measures"),
        ("week,measure,counts", "count", "counts"),
        ("weeks,measure,count", "week", "weeks"),
        ("months,measure,count", "month", "months"),
    ],
)
def test_a_renamed_column_is_named_with_the_nearest_heading(tmp_path: Path, head: str, missing: str, near: str) -> None:
    error = refusal(csv_file(tmp_path, head, "2023-05-01,referrals,9"))
    assert error.column == missing and error.remedy == f"rename the heading '{near}' to '{missing}'"


def test_a_file_without_a_period_column_is_refused(tmp_path: Path) -> None:
    error = refusal(csv_file(tmp_path, "measure,count,locality", "referrals,9,North"))
    assert error.column == "week or month"


def test_period_may_be_said_beside_a_column_called_period_or_date(tmp_path: Path) -> None:
    for heading in ("period", "date"):
        path = csv_file(tmp_path, f"{heading},measure,count", "2023-05-01,referrals,9")
        assert reading(path, period="month").values("step") == ["month"]
        assert reading(path, period="week").values("step") == ["week"]
        assert "--period" in refusal(path).remedy


def test_a_period_that_contradicts_the_column_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "week,measure,count", "2023-05-01,referrals,9")
    assert reading(path, period="week").seen == 1
    error = refusal(path, period="month")
    assert error.column == "week" and "months were asked for" in error.reason


def test_a_file_with_weeks_and_months_is_refused(tmp_path: Path) -> None:
    assert "keep one" in refusal(csv_file(tmp_path, "week,month,measure,count", "2023-05-01,2023-05-01,x,9")).remedy


def test_totals_have_no_child_so_older_series_are_read(tmp_path: Path) -> None:
    assert totals(tmp_path, "1990-01-01,campylobacter,9").rejects == []


@given(st.dates(min_value=pd.Timestamp("1950-01-02").date(), max_value=pd.Timestamp("2024-03-31").date()))
def test_a_week_is_taken_exactly_on_mondays_and_a_month_on_firsts(day: Any) -> None:
    latest = pd.Timestamp("2024-03-31").date()
    for step, right in (("week", day.weekday() == 0), ("month", day.day == 1)):
        try:
            assert period_start(day.isoformat(), step, latest) == day and right  # type: ignore[arg-type]
        except UnusableError as why:
            assert not right and why.remedy


FIGURES = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["contacts", "nfa"]),
        st.sampled_from(["", "North", "Süd, 2"]),
        st.integers(0, 99),
    ),
    unique_by=lambda row: row[:3],
    max_size=30,
)


@given(FIGURES, st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]), st.randoms(use_true_random=False))
def test_totals_come_back_in_any_order_and_encoding(
    tmp_path_factory: pytest.TempPathFactory,
    figures: list[tuple[int, str, str, int]],
    encoding: str,
    shuffle: random.Random,
) -> None:
    folder = tmp_path_factory.mktemp("totals")
    start = np.datetime64("2020-01-06")
    shuffle.shuffle(figures)
    rows = [f'{start + 7 * week},{measure},"{where}",{count}' for week, measure, where, count in figures]
    found = reading(csv_file(folder, "week,measure,locality,count", *rows, encoding=encoding))
    expected = {
        (measure, (("locality", where),) if where else (), str(start + 7 * week), float(count))
        for week, measure, where, count in figures
    }
    assert {(row[0], row[1], row[3], row[4]) for row in plain(found.frame)} == expected
    assert found.rejects == []
