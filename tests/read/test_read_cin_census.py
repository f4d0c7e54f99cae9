"""Children in need census: each block, whatever the year of the schema."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from extract_cases import REFERRED, TODAY, Reading, census, census_file, child, hashed, plan, reading

from forecaster.read import open_extract

BORN = "<PersonBirthDate>2018-05-02</PersonBirthDate>"


def details(*blocks: str, **options: str) -> str:
    return child("\n".join([REFERRED, *blocks]), **options)


def enquiry(start: str, conference: str = "", unnecessary: str = "") -> str:
    held = f"<DateOfInitialCPC>{conference}</DateOfInitialCPC>" if conference else ""
    needed = f"<ICPCnotRequired>{unnecessary}</ICPCnotRequired>" if unnecessary else ""
    return f"<Section47><S47ActualStartDate>{start}</S47ActualStartDate>{held}{needed}</Section47>"


def outcome(found: Reading, event: str) -> str | None:
    value = found.of(event)["outcome"]
    return None if pd.isna(value) else value


def test_a_referral_has_its_source_and_its_child(tmp_path: Path) -> None:
    found = census(tmp_path, details("<ReferralSource>3C</ReferralSource>", name="X1"))
    assert (found.source, found.kind, found.events) == ("cin_census", "events", [("referral", "2023-05-02")])
    assert (found.values("source"), found.values("child")) == (["Health"], [hashed("X1")])


@pytest.mark.parametrize(
    ("written", "expected"),
    [("true", "nfa"), ("1", "nfa"), ("false", "further_action"), ("0", "further_action"), ("", None)],
)
def test_no_further_action_is_read_as_a_word_or_a_number(tmp_path: Path, written: str, expected: str | None) -> None:
    found = census(tmp_path, details(f"<ReferralNFA>{written}</ReferralNFA>"))
    assert outcome(found, "referral") == expected


@pytest.mark.parametrize(
    ("element", "name"),
    [("<GenderCurrent>1</GenderCurrent>", "Male"), ("<Sex>F</Sex>", "Female"), ("<Sex>1</Sex>", "Male"),
     ("<GenderCurrent>9</GenderCurrent>", "Not known"), ("<Sex>U</Sex>", "Not known"), ("", None)],
)  # fmt: skip
def test_the_sex_is_read_in_the_schema_of_any_year(tmp_path: Path, element: str, name: str | None) -> None:
    assert census(tmp_path, details(identifiers=element)).values("gender") == [name]


def test_the_ethnicity_is_a_broad_group(tmp_path: Path) -> None:
    assert census(tmp_path, details(characteristics="<Ethnicity>MWBC</Ethnicity>")).values("ethnicity") == ["Mixed"]


@pytest.mark.parametrize(
    ("birth", "band"),
    [
        (BORN, "5-9"),
        ("<PersonBirthDate>2023-05-03</PersonBirthDate>", "unborn"),
        ("<ExpectedPersonBirthDate>2023-09-01</ExpectedPersonBirthDate>", "unborn"),
        (
            "<PersonBirthDate>2022-09-01</PersonBirthDate><ExpectedPersonBirthDate>1066-04-13</ExpectedPersonBirthDate>",
            "under 1",
        ),
        ("<ExpectedPersonBirthDate>1066-04-13</ExpectedPersonBirthDate>", None),
        ("", None),
    ],
)
def test_the_age_band_is_that_at_the_event_and_no_date_of_birth_is_kept(
    tmp_path: Path, birth: str, band: str | None
) -> None:
    found = census(tmp_path, details(identifiers=birth))
    assert found.values("age_band") == [band] and found.rejects == []
    assert "2018" not in found.frame.to_csv()


def test_every_block_gives_its_events(tmp_path: Path) -> None:
    found = census(
        tmp_path,
        details(
            "<DateOfInitialCPC>2023-05-20</DateOfInitialCPC>",
            "<Assessments><AssessmentActualStartDate>2023-05-03</AssessmentActualStartDate></Assessments>",
            "<Assessments><AssessmentActualStartDate>2023-05-13</AssessmentActualStartDate></Assessments>",
            "<CINPlanDates><CINPlanStartDate>2023-05-09</CINPlanStartDate></CINPlanDates>",
            enquiry("2023-05-10", "2023-05-30"),
            plan("2023-05-30", "2023-12-01", "<Reviews><CPPreviewDate>2023-08-01</CPPreviewDate>"
                 "<CPPreviewDate>2023-11-30</CPPreviewDate></Reviews>"),
        ),
    )  # fmt: skip
    assert found.rejects == []
    assert sorted(found.events) == [
        ("assessment", "2023-05-03"),
        ("assessment", "2023-05-13"),
        ("conference", "2023-05-20"),
        ("conference", "2023-05-30"),
        ("plan_end", "2023-12-01"),
        ("plan_start", "2023-05-30"),
        ("referral", "2023-05-02"),
        ("review", "2023-08-01"),
        ("review", "2023-11-30"),
        ("section_47", "2023-05-10"),
    ]


def test_a_child_has_an_event_for_each_of_its_referrals(tmp_path: Path) -> None:
    later = REFERRED.replace("2023-05-02", "2023-11-02")
    assert len(census(tmp_path, child(REFERRED, later), child(REFERRED, name="C2")).events) == 3


@pytest.mark.parametrize(
    ("conference", "unnecessary", "expected"),
    [
        ("2023-05-30", "false", "conference"),
        ("", "true", "no_conference"),
        ("", "1", "no_conference"),
        ("", "0", None),
        ("", "", None),
    ],
)
def test_an_enquiry_says_whether_a_conference_followed(
    tmp_path: Path, conference: str, unnecessary: str, expected: str | None
) -> None:
    assert outcome(census(tmp_path, details(enquiry("2023-05-10", conference, unnecessary))), "section_47") == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [("2023-05-30", "plan"), ("2023-06-13", "plan"), ("2023-06-14", "no_plan"), ("2023-05-29", "no_plan")],
)
def test_a_plan_that_starts_with_the_conference_is_its_outcome(tmp_path: Path, start: str, expected: str) -> None:
    found = census(tmp_path, details(enquiry("2023-05-10", "2023-05-30"), plan(start)))
    assert outcome(found, "conference") == expected


def test_a_conference_beside_or_within_the_enquiry_is_the_same_conference(tmp_path: Path) -> None:
    beside = "<DateOfInitialCPC>2023-05-30</DateOfInitialCPC>"
    found = census(tmp_path, details(beside, enquiry("2023-05-10", "2023-05-30")))
    assert (found.duplicates, outcome(found, "conference")) == (1, "no_plan")


def test_a_plan_has_its_category_and_the_number_before_it(tmp_path: Path) -> None:
    more = (
        "<InitialCategoryOfAbuse>EMO</InitialCategoryOfAbuse><LatestCategoryOfAbuse>NEG</LatestCategoryOfAbuse>"
        "<NumberOfPreviousCPP>{}</NumberOfPreviousCPP>"
    )
    found = census(tmp_path, details(plan("2023-05-30", "2023-12-01", more.format(2))))
    assert found.of("plan_start")[["category", "previous_plans"]].tolist() == ["emotional", 2]
    assert found.of("plan_end")["category"] == "emotional"
    assert census(tmp_path, details(plan("2023-05-30", more=more.format(0)))).of("plan_start")["previous_plans"] == 0


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
def test_a_number_of_previous_plans_that_is_none_rejects_the_plan(tmp_path: Path, number: str) -> None:
    found = census(tmp_path, details(plan("2023-05-30", more=f"<NumberOfPreviousCPP>{number}</NumberOfPreviousCPP>")))
    assert found.columns == ["NumberOfPreviousCPP"] and found.events == [("referral", "2023-05-02")]


def test_a_plan_that_ends_before_it_starts_is_rejected_with_its_line(tmp_path: Path) -> None:
    found = census(tmp_path, details(plan("2023-05-30", "2023-05-01")))
    [reject] = found.rejects
    lines = census_file(tmp_path, details(plan("2023-05-30", "2023-05-01"))).read_text().splitlines()
    assert "CPPendDate" in lines[int(reject.place.removeprefix("line ")) - 1]
    assert (reject.column, found.events) == ("CPPendDate", [("referral", "2023-05-02")])


def test_a_plan_that_overlaps_another_is_left_out_with_its_end(tmp_path: Path) -> None:
    found = census(tmp_path, details(plan("2022-05-30", "2023-05-01"), plan("2022-09-01", "2023-09-01")))
    assert [event for event in found.events if "plan" in event[0]] == [
        ("plan_start", "2022-05-30"),
        ("plan_end", "2023-05-01"),
    ]
    [reject] = found.rejects
    assert reject.column == "CPPstartDate" and "a second plan" in reject.reason


def test_a_plan_repeated_under_two_referrals_is_one_plan(tmp_path: Path) -> None:
    block = f"{REFERRED}\n{plan('2023-05-30', '2023-12-01')}"
    found = census(tmp_path, child(block, block))
    assert (found.duplicates, len(found.events), found.rejects) == (3, 3, [])


def test_a_child_without_an_identifier_is_rejected_once(tmp_path: Path) -> None:
    found = census(tmp_path, details(name=""), details(name="C2"), "<Child><CINdetails/></Child>")
    assert found.columns == ["LAchildID", "LAchildID"] and len(found.events) == 1


def test_a_missing_element_is_rejected_with_the_line_of_its_block(tmp_path: Path) -> None:
    found = census(tmp_path, child("<ReferralSource>1A</ReferralSource>"))
    assert (found.columns, found.reasons) == (["CINreferralDate"], ["no date"])
    assert int(found.places[0].removeprefix("line ")) > 1


def test_blocks_that_are_not_known_are_passed_over(tmp_path: Path) -> None:
    block = "<PreProceedingsandFGDM><PPStartDate>2026-09-09</PPStartDate></PreProceedingsandFGDM>"
    assert census(tmp_path, details(block)).rejects == []


def test_a_namespace_and_a_mark_at_the_start_do_no_harm(tmp_path: Path) -> None:
    path = census_file(tmp_path, details())
    text = path.read_text().replace("<Message>", '<Message xmlns="urn:census">')
    path.write_text("\ufeff" + '<?xml version="1.0" encoding="utf-8"?>\n<!-- made by hand -->\n' + text)
    assert reading(path).events == [("referral", "2023-05-02")]


def test_utf_16_is_read_as_xml_says_it(tmp_path: Path) -> None:
    path = census_file(tmp_path, details())
    path.write_bytes(('<?xml version="1.0" encoding="utf-16"?>' + path.read_text()).encode("utf-16"))
    assert reading(path).seen == 1


def test_a_census_without_children_is_empty(tmp_path: Path) -> None:
    assert census(tmp_path).seen == 0


def test_years_are_stitched_by_reading_each_for_the_same_child_has_the_same_pseudonym(tmp_path: Path) -> None:
    years = [census(tmp_path, details(), today=TODAY), census(tmp_path, details(name="C1 "), today=TODAY)]
    assert years[0].frame.equals(years[1].frame)


def test_a_large_census_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecaster.read.cin_census.AT_ONCE", 10)
    path = census_file(tmp_path, *(details(name=f"C{n}") for n in range(35)))
    batches = list(open_extract(path, b"secret", today=TODAY).batches)
    assert [len(batch.frame) for batch in batches] == [10, 10, 10, 5]
