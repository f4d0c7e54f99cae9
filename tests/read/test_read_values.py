"""Cells: dates, numbers, yes and no, headings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read.values import (
    EARLIEST,
    UnusableError,
    day,
    loose,
    nearest,
    plans_before,
    tidy,
    uncode,
    whole,
    yes_no,
)

TODAY = dt.date(2024, 3, 31)
MARCH = dt.date(2018, 3, 4)


@pytest.mark.parametrize(
    "written",
    [
        "2018-03-04",
        " 2018-03-04 ",
        "2018-03-04T09:30:00",
        "2018-03-04 09:30",
        "2018-03-04T09:30:00.123Z",
        "2018-03-04T09:30:00+01:00",
        "2018-03-04Z",
        "04/03/2018",
        "4/3/2018",
        "04-03-2018",
        "04.03.2018",
        "04/03/2018 09:30",
        "04/03/2018 09:30:59",
        "\xa004/03/2018",
        MARCH,
        dt.datetime(2018, 3, 4, 9, 30),
        43163,
        43163.4,
    ],
)
def test_a_day_is_read_in_every_form_that_councils_use(written: object) -> None:
    assert day(written, TODAY) == MARCH


@pytest.mark.parametrize(
    "written",
    ["31/02/2018", "2018-13-01", "03/13/2018", "04/03/18", "March", "2018", "43163", 7, 1e9, "2018-03-04 late", True],
)
def test_what_is_no_day_is_refused_with_how_to_write_one(written: object) -> None:
    with pytest.raises(UnusableError) as caught:
        day(written, TODAY)
    assert "not a date" in caught.value.reason and "2018-01-08" in caught.value.remedy


@pytest.mark.parametrize("written", [None, "", "  ", "NULL", "n/a", "NaN", "-"])
def test_a_blank_date_is_called_missing(written: object) -> None:
    with pytest.raises(UnusableError, match="no date"):
        day(written, TODAY)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("1900-01-01", "1900-01-01 is before 2000-01-01"),
        ("01/01/1900", "1900-01-01 is before 2000-01-01"),
        ("1999-12-31", "1999-12-31 is before 2000-01-01"),
        ("2099-12-31", "2099-12-31 is after the day the file was received (2024-03-31)"),
        ("2024-04-01", "2024-04-01 is after the day the file was received (2024-03-31)"),
    ],
)
def test_a_day_that_cannot_be_true_is_refused(written: str, reason: str) -> None:
    with pytest.raises(UnusableError) as caught:
        day(written, TODAY)
    assert caught.value.reason == reason
    assert "check the year" in caught.value.remedy


def test_the_first_and_the_last_plausible_day_are_taken() -> None:
    assert day("2000-01-01", TODAY) == EARLIEST
    assert day("2024-03-31", TODAY) == TODAY


@pytest.mark.parametrize(
    "written", ["Jo Bloggs", "943-476-5919", "1234567", "C0012", "jo@example.org", "0121 496 0000"]
)
def test_a_value_that_may_be_a_name_or_an_identifier_is_not_quoted(written: str) -> None:
    with pytest.raises(UnusableError) as caught:
        day(written, TODAY)
    assert caught.value.reason == "the value is not a date"


def test_a_wrong_date_is_quoted_and_no_more_than_20_characters_of_it() -> None:
    with pytest.raises(UnusableError) as caught:
        day("2018-02-31T10:00:00.000000", TODAY)
    assert caught.value.reason == "'2018-02-31T10:00:00.' is not a date"


@given(st.dates(EARLIEST, TODAY))
def test_a_day_comes_back_from_either_way_of_writing_it(when: dt.date) -> None:
    assert day(f"{when:%d/%m/%Y}", TODAY) == day(when.isoformat(), TODAY) == when


@given(st.one_of(st.text(max_size=30), st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.none()))
def test_any_cell_is_a_plausible_day_or_a_reason(cell: Any) -> None:
    try:
        assert EARLIEST <= day(cell, TODAY) <= TODAY
    except UnusableError as why:
        assert why.reason and why.remedy


@pytest.mark.parametrize(
    ("written", "number"),
    [("3", 3), (" 3 ", 3), ("3.0", 3), (3.0, 3), (0, 0), ("1,234", 1234), ("12,345,678", 12345678)],
)
def test_a_whole_number_is_read_however_it_is_written(written: object, number: int) -> None:
    assert whole(written) == number


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("-1", "-1 is negative"),
        ("2.5", "2.5 is not a whole number"),
        ("two", "not a number"),
        ("1,23", "not a number"),
        ("", "no number"),
        (None, "no number"),
        ("1e3", "not a number"),
    ],
)
def test_what_is_no_count_is_refused(written: object, reason: str) -> None:
    with pytest.raises(UnusableError) as caught:
        whole(written)
    assert caught.value.reason == reason
    assert caught.value.remedy == "give a whole number, 0 or more"


@given(st.integers(0, 10**12))
def test_a_count_comes_back_as_text_and_as_a_workbook_number(number: int) -> None:
    assert whole(str(number)) == whole(float(number)) == whole(f"{number:,}") == number


@pytest.mark.parametrize(("written", "answer"), [
    ("a) Yes", True), ("yes", True), ("Y", True), ("true", True), ("1", True), (1.0, True), (True, True),
    ("b) No", False), ("NO", False), ("n", False), ("false", False), ("0", False), (0.0, False),
    ("c) Unknown", None), ("", None), (None, None), ("CS Assessment Updated", None),
])  # fmt: skip
def test_yes_and_no_are_read_with_or_without_the_letter(written: object, answer: bool | None) -> None:
    assert yes_no(written) is answer


@pytest.mark.parametrize(
    ("written", "bare"),
    [("q) 6: Police", "6: Police"), ("p1) 5D: LA services", "5D: LA services"), ("Police", "Police"), ("zz) T4", "T4")],
)
def test_the_letter_of_annex_a_is_taken_off(written: str, bare: str) -> None:
    assert uncode(written) == bare


def test_a_child_had_no_more_plans_before_than_a_child_can_have() -> None:
    assert [plans_before(number) for number in ("0", 10.0, "50")] == [0, 10, 50]
    with pytest.raises(UnusableError, match="more previous plans than any child has"):
        plans_before("4653765")


def test_a_number_from_a_workbook_is_tidied_to_its_digits() -> None:
    assert [tidy(value) for value in (123.0, 123, " 123 ", "123\xa0", 1.5, None)] == [
        "123",
        "123",
        "123",
        "123",
        "1.5",
        "",
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "Child Unique ID",
        "ChildUniqueID",
        " child  unique id ",
        "CHILD_UNIQUE_ID",
        "Child-Unique-ID?",
        "Child\nUnique ID",
    ],
)
def test_headings_match_whatever_their_case_spaces_and_punctuation(heading: str) -> None:
    assert loose(heading) == "childuniqueid"


def test_curly_and_straight_quotes_in_a_heading_match() -> None:
    assert loose("local authority’s children") == loose("local authority's children")


def test_the_nearest_of_some_words_is_found_or_none() -> None:
    assert nearest("referal", ["contact", "referral"]) == "referral"
    assert nearest("Plan Start", ["plan_start", "plan_end"]) == "plan_start"
    assert nearest("zebra", ["contact", "referral"]) is None
