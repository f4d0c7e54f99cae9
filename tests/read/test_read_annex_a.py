"""Annex A workbooks: each list, as the template has it and as councils fill it in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from extract_cases import (
    ASSESSMENTS,
    CARE,
    CONTACTS,
    ENQUIRIES,
    PLANS,
    REFERRALS,
    annex,
    cells,
    hashed,
    refusal,
    workbook_file,
)

MAY = dt.date(2023, 5, 2)
JUNE = dt.date(2023, 6, 5)
ALL = {
    "List_1": [CONTACTS, cells(CONTACTS, id=1, date_of_contact=MAY, contact_source="q) 6: Police")],
    "List_3": [REFERRALS, cells(REFERRALS, id=1, date_of_referral=MAY, referral_nfa="b) No")],
    "List_4": [ASSESSMENTS, cells(ASSESSMENTS, id=1, continuous_assessment_start=MAY)],
    "List_5": [ENQUIRIES, cells(ENQUIRIES, id=1, strategy=MAY, date_of_initial=JUNE)],
    "List_7": [PLANS, cells(PLANS, id=1, child_protection_plan_start=JUNE, number_of_previous=0)],
    "List_8": [CARE, cells(CARE, id=2, date_started=MAY)],
}


def one(folder: Path, headings: Sequence[str], sheet: str, **values: Any) -> Any:
    """Reads a workbook with one list and one row."""
    return annex(folder, {sheet: [headings, cells(headings, id=1, **values)]})


def test_every_list_gives_its_events_of_the_same_child(tmp_path: Path) -> None:
    found = annex(tmp_path, ALL)
    assert (found.source, found.kind, found.rejects, found.notes) == ("annex_a", "events", [], [])
    assert set(found.events) == {
        ("contact", "2023-05-02"),
        ("referral", "2023-05-02"),
        ("assessment", "2023-05-02"),
        ("section_47", "2023-05-02"),
        ("conference", "2023-06-05"),
        ("plan_start", "2023-06-05"),
        ("care_start", "2023-05-02"),
    }
    assert set(found.frame["child"]) == {hashed("1"), hashed("2")}


def test_a_contact_has_its_source(tmp_path: Path) -> None:
    contact = annex(tmp_path, ALL).of("contact")
    assert contact["source"] == "Police" and pd.isna(contact["outcome"])


@pytest.mark.parametrize(
    ("nfa", "outcome"),
    [("a) Yes", "nfa"), ("yes", "nfa"), ("b) No", "further_action"), ("", None), ("c) Unknown", None)],
)
def test_a_referral_has_its_outcome_source_and_team_but_not_its_worker(
    tmp_path: Path, nfa: str, outcome: str | None
) -> None:
    found = one(
        tmp_path, REFERRALS, "List 3", date_of_referral=MAY, referral_source="School", referral_nfa=nfa,
        allocated_team=" Front door ", allocated_worker="Jo Bloggs",
    )  # fmt: skip
    assert found.values("outcome") == [outcome]
    assert (found.values("source"), found.values("team")) == (["Schools"], ["Front door"])
    assert "Bloggs" not in found.frame.to_csv()


@pytest.mark.parametrize(
    ("unnecessary", "held", "enquiry"),
    [
        ("b) No", JUNE, "conference"),
        ("", JUNE, "conference"),
        ("a) Yes", None, "no_conference"),
        ("b) No", None, None),
        ("", None, None),
    ],
)
def test_an_enquiry_says_whether_a_conference_followed_when_that_is_known(
    tmp_path: Path, unnecessary: str, held: dt.date | None, enquiry: str | None
) -> None:
    found = one(tmp_path, ENQUIRIES, "List_5", strategy=MAY, was_an_initial=unnecessary, date_of_initial=held)
    outcome = found.of("section_47")["outcome"]
    assert (None if pd.isna(outcome) else outcome) == enquiry
    assert (found.frame["event"] == "conference").sum() == (held is not None)


@pytest.mark.parametrize(("result", "outcome"), [("a) Yes", "plan"), ("No", "no_plan"), ("", None)])
def test_a_conference_says_whether_it_ended_in_a_plan(tmp_path: Path, result: str, outcome: str | None) -> None:
    found = one(tmp_path, ENQUIRIES, "List_5", strategy=MAY, date_of_initial=JUNE, did_the_initial=result)
    said = found.of("conference")["outcome"]
    assert (None if pd.isna(said) else said) == outcome


def test_a_conference_without_an_enquiry_is_a_conference_alone(tmp_path: Path) -> None:
    found = one(tmp_path, ENQUIRIES, "List_5", date_of_initial=JUNE)
    assert (found.events, found.rejects) == ([("conference", "2023-06-05")], [])


def test_an_enquiry_without_any_date_is_rejected(tmp_path: Path) -> None:
    found = one(tmp_path, ENQUIRIES, "List_5", was_an_initial="a) Yes")
    assert found.columns == ["Strategy discussion initiating Section 47 Enquiry Start Date"]
    assert found.places == ["List_5 row 2"]


def test_a_plan_gives_its_start_end_visit_and_review(tmp_path: Path) -> None:
    found = one(
        tmp_path, PLANS, "List_7", child_protection_plan_start=dt.date(2022, 5, 2), child_protection_plan_end=MAY,
        date_of_the_last=dt.date(2023, 4, 20), date_of_latest=dt.date(2023, 4, 28), number_of_previous=2,
        initial_category="a) Neglect", latest_category="d) Emotional abuse", allocated_team="Team 1",
    )  # fmt: skip
    assert found.events == [
        ("plan_start", "2022-05-02"), ("plan_end", "2023-05-02"), ("visit", "2023-04-20"), ("review", "2023-04-28"),
    ]  # fmt: skip
    assert found.values("previous_plans") == [2, None, None, None]
    assert found.values("category") == ["neglect"] * 4 and found.values("team") == ["Team 1"] * 4


def test_an_open_plan_has_no_end_and_a_missing_initial_category_is_the_latest(tmp_path: Path) -> None:
    found = one(tmp_path, PLANS, "List_7", child_protection_plan_start=MAY, latest_category="Physical abuse")
    assert (found.events, found.values("category")) == ([("plan_start", "2023-05-02")], ["physical"])
    assert found.values("previous_plans") == [None]


def test_a_plan_that_ends_before_it_starts_is_rejected_once(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        PLANS,
        "List_7",
        child_protection_plan_start=JUNE,
        child_protection_plan_end=MAY,
        date_of_the_last=JUNE,
    )
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("List_7 row 2", "Child Protection Plan End Date")
    assert reject.reason == "the end (2023-05-02) is before the start (2023-06-05)"
    assert found.events == [("visit", "2023-06-05")]


def test_a_plan_without_a_usable_start_has_no_end_either(tmp_path: Path) -> None:
    found = one(tmp_path, PLANS, "List_7", child_protection_plan_start="unknown", child_protection_plan_end=MAY)
    assert (found.events, found.columns) == ([], ["Child Protection Plan Start Date"])


def test_an_end_that_lies_ahead_leaves_the_plan_open(tmp_path: Path) -> None:
    end = dt.date(2099, 12, 31)
    found = one(tmp_path, PLANS, "List_7", child_protection_plan_start=MAY, child_protection_plan_end=end)
    assert found.events == [("plan_start", "2023-05-02")]
    assert (
        found.columns == ["Child Protection Plan End Date"]
        and "leave the end of an open plan blank" in found.rejects[0].remedy
    )


def test_a_number_of_previous_plans_that_is_none_rejects_the_plan(tmp_path: Path) -> None:
    found = one(tmp_path, PLANS, "List_7", child_protection_plan_start=MAY, number_of_previous="several")
    assert (found.events, found.columns) == ([], ["Number of Previous Child Protection Plans"])


def test_two_open_plans_of_a_child_are_one_and_a_reject(tmp_path: Path) -> None:
    rows = [cells(PLANS, id=1, child_protection_plan_start=day) for day in (MAY, JUNE)]
    found = annex(tmp_path, {"List_7": [PLANS, *rows]})
    [reject] = found.rejects
    assert (reject.place, reject.column) == ("List_7 row 3", "Child Protection Plan Start Date")
    assert "List_7 row 2" in reject.reason and found.events == [("plan_start", "2023-05-02")]


def test_a_plan_that_overlaps_is_left_out_with_its_end(tmp_path: Path) -> None:
    first = cells(PLANS, id=1, child_protection_plan_start=dt.date(2022, 5, 2), child_protection_plan_end=JUNE)
    second = cells(PLANS, id=1, child_protection_plan_start=MAY, child_protection_plan_end=dt.date(2023, 9, 1))
    found = annex(tmp_path, {"List_7": [PLANS, first, second]})
    assert found.events == [("plan_start", "2022-05-02"), ("plan_end", "2023-06-05")] and found.places == [
        "List_7 row 3"
    ]


def test_care_has_a_start_and_an_end(tmp_path: Path) -> None:
    found = one(tmp_path, CARE, "List 8", date_started=MAY, date_ceased=JUNE)
    assert found.events == [("care_start", "2023-05-02"), ("care_end", "2023-06-05")]
    swapped = one(tmp_path, CARE, "List 8", date_started=JUNE, date_ceased=MAY)
    assert swapped.events == [] and swapped.columns == ["Date Ceased to be Looked After"]


def test_the_age_band_is_that_at_the_event_and_the_date_of_birth_goes_no_further(tmp_path: Path) -> None:
    born = dt.date(2022, 6, 1)
    found = one(
        tmp_path, PLANS, "List_7", date_of_birth=born, age_of_child=1, child_protection_plan_start=dt.date(2022, 5, 2),
        child_protection_plan_end=JUNE,
    )  # fmt: skip
    assert found.values("age_band") == ["unborn", "1-4"]
    assert "2022-06-01" not in found.frame.to_csv()


@pytest.mark.parametrize(
    ("birth", "age", "band"), [(None, 8.88, "5-9"), (None, -1, "unborn"), ("n/k", 16, "16-17"), (None, None, None)]
)
def test_without_a_date_of_birth_the_age_is_taken(tmp_path: Path, birth: Any, age: Any, band: str | None) -> None:
    found = one(tmp_path, CONTACTS, "List_1", date_of_birth=birth, age_of_child=age, date_of_contact=MAY)
    assert found.values("age_band") == [band] and found.rejects == []


@pytest.mark.parametrize(
    "sheet", ["List_3", "List 3", "LIST3", "list 03", "List 3 - Referrals", "Annex A List 3", "Referrals", "Sheet1"]
)
def test_a_list_is_found_by_the_name_of_its_sheet_or_by_its_headings(tmp_path: Path, sheet: str) -> None:
    assert one(tmp_path, REFERRALS, sheet, date_of_referral=MAY).events == [("referral", "2023-05-02")]


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_headings_may_stand_below_a_title(tmp_path: Path, above: int) -> None:
    title = [["List 3: Referral"]] * above
    rows = [*title, REFERRALS, cells(REFERRALS, id=1, date_of_referral="never")]
    found = annex(tmp_path, {"List_3": rows})
    assert found.places == [f"List_3 row {above + 2}"]


def test_headings_without_spaces_as_data_to_insight_writes_them_are_read(tmp_path: Path) -> None:
    sheets = {
        "List_3": [["ChildUniqueID", "Age", "ReferralDate", "ReferralSource", "ReferralNFA", "AllocatedTeam"],
                   [1, 4, "02/05/2023", "e) 2A: Schools", "a) Yes", "North"]],
        "List_4": [["ChildUniqueID", "ContinuousAssessmentStart"], [1, "02/05/2023"]],
        "List_5": [["ChildUniqueID", "StratDiscussionDate", "InitialCPConfUnnecessary", "InitialCPConfDate",
                    "CPConfResultInCPPlan"], [1, "02/05/2023", "b) No", "05/06/2023", "a) Yes"]],
        "List_7": [["ChildUniqueID", "ChildProtectionPlanStartDate", "InitialCategoryOfAbuse",
                    "DateOfLastStatutoryVisit", "DateOfLatestReviewConf", "ChildProtectionPlanEndDate",
                    "NumberOfPreviousChildProtectionPlans"],
                   [1, "05/06/2023", "a) Neglect", "06/06/2023", "07/06/2023", "08/06/2023", 1]],
        "List_8": [["ChildUniqueID", "LoookedAfterStartDate", "CeasedLookedAfterDate"],
                   [1, "02/05/2023", "05/06/2023"]],
    }  # fmt: skip
    found = annex(tmp_path, sheets)
    assert found.rejects == []
    assert sorted(found.frame["event"]) == [
        "assessment", "care_end", "care_start", "conference", "plan_end", "plan_start", "referral", "review",
        "section_47", "visit",
    ]  # fmt: skip
    assert found.of("referral")[["source", "outcome", "team", "age_band"]].tolist() == [
        "Schools",
        "nfa",
        "North",
        "1-4",
    ]


def test_curly_quotes_and_line_breaks_in_headings_do_no_harm(tmp_path: Path) -> None:
    headings = [heading.replace(" ", "\n", 1).replace("?", "’") for heading in ENQUIRIES]
    rows = [headings, cells(ENQUIRIES, id=1, strategy=MAY, was_an_initial="a) Yes")]
    assert annex(tmp_path, {"List_5": rows}).values("outcome") == ["no_conference"]


@pytest.mark.parametrize(
    "written", ["02/05/2023", "2023-05-02", "2023-05-02T00:00:00", dt.datetime(2023, 5, 2, 14, 30), MAY, 45048]
)
def test_dates_are_read_as_text_and_as_workbook_dates(tmp_path: Path, written: Any) -> None:
    assert one(tmp_path, CONTACTS, "List_1", date_of_contact=written).events == [("contact", "2023-05-02")]


@pytest.mark.parametrize("identifier", [123, 123.0, "123", "123 "])
def test_a_child_is_the_same_whether_its_id_is_a_number_or_text(tmp_path: Path, identifier: Any) -> None:
    found = annex(tmp_path, {"List_1": [CONTACTS, cells(CONTACTS, id=identifier, date_of_contact=MAY)]})
    assert found.values("child") == [hashed("123")]


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ({"date_of_contact": "02/13/2023"}, "Date of Contact"),
        ({"date_of_contact": dt.date(1900, 3, 1)}, "Date of Contact"),
        ({"date_of_contact": dt.date(2099, 3, 1)}, "Date of Contact"),
        ({"date_of_contact": None, "gender": "F"}, "Date of Contact"),
        ({"id": None, "date_of_contact": MAY}, "Child Unique ID"),
    ],
)
def test_a_bad_row_is_rejected_with_its_sheet_and_row(tmp_path: Path, values: dict[str, Any], column: str) -> None:
    rows = [cells(CONTACTS, id=1, date_of_contact=MAY), cells(CONTACTS, **{"id": 2, **values})]
    found = annex(tmp_path, {"List_1": [CONTACTS, *rows]})
    assert (found.places, found.columns) == (["List_1 row 3"], [column])
    assert (found.events, found.seen) == ([("contact", "2023-05-02")], 2)


def test_blank_rows_are_passed_over(tmp_path: Path) -> None:
    row = cells(CONTACTS, id=1, date_of_contact=MAY)
    blank = [None, " ", None]
    found = annex(tmp_path, {"List_1": [CONTACTS, blank, row, blank, cells(CONTACTS, id=1, date_of_contact="never")]})
    assert (len(found.events), found.places) == (1, ["List_1 row 5"])


def test_exact_duplicates_are_counted(tmp_path: Path) -> None:
    row = cells(CONTACTS, id=1, date_of_contact=MAY)
    found = annex(tmp_path, {"List_1": [CONTACTS, row, row, row]})
    assert (len(found.events), found.duplicates) == (1, 2)


def test_empty_lists_are_fine_and_reported(tmp_path: Path) -> None:
    found = annex(tmp_path, {name: rows[:1] for name, rows in ALL.items()} | {"List_1": []})
    assert (found.seen, found.events) == (0, [])
    assert found.notes == [f"List_{number} is empty" for number in (1, 3, 4, 5, 7, 8)]


def test_lists_that_are_not_there_are_reported(tmp_path: Path) -> None:
    found = one(tmp_path, CONTACTS, "List_1", date_of_contact=MAY)
    assert found.notes == ["not in the workbook: List 3, List 4, List 5, List 7, List 8"]


def test_a_useful_column_that_is_not_there_is_reported(tmp_path: Path) -> None:
    found = annex(tmp_path, ALL | {"List_1": [["Child Unique ID", "Date of Contact"], [1, MAY]]})
    assert found.notes == ["List_1 has no column Contact Source"] and len(found.events) == 7


def test_a_renamed_column_is_refused_with_sheet_row_and_nearest_heading(tmp_path: Path) -> None:
    headings = ["Start Date of Plan" if h == "Child Protection Plan Start Date" else h for h in PLANS]
    error = refusal(workbook_file(tmp_path, ALL | {"List_7": [["List 7: Child protection"], headings]}))
    assert (error.column, error.row) == ("Child Protection Plan Start Date", 2)
    assert "sheet List_7" in error.reason

    headings = ["Date of referal" if h == "Date of referral" else h for h in REFERRALS]
    error = refusal(workbook_file(tmp_path, ALL | {"List_3": [headings, cells(REFERRALS, id=1)]}))
    assert str(error) == (
        "annex.xlsx, row 1, column Date of Referral: sheet List_3 has no such column; the nearest heading is "
        "'Date of referal'; rename the heading 'Date of referal' to 'Date of Referral'"
    )


@pytest.mark.parametrize("lost", ["Child Protection Plan End Date", "Number of Previous Child Protection Plans"])
def test_a_column_without_which_plans_would_be_wrong_must_be_there(tmp_path: Path, lost: str) -> None:
    kept = [heading for heading in PLANS if heading != lost]
    assert refusal(workbook_file(tmp_path, {"List_7": [kept, [1]]})).column == lost


def test_a_list_on_two_sheets_is_refused(tmp_path: Path) -> None:
    error = refusal(workbook_file(tmp_path, ALL | {"List 3 (old)": ALL["List_3"]}))
    assert "List 3 is on two sheets, List_3 and List 3 (old)" in error.reason


def test_a_workbook_without_any_list_is_refused(tmp_path: Path) -> None:
    error = refusal(workbook_file(tmp_path, {"Budget": [["Cost", "Centre"], [1, 2]]}))
    assert error.reason == "no sheet is a list of Annex A" and "List_1" in error.remedy


def test_the_other_sheets_of_the_template_are_passed_over(tmp_path: Path) -> None:
    guidance = [
        ["Update: August 2019"],
        ["List Number/Title", "Field Heading"],
        ["List 1: Contacts", "Child Unique ID"],
    ]
    others = {
        "Front_Sheet": [["Annex A - Child level data"]],
        "Guidance": guidance,
        "List_2": [["Child Unique ID"], [1]],
    }
    assert len(annex(tmp_path, others | ALL | {"List_10": [["Family identifier"], [1]]}).events) == 7
