"""Events CSV: what a row becomes, and what a bad row or a bad heading is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from extract_cases import csv_file, events, hashed, reading, refusal

from forecaster.types import EVENT_COLUMNS, EVENT_KINDS, Reject

HEAD = "child_id,event,date"
FULL = (
    "child_id,event,date,team,locality,source,category,age,gender,ethnicity,family_id,outcome,"
    "previous_plans,previous_plan_end,recorded"
)


def test_a_full_row_becomes_one_event(tmp_path: Path) -> None:
    found = events(
        tmp_path,
        "C1,plan_start,2023-05-02,Team 2,North,q) 6: Police,NEG,4,F,WBRI,F9,No further action,1,2021-02-03,2023-05-04",
        head=FULL,
    )
    assert found.rejects == [] and found.notes == []
    row = {name: values[0] for name, values in found.frame.to_dict("list").items()}
    assert row == {
        "child": hashed("C1"),
        "event": "plan_start",
        "date": pd.Timestamp("2023-05-02"),
        "recorded": pd.Timestamp("2023-05-04"),
        "family": hashed("F9", "family"),
        "team": "Team 2",
        "locality": "North",
        "source": "Police",
        "category": "neglect",
        "age_band": "1-4",
        "gender": "Female",
        "ethnicity": "White",
        "outcome": "no_further_action",
        "previous_plans": 1,
        "previous_plan_end": pd.Timestamp("2021-02-03"),
    }


def test_the_frame_has_its_columns_and_types_with_or_without_rows(tmp_path: Path) -> None:
    for rows in ([], ["C1,contact,2023-05-02"]):
        frame = events(tmp_path, *rows).frame
        assert tuple(frame.columns) == EVENT_COLUMNS
        types = {name: str(dtype) for name, dtype in frame.dtypes.items()}
        dates = {"date", "recorded", "previous_plan_end"}
        assert {name for name in types if types[name] == "datetime64[s]"} == dates
        assert types.pop("previous_plans") == "Int64"
        assert {types[name] for name in set(types) - dates} == {"str"}


def test_optional_columns_may_be_missing_or_blank(tmp_path: Path) -> None:
    blank = events(tmp_path, "C1,contact,2023-05-02" + "," * 12, head=FULL).frame
    short = events(tmp_path, "C1,contact,2023-05-02").frame
    assert blank.equals(short)
    assert short.iloc[0].drop(["child", "event", "date"]).isna().all()


def test_every_event_of_the_house_is_read(tmp_path: Path) -> None:
    found = events(tmp_path, *(f"C{n},{kind},2023-05-02" for n, kind in enumerate(EVENT_KINDS)))
    assert [event for event, _ in found.events] == list(EVENT_KINDS)


@pytest.mark.parametrize("written", ["Plan Start", "PLAN_START", "plan-start", " plan_start "])
def test_an_event_is_read_whatever_its_case_and_spaces(tmp_path: Path, written: str) -> None:
    assert events(tmp_path, f"C1,{written},2023-05-02").events == [("plan_start", "2023-05-02")]


@pytest.mark.parametrize(
    "head", ["Child ID,Event,Date", "CHILD_ID,EVENT,DATE", "child id, event , date", '"child_id","event","date"']
)
def test_headings_are_read_whatever_their_case_and_spaces(tmp_path: Path, head: str) -> None:
    assert events(tmp_path, "C1,contact,2023-05-02", head=head).seen == 1


def test_columns_may_come_in_any_order_and_others_are_left_out_with_a_note(tmp_path: Path) -> None:
    found = events(
        tmp_path, "2023-05-02,Jo Bloggs,contact,C1,2019-01-01", head="date,name,event,child_id,date_of_birth"
    )
    assert found.events == [("contact", "2023-05-02")]
    assert found.notes == ["columns not used: name, date_of_birth"]
    assert "Jo Bloggs" not in found.frame.to_csv() and "2019" not in found.frame.to_csv()


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_and_tabs_are_delimiters_too(tmp_path: Path, delimiter: str) -> None:
    row = delimiter.join(["C1", "contact", "2023-05-02"])
    assert events(tmp_path, row, head=HEAD.replace(",", delimiter)).seen == 1


def test_a_councils_own_words_stay_as_they_are(tmp_path: Path) -> None:
    found = events(
        tmp_path,
        "C1,referral,2023-05-02, Front door hub ,Domestic abuse,prefers own term",
        head=f"{HEAD},source,category,gender",
    )
    assert found.values("source") == ["Front door hub"]
    assert found.values("category") == ["Domestic abuse"]
    assert found.values("gender") == ["prefers own term"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_text_is_read_in_utf_8_with_or_without_its_mark_and_as_windows_writes_it(tmp_path: Path, encoding: str) -> None:
    path = csv_file(
        tmp_path, f"{HEAD},team", "C1,contact,2023-05-02,Tŷ Gwyn – café".replace("ŷ", "y"), encoding=encoding
    )
    found = reading(path)
    assert found.values("team") == ["Ty Gwyn – café"]


def test_a_windows_letter_late_in_a_large_file_is_noticed(tmp_path: Path) -> None:
    rows = [f"C{n},contact,2023-05-02,Team" for n in range(60_000)]
    path = csv_file(tmp_path, f"{HEAD},team", *rows, "C,contact,2023-05-02,Café", encoding="cp1252")
    assert reading(path).values("team")[-1] == "Café"


@pytest.mark.parametrize(
    ("row", "column", "reason", "remedy"),
    [
        ("C1,contact,2023-02-31", "date", "'2023-02-31' is not a date", "2018-01-08"),
        ("C1,contact,soon", "date", "the value is not a date", "2018-01-08"),
        ("C1,contact,", "date", "no date", "fill in"),
        ("C1,contact,1900-01-01", "date", "1900-01-01 is before 2000-01-01", "check the year"),
        ("C1,contact,2099-01-01", "date", "2099-01-01 is after the day", "check the year"),
        (",contact,2023-05-02", "child_id", "no child id", "give each row"),
        ("1.2E+11,contact,2023-05-02", "child_id", "the child id was shortened by a spreadsheet", "as text"),
        ("C1,referal,2023-05-02", "event", "unknown event 'referal'", "write referral"),
        ("C1,cp plan start,2023-05-02", "event", "unknown event 'cp plan start'", "write plan_start"),
        ("C1,zebra,2023-05-02", "event", "unknown event", "write one of contact, referral"),
        ("C1,,2023-05-02", "event", "no event", "write one of contact, referral"),
        ("C1,contact", "", "the row has 2 values, the heading 3", "quotation marks"),
        ("C1,contact,2023-05-02,North, East", "", "the row has 5 values, the heading 3", "quotation marks"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_reason_and_remedy(
    tmp_path: Path, row: str, column: str, reason: str, remedy: str
) -> None:
    found = events(tmp_path, "C1,contact,2023-05-01", row, "C2,contact,2023-05-03")
    assert [event for event, _ in found.events] == ["contact", "contact"]
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("row 3", column)
    assert reject.reason.startswith(reason) and remedy in reject.remedy
    assert found.seen == 3


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("recorded", "yesterday", "the value is not a date"),
        ("recorded", "2024-04-01", "2024-04-01 is after the day the file was received (2024-03-31)"),
        ("previous_plans", "-1", "-1 is negative"),
        ("previous_plans", "many", "not a number"),
        ("previous_plan_end", "31/31/2020", "'31/31/2020' is not a date"),
    ],
)
def test_a_bad_optional_date_or_number_rejects_its_row(tmp_path: Path, column: str, value: str, reason: str) -> None:
    found = events(tmp_path, f"C1,plan_start,2023-05-02,{value}", head=f"{HEAD},{column}")
    assert (found.columns, found.reasons, found.events) == ([column], [reason], [])


def test_a_bad_breakdown_value_is_left_blank_and_the_event_is_kept(tmp_path: Path) -> None:
    found = events(tmp_path, "C1,contact,2023-05-02,old enough", head=f"{HEAD},age")
    assert found.seen == 1 and found.values("age_band") == [None]


def test_a_row_with_two_faults_is_rejected_once(tmp_path: Path) -> None:
    found = events(tmp_path, ",zebra,never")
    assert found.rejects == [Reject("row 2", "child_id", "no child id", "give each row the id of its child")]


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    found = events(
        tmp_path, "", 'C1,contact,2023-05-02,"North\nEast"', ",,,", "C2,contact,never,North", head=f"{HEAD},team"
    )
    assert found.places == ["row 5"]
    assert found.values("team") == ["North\nEast"]


def test_surplus_empty_cells_do_no_harm(tmp_path: Path) -> None:
    assert events(tmp_path, "C1,contact,2023-05-02,,").rejects == []


def test_exact_duplicates_are_counted_and_kept_once(tmp_path: Path) -> None:
    found = events(
        tmp_path, "C1,contact,2023-05-02", "C1 ,Contact,02/05/2023", "C1,contact,2023-05-03", "C1,contact,2023-05-02"
    )
    assert (found.events, found.duplicates, found.rejects) == (
        [("contact", "2023-05-02"), ("contact", "2023-05-03")],
        2,
        [],
    )
    assert found.seen == 4


def test_a_row_that_says_something_else_of_the_same_event_is_no_duplicate(tmp_path: Path) -> None:
    found = events(tmp_path, "C1,referral,2023-05-02,", "C1,referral,2023-05-02,nfa", head=f"{HEAD},outcome")
    assert (found.duplicates, found.values("outcome")) == (0, [None, "nfa"])


def test_duplicates_are_found_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.tables.CHUNK", 2)
    rows = [f"C{n % 5},contact,2023-05-02" for n in range(20)]
    found = events(tmp_path, *rows)
    assert (len(found.frame), found.duplicates) == (5, 15)


def test_a_file_with_headings_alone_gives_one_empty_batch(tmp_path: Path) -> None:
    found = events(tmp_path)
    assert (found.seen, found.events, found.rejects) == (0, [], [])


def test_a_file_in_which_every_row_is_bad_is_read_and_says_so(tmp_path: Path) -> None:
    found = events(tmp_path, "C1,contact,never", "C2,contact,never")
    assert (found.seen, len(found.rejects), len(found.frame)) == (2, 2, 0)


@pytest.mark.parametrize(
    ("head", "missing", "near"),
    [
        ("child_ref,event,date", "child_id", "child_ref"),
        ("child_id,event_type,date", "event", "event_type"),
        ("child_id,event,event_date", "date", "event_date"),
        ("child_id,event,Data", "date", "Data"),
    ],
)
def test_a_renamed_column_is_named_with_the_nearest_heading(tmp_path: Path, head: str, missing: str, near: str) -> None:
    error = refusal(csv_file(tmp_path, head, "C1,contact,2023-05-02"))
    assert (error.column, error.row) == (missing, 1)
    assert f"nearest heading is '{near}'" in error.reason
    assert error.remedy == f"rename the heading '{near}' to '{missing}'"


def test_a_missing_column_without_a_near_heading_is_to_be_added(tmp_path: Path) -> None:
    error = refusal(csv_file(tmp_path, "child_id,event,team", "C1,contact,North"))
    assert (error.column, error.remedy) == ("date", "add the column 'date'")


@pytest.mark.parametrize(
    ("heading", "name"),
    [("previous_plan", "previous_plans"), ("localty", "locality"), ("outcomes", "outcome"), ("etnicity", "ethnicity")],
)
def test_a_misspelt_optional_column_is_not_silently_lost(tmp_path: Path, heading: str, name: str) -> None:
    error = refusal(csv_file(tmp_path, f"{HEAD},{heading}", "C1,plan_start,2023-05-02,"))
    assert error.column == name and heading in error.remedy


def test_a_column_that_is_only_a_little_like_an_optional_one_is_left_out_with_a_note(tmp_path: Path) -> None:
    found = events(tmp_path, "C1,contact,2023-05-02,Jo Bloggs", head=f"{HEAD},recorded_by")
    assert (found.seen, found.notes) == (1, ["columns not used: recorded_by"])


def test_a_heading_that_appears_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(csv_file(tmp_path, "child_id,event,date,Date", "C1,contact,2023-05-02,2023-05-03"))
    assert "appears twice" in error.reason and error.row == 1


def test_a_quotation_mark_that_is_not_closed_is_refused_with_its_row(tmp_path: Path) -> None:
    error = refusal(
        csv_file(tmp_path, HEAD, "C1,contact,2023-05-02", 'C2,contact,"2023-05-02', "C3,contact,2023-05-02")
    )
    assert error.row == 3 and "quotation mark" in error.reason
