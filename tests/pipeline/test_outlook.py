"""The answer to a director: tables and sentences from made headings, small numbers left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from made_panels import panel

from forecaster.types import InputError, Kind, SeriesKey
from forecaster.what_if import Levers
from forecaster.words.context import Comparison, YearEnd
from jobs.outlook import USUAL, Answer, Heading, Story, levers_of, told
from tests.pipeline.synthetic_council import MEASURES

DAYS = (dt.date(2018, 1, 15), dt.date(2017, 12, 18), dt.date(2017, 10, 16))
MARCH = dt.date(2018, 3, 31)
BESIDE = Comparison(2017, 46.2, above=0.37, above_england=0.002)


def heading(measure: str, end: YearEnd | None, comparison: Comparison | None = BESIDE, now: float = 212.0) -> Heading:
    kind: Kind = MEASURES[measure].kind
    some = panel(np.full(60, now), kind, keys=[SeriesKey(measure)], first=dt.date(2016, 11, 21))
    return Heading(MEASURES[measure], SeriesKey(measure), some, end, comparison)


def story(*now: Heading, before: tuple[Heading | None, ...] = (None, None)) -> Answer:
    said = ({one.key: one for one in now}, *({one.key: one} if one else {} for one in before))
    return told(Story(DAYS, said, "Herefordshire", 5))


def row(answer: Answer, table: int) -> tuple[str, ...]:
    return answer.tables[table].rows[0][1:]


STARTS = YearEnd(MARCH, 2210, 2340, 2470, 2050, 0.9991)
PLANS = YearEnd(MARCH, 190, 220, 236, 172, 0.98)
REPEATS = YearEnd(MARCH, 0.222, 0.241, 0.262, 0.172, 0.9999, size=3100, size_ago=2900)


@pytest.mark.parametrize(
    ("measure", "end", "cells"),
    [
        ("plan_starts", STARTS, ("2,340 (2,210-2,470)", "2,050", "over 99%")),
        ("plans_open", PLANS, ("220 (190-236)", "172", "98%")),
        ("repeat_plans", REPEATS, ("24% (22-26%)", "17%", "over 99%")),
        ("plan_starts", replace(STARTS, year_ago=None, more=None), ("2,340 (2,210-2,470)", "-", "-")),
        ("plan_starts", None, ("-", "-", "-")),
    ],
)
def test_each_measure_has_its_end_last_years_and_how_likely_more_is(
    measure: str, end: YearEnd | None, cells: tuple[str, ...]
) -> None:
    answer = story(heading(measure, end))
    assert row(answer, 0) == cells
    assert row(answer, 1) == (("37%", "under 1%") if end else ("-", "-"))


def test_the_tables_say_of_whom_of_which_day_and_of_which_31_march() -> None:
    ends, others, before = story(heading("plan_starts", STARTS)).tables
    assert ends.title == "Herefordshire: where the year ends, as known on 15 January 2018"
    assert ends.columns[1] == "31 March 2018" and others.title.endswith("on 31 March 2018")
    assert before.columns[1:] == ("On 18 December 2017", "On 16 October 2017")


def test_without_published_figures_nothing_is_said_of_others() -> None:
    assert row(story(heading("plan_starts", STARTS, None)), 1) == ("-", "-")


# Small numbers


@pytest.mark.parametrize(
    ("measure", "end"),
    [
        ("plan_starts", YearEnd(MARCH, 2, 4, 9, 20, 0.1)),
        ("plan_starts", YearEnd(MARCH, 4, 8, 12, 20, 0.1)),
        ("repeat_plans", replace(REPEATS, size=12)),
    ],
)
def test_a_year_of_a_few_is_not_shown_nor_compared(measure: str, end: YearEnd) -> None:
    answer = story(heading(measure, end), before=(heading(measure, end), None))
    assert row(answer, 0)[0] == "not shown"
    assert row(answer, 1) == ("-", "-")
    assert row(answer, 2) == ("not shown", "-")


@pytest.mark.parametrize(
    ("measure", "end"),
    [
        ("plan_starts", replace(STARTS, year_ago=4)),
        ("plans_open", replace(PLANS, year_ago=3)),
        ("repeat_plans", replace(REPEATS, size_ago=20)),  # 3 of 20
        ("repeat_plans", replace(REPEATS, year_ago=0.9, size_ago=30)),  # 3 of 30 are not
    ],
)
def test_a_small_number_of_last_year_is_not_shown_nor_what_is_likelier(measure: str, end: YearEnd) -> None:
    answer = story(heading(measure, end))
    assert row(answer, 0)[1:] == ("not shown", "-")
    assert "a year before" not in " ".join(answer.words)


def test_few_children_now_are_five_or_fewer() -> None:
    assert (
        story(heading("plans_open", PLANS, now=4.0)).words[0].startswith("Open child protection plans: 5 or fewer on")
    )


# Words


def test_the_question_is_answered_in_words_how_many_how_sure_and_what_was_said() -> None:
    then = (heading("plans_open", replace(PLANS, lower=180, median=214, upper=241)), None)
    answer = story(heading("plans_open", PLANS), before=then)
    assert answer.words == (
        "Open child protection plans: 212 on 14 January 2018, about 220 (190-236) on 31 March 2018, "
        "172 a year before (98% likely more).",
        "Said before: on 18 December 2017 214 (180-241), on 16 October 2017 -.",
    )
    assert row(answer, 2) == ("214 (180-241)", "-")


def test_what_was_said_of_another_31_march_is_another_matter() -> None:
    then = heading("plans_open", replace(PLANS, day=dt.date(2017, 3, 31)))
    assert row(story(heading("plans_open", PLANS), before=(then, None)), 2) == ("-", "-")


def test_flows_and_shares_have_their_rows_alone() -> None:
    assert story(heading("plan_starts", STARTS), heading("repeat_plans", REPEATS)).words == ()


def test_a_measure_without_a_forecast_says_why() -> None:
    answer = story(
        *(replace(heading(name, None), reason="too little history") for name in ("plan_starts", "plans_open"))
    )
    assert answer.words == (
        "Child protection plan starts: no forecast, too little history.",
        "Open child protection plans: 212 on 14 January 2018, no forecast, too little history.",
    )


def test_a_level_that_is_not_known_now_is_not_said() -> None:
    assert story(heading("plans_open", PLANS, now=np.nan)).words[0].startswith("Open child protection plans: about 220")


@pytest.mark.parametrize(
    ("levers", "words"),
    [
        (Levers(ends="last year"), "If ends went back to last year's pace: about 231 (205-258)."),
        (Levers(starts=0.9), "If starts were 10% fewer than forecast: about 231 (205-258)."),
        (Levers(starts=1.25, ends="last year"),
         "If starts were 25% more than forecast and ends went back to last year's pace: about 231 (205-258)."),
        (Levers(), "If all goes as forecast: about 231 (205-258)."),
    ],
)  # fmt: skip
def test_what_if_is_said_in_words(levers: Levers, words: str) -> None:
    one = replace(heading("plans_open", PLANS), if_=((levers, YearEnd(MARCH, 205, 231, 258)),))
    assert story(one).words[-1] == words


def test_totals_cannot_say_what_if() -> None:
    one = replace(heading("plans_open", PLANS), if_=((Levers(ends=0.5), None),))
    assert story(one).words[-1] == (
        "If ends were 50% fewer than forecast: not known, it takes events to say who is still on a plan."
    )


# Levers


def test_by_default_both_levers_are_put_back_to_last_year() -> None:
    assert levers_of(None, None) == USUAL == (Levers(ends="last year"), Levers(starts="last year"))


def test_levers_are_a_pace_or_so_many_times_as_many() -> None:
    assert levers_of(None, "last-year") == (Levers(ends="last year"),)
    assert levers_of("0.9", "1.2") == (Levers(starts=0.9, ends=1.2),)
    assert levers_of("0", "last-year") == (Levers(starts=0.0, ends="last year"),)


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "11", "90%", ""])
def test_what_is_no_pace_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(InputError, match=r"--ends: .* is no pace; write last-year, or 0\.9 for a tenth fewer"):
        levers_of(None, text)
