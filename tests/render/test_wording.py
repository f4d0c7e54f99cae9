"""Numbers, names and dates for humans."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.types import SeriesKey
from forecaster.words.wording import (
    about,
    chance,
    clean,
    day,
    distinct,
    extent,
    figure,
    financial_year,
    leaning,
    named,
    number,
    ordinal,
    percent,
    portion,
    rounded,
    sentence,
    shorten,
    since,
    slice_words,
    span,
    whole,
)

PERIOD = dt.date(2018, 1, 8)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (6.4, "6"), (6.5, "7"), (2.5, "3"), (1234, "1,234"), (1e6, "1,000,000")]
)
def test_a_count_has_no_decimals(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.3, "fewer than 1"), (0.5, "1"), (40.2, "40")])
def test_something_expected_is_never_nothing(value, text):
    assert figure(value) == text
    assert about(value) == (text if text.startswith("fewer") else f"about {text}")


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0%"), (0.003, "under 1%"), (0.005, "1%"), (0.124, "12%"), (0.125, "13%"), (1, "100%")]
)
def test_a_share_is_a_whole_percentage(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.85, "nearly all"), (0.84, "most"), (0.5, "most"), (0.49, "some"), (0.01, "some")]
)
def test_a_part_that_may_have_no_number_has_a_word(share, text):
    assert portion(share) == text


@pytest.mark.parametrize(
    ("parts", "total", "told"),
    [
        ((38.5, 16.5), 55.0, [39, 16]),  # else 39 and 17 of 55
        ((17.5, 20.5, 30.5), 68.5, [18, 21, 30]),  # halves go up, the last gives way
        ((40.4, 14.4), 54.8, [40, 14]),
        ((60.0, 50.0), 100.0, [60, 50]),  # they are more
        ((12.5,), 100.0, [13]),
        ((), 5.0, []),
    ],
)
def test_parts_come_to_no_more_than_their_whole(parts, total, told):
    assert rounded(parts, total) == told


@given(st.lists(st.floats(0, 200), max_size=6), st.floats(0, 50))
def test_rounded_parts_are_near_and_add_up(parts, more):
    total = sum(parts) + more
    told = rounded(parts, total)
    assert sum(told) <= whole(total)
    assert all(abs(part - n) <= 1 for part, n in zip(parts, told, strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [("North", "North"), ("Not known", "team not known"), ("not recorded", "team not recorded")],
)
def test_what_a_source_does_not_say_is_named_by_its_breakdown(value, text):
    assert named("team", value) == text


def test_children_not_yet_born_are_not_of_an_age():
    assert named("age_band", "unborn") == "unborn children"


@pytest.mark.parametrize(
    ("more", "text"), [(0.981, "98% likely more"), (0.19, "81% likely fewer"), (0.001, "over 99% likely fewer")]
)
def test_of_two_sides_the_likelier_is_told(more, text):
    assert leaning(more) == text
    assert leaning(1 - more, ("lower", "higher")) == text.replace("more", "higher").replace("fewer", "lower")


def test_a_band_never_goes_below_zero():
    assert extent(-3.2, 11.7) == "0-12"
    assert extent(0.1, 0.36, share=True) == "10-36%"


def test_decimals_come_only_where_whole_numbers_hide_a_difference():
    assert distinct([0.172, 0.166], "share") == ["17.2%", "16.6%"]
    assert distinct([0.172, 0.144], "share") == ["17%", "14%"]
    assert distinct([45.1, 45.1, 56.3], "rate") == ["45", "45", "56"]


@pytest.mark.parametrize(("count", "text"), [(1, "one week"), (2, "two weeks"), (12, "twelve weeks"), (13, "13 weeks")])
def test_a_length_of_time_is_said_in_words(count, text):
    assert span(count, "week") == text


def test_a_date_has_its_year_when_it_could_be_another():
    assert day(dt.date(2017, 11, 20), PERIOD) == "20 November"
    assert day(dt.date(2017, 1, 9), PERIOD) == "9 January 2017"


def test_an_onset_is_a_week_or_a_month():
    assert since(dt.date(2017, 11, 20), PERIOD, "week") == "w/c 20 November"
    assert since(dt.date(2017, 4, 1), PERIOD, "month") == "April 2017"


def test_a_financial_year_is_named_by_both_years():
    assert financial_year(2017) == "2016/17"
    assert financial_year(2000) == "1999/00"


@pytest.mark.parametrize(
    ("slice_", "text"),
    [
        ((), ""),
        ((("locality", "North locality"),), " in North locality"),
        ((("source", "Police"),), " from Police"),
        ((("category", "Neglect"),), " (Neglect)"),
        ((("age_band", "5-9"),), " (aged 5-9)"),
        ((("locality", "North"), ("category", "Neglect")), " in North (Neglect)"),
    ],
)
def test_a_slice_reads_like_speech(slice_, text):
    assert slice_words(SeriesKey("plan_starts", slice_)) == text


def test_a_value_that_says_little_alone_is_named():
    assert named("gender", "F") == "gender F"
    assert named("team", "Team 2") == "Team 2"


def test_text_from_data_is_put_on_one_line():
    assert clean("North\n\tteam \u202e\x00two") == "North team two"


def test_a_long_text_is_cut_at_a_word():
    assert shorten("the quick brown fox jumps", 20) == "the quick brown fox…"
    assert shorten("short", 20) == "short"


def test_a_sentence_begins_with_a_capital_and_ends_once():
    assert sentence("about 5 a week.") == "About 5 a week."
    assert sentence("") == ""


@given(st.text(), st.integers(2, 60))
def test_no_text_is_longer_than_its_limit(text, limit):
    assert len(shorten(text, limit)) <= limit
    assert len(clean(text, limit)) <= limit


@given(st.text())
def test_text_from_data_holds_no_control_character(text):
    assert all(letter.isprintable() for letter in clean(text))


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "under 1%"),
        (0.004, "under 1%"),
        (0.005, "1%"),
        (0.62, "62%"),
        (0.994, "99%"),
        (0.996, "over 99%"),
        (1.0, "over 99%"),
    ],
)
def test_a_probability_is_never_none_or_all(probability, text):
    assert chance(probability) == text


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
    ],
)
def test_a_place_is_an_ordinal(place, text):
    assert ordinal(place) == text
