"""Codes of the census and of Annex A become the names that a manager reads."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read.codes import band_at, band_of_age, category, ethnicity, gender, source, source_in_words

# Every code of the 2026 census with its label, and the name in the Department for Education's table C5.
CENSUS_SOURCES = [
    ("1A", "INDIVIDUAL – family member, relative or carer", "Individual"),
    ("1B", "INDIVIDUAL – acquaintance (including neighbours and child minders)", "Individual"),
    ("1C", "INDIVIDUAL – self", "Individual"),
    ("1D", "INDIVIDUAL – other (including strangers)", "Individual"),
    ("2A", "SCHOOLS", "Schools"),
    ("2B", "EDUCATION SERVICES", "Education"),
    ("3A", "HEALTH SERVICES – general practitioner (GP)", "Health"),
    ("3B", "HEALTH SERVICES – health visitor", "Health"),
    ("3C", "HEALTH SERVICES – school nurse", "Health"),
    ("3D", "HEALTH SERVICES – other primary health services", "Health"),
    ("3E", "HEALTH SERVICES – A&E (accident and emergency department)", "Health"),
    ("3F", "HEALTH SERVICES – other (for example hospice) ", "Health"),
    ("4", "HOUSING - local authority housing or housing association", "Housing"),
    ("5A", "LA SERVICES – social care for example adult social care services", "Council services"),
    ("5B", "LA SERVICES – other internal (youth offending (excluding housing))", "Council services"),
    ("5C", "LA SERVICES – external, for example, from another local authority’s services", "Council services"),
    ("5D", "(LA SERVICES – early help", "Council services"),
    ("6", "POLICE", "Police"),
    ("7", "OTHER LEGAL AGENCY – including courts, probation, immigration, CAFCASS or prison", "Legal agency"),
    ("8", "OTHER – including children’s centres, independent agency providers", "Other"),
    ("9", "ANONYMOUS", "Anonymous"),
    ("10", "UNKNOWN", "Unknown"),
]


@pytest.mark.parametrize(("code", "label", "name"), CENSUS_SOURCES)
def test_a_source_has_one_name_by_its_code_its_label_or_as_annex_a_writes_it(code: str, label: str, name: str) -> None:
    assert source(code) == source(label) == source(f"q) {code}: {label.title()}") == source(code.lower()) == name


def test_a_code_that_a_workbook_made_a_number_is_still_a_source() -> None:
    assert source(6.0) == "Police" and source(10) == "Unknown"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("School", "Schools"),
        ("School nurse", "Health"),
        ("West Mercia Police", "Police"),
        ("Mother", "Individual"),
        ("Adult social care", "Council services"),
        ("Family court", "Legal agency"),
        ("Nursery", "Education"),
        ("Children’s centre", "Other"),
        ("Housing association", "Housing"),
        ("xyzzy", "Unknown"),
        ("", None),
        (None, None),
    ],
)
def test_a_source_in_a_councils_own_words_is_understood_or_unknown(words: str | None, name: str | None) -> None:
    assert source_in_words(words) == name


def test_only_codes_and_their_labels_are_sources_where_a_council_may_use_its_own() -> None:
    assert source("Front door partnership") is None and source("School nurse team") is None


@pytest.mark.parametrize(("name", "spellings"), [
    ("neglect", ["NEG", "a) Neglect", "neglect"]),
    ("physical", ["PHY", "b) Physical abuse", "Physical"]),
    ("sexual", ["SAB", "c) Sexual abuse", "sexual abuse"]),
    ("emotional", ["EMO", "d) Emotional abuse", "Emotional Abuse"]),
    ("multiple", ["MUL", "e) Multiple/not recommended", "multiple"]),
    (None, ["", None, "N1", "Physical disability"]),
])  # fmt: skip
def test_a_category_has_one_name(name: str | None, spellings: list[object]) -> None:
    assert {category(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize(("name", "spellings"), [
    ("Male", ["M", "1", 1, "a) Male", "male"]),
    ("Female", ["F", "2", 2.0, "b) Female", "Female"]),
    ("Neither", ["d) Neither", "I"]),
    ("Not known", ["U", "0", "9", "c) Not stated/recorded", "c) Not stated/recorded (or unborn)", "Unknown"]),
    (None, ["", None, "blue"]),
])  # fmt: skip
def test_a_gender_has_one_name_in_every_year(name: str | None, spellings: list[object]) -> None:
    assert {gender(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize(("name", "spellings"), [
    ("White", ["WBRI", "b) WIRI", "Any other White background", "Gypsy/Roma", "White British"]),
    ("Mixed", ["MWBC", "i) MOTH", "White and Black Caribbean", "Any other mixed background"]),
    ("Asian", ["AIND", "k) APKN", "q) CHNE", "Bangladeshi"]),
    ("Black", ["BCRB", "BAFR", "p) BOTH", "African"]),
    ("Other ethnic group", ["OOTH", "r) OOTH", "Any other ethnic group"]),
    ("Not known", ["REFU", "s) NOBT", "t) NOBT", "u) UNKNOWN", "Information not yet obtained", "Refused"]),
    (None, ["", None, "xyzzy"]),
])  # fmt: skip
def test_an_ethnicity_becomes_its_broad_group(name: str | None, spellings: list[object]) -> None:
    assert {ethnicity(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize(("age", "band"), [
    (-1, "unborn"), ("unborn", "unborn"), (-0.2, "unborn"), (0, "under 1"), (0.84, "under 1"), (1, "1-4"),
    (4.99, "1-4"), (5, "5-9"), (9, "5-9"), (10, "10-15"), ("15", "10-15"), (16, "16-17"), (17.9, "16-17"),
    (18, "18+"), (25, "18+"), (-2, None), (2019, None), ("", None), (None, None), ("ten", None), ("inf", None),
])  # fmt: skip
def test_an_age_has_its_band(age: object, band: str | None) -> None:
    assert band_of_age(age) == band


@pytest.mark.parametrize(("born", "event", "band"), [
    ("2020-06-15", "2020-06-15", "under 1"),
    ("2020-06-15", "2020-06-14", "unborn"),
    ("2020-06-15", "2019-09-01", "unborn"),
    ("2020-06-15", "2018-06-15", None),
    ("2020-06-15", "2021-06-14", "under 1"),
    ("2020-06-15", "2021-06-15", "1-4"),
    ("2020-02-29", "2021-02-28", "under 1"),
    ("2020-02-29", "2021-03-01", "1-4"),
    ("2004-06-15", "2022-06-14", "16-17"),
    ("2004-06-15", "2022-06-15", "18+"),
    ("1965-03-27", "2022-06-15", "18+"),
])  # fmt: skip
def test_the_age_band_is_that_on_the_day_of_the_event(born: str, event: str, band: str | None) -> None:
    assert band_at(dt.date.fromisoformat(born), dt.date.fromisoformat(event)) == band


@given(st.dates(dt.date(2000, 1, 1), dt.date(2010, 1, 1)), st.integers(0, 17))
def test_a_birthday_gives_the_band_of_that_age(born: dt.date, years: int) -> None:
    birthday = dt.date(born.year + years, born.month, min(born.day, 28)) + dt.timedelta(days=1 + (born.day > 28) * 3)
    assert band_at(born, birthday) == band_of_age(years)
