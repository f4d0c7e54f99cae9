"""Files that others made to show what councils send: counts that were checked against the files by eye."""

from __future__ import annotations

import datetime as dt

import pytest
from extract_cases import SAMPLES, reading

RECEIVED = dt.date(2025, 3, 31)

COUNTS = {
    "cscdp_2015-01-sample.xlsx": {"referral": 5},
    "cscdp_child-event-journeys_annexa_example.xlsx": {
        "contact": 13, "referral": 11, "assessment": 5, "section_47": 3, "conference": 1, "plan_start": 3,
        "plan_end": 1, "care_start": 3, "care_end": 2,
    },
    "liia_Annex_A_sample.xlsx": {
        "contact": 5, "referral": 6, "assessment": 5, "section_47": 5, "conference": 3, "plan_start": 7, "plan_end": 5,
        "visit": 7, "review": 5, "care_start": 5, "care_end": 1,
    },
    "d2i_CIN2rows.xml": {
        "referral": 1, "conference": 2, "assessment": 1, "section_47": 1, "plan_start": 1, "plan_end": 1, "review": 1,
    },
    "d2i_CIN_Census_2021.xml": {},
    "d2i_CIN_Census_2026.xml": {
        "referral": 2, "conference": 2, "assessment": 1, "section_47": 1, "plan_start": 1, "plan_end": 1, "review": 1,
    },
}  # fmt: skip
REJECTED = {"d2i_CIN_Census_2021.xml": 7, "d2i_CIN_Census_2026.xml": 1}


def test_every_sample_is_listed_here() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == {*COUNTS, "NOTICE"}


@pytest.mark.parametrize("name", COUNTS)
def test_a_sample_gives_the_events_that_are_in_it(name: str) -> None:
    found = reading(SAMPLES / name, today=RECEIVED)
    assert found.frame["event"].value_counts().to_dict() == COUNTS[name]
    assert len(found.rejects) == REJECTED.get(name, 0)
    assert found.source == ("annex_a" if name.endswith("xlsx") else "cin_census")


def test_the_samples_of_1970_are_rejected_row_by_row_for_the_caller_to_refuse() -> None:
    found = reading(SAMPLES / "d2i_CIN_Census_2021.xml", today=RECEIVED)
    assert found.seen == len(found.rejects)
    assert {reject.remedy for reject in found.rejects} == {"check the year"}


def test_a_plan_entered_twice_in_a_sample_is_counted_once() -> None:
    assert reading(SAMPLES / "d2i_CIN2rows.xml", today=RECEIVED).duplicates == 3


def test_a_plan_that_starts_before_the_birth_is_that_of_an_unborn_child() -> None:
    frame = reading(SAMPLES / "liia_Annex_A_sample.xlsx", today=RECEIVED).frame
    first = frame[frame["event"] == "plan_start"].iloc[0]
    assert (first["age_band"], first["category"], first["team"]) == ("unborn", "physical", "Locality 4 Unit 1")


def test_no_worker_of_a_sample_comes_through_the_door() -> None:
    text = reading(SAMPLES / "liia_Annex_A_sample.xlsx", today=RECEIVED).frame.to_csv()
    assert all(name not in text for name in ("Hazlett", "Cutsforth", "Greenwood", "Gowin"))


def test_lists_of_the_template_that_are_empty_are_reported() -> None:
    notes = reading(SAMPLES / "cscdp_2015-01-sample.xlsx", today=RECEIVED).notes
    assert notes == ["List_1 is empty", "List_4 is empty", "List_5 is empty", "List_7 is empty", "List_8 is empty"]
