"""A real example. Walsall's board heard in 2016 that repeat plans had passed those of the neighbours; had they?"""

from __future__ import annotations

import datetime as dt

import pytest

from forecaster.measures import Measure
from forecaster.settings import load
from forecaster.types import InputError
from jobs.neighbours import Answer, answer, figure_of

WALSALL, MEASURE = "E08000030", "repeat_plans"
SPRING_2016, SPRING_2018 = dt.date(2016, 4, 15), dt.date(2018, 4, 15)


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Measure]:
    return load(None, {}).catalogue


def said(found: Answer) -> str:
    return "\n".join(found.sentences)


def test_in_spring_2016_it_was_up_on_its_own_past_but_not_clearly_above_its_neighbours() -> None:
    """When 2015/16 was published half a year later the neighbours' median was 17.8%, and England 17.9%."""
    found = answer(WALSALL, MEASURE, SPRING_2016, value="17.2%", of=541)
    assert (
        "Walsall's 17.2% of 2015/16 is up on its own past (96% likely) "
        "but not clearly above where its neighbours are likely to be (87% likely)." in found.sentences
    )
    assert "It is not clearly above where England is likely to be (56% likely)." in found.sentences


def test_in_spring_2018_it_was_clearly_above_both() -> None:
    found = answer(WALSALL, MEASURE, SPRING_2018, value="24.5%", of=687)
    assert (
        "Walsall's 24.5% of 2017/18 is up on its own past (over 99% likely) "
        "and clearly above where its neighbours are likely to be (98% likely)." in found.sentences
    )
    assert "It is clearly above where England is likely to be (99% likely)." in found.sentences


def test_only_what_was_published_by_the_day_is_used() -> None:
    before, after = (answer(WALSALL, MEASURE, day, value="17.2%", of=541) for day in (SPRING_2016, SPRING_2018))
    assert [row[0] for row in before.rows] == ["2012/13", "2013/14", "2014/15", "2015/16, likely"]
    assert before.rows[-2][1:] == ("13.3%", "12.8%", "16.6%", "5th of 11")
    assert [row[0] for row in after.rows][-1] == "2017/18, likely"
    assert "Published to 2014/15, which is 12 months old" in said(before)


def test_what_came_was_inside_the_interval_that_was_told() -> None:
    told = answer(WALSALL, MEASURE, SPRING_2016).rows[-1]
    came = answer(WALSALL, MEASURE, dt.date(2016, 11, 1)).rows[-2]
    assert told[2:4] == ("13.9% (10.2-18.1%)", "16.9% (15.3-18.5%)")
    assert came[:4] == ("2015/16", "17.2%", "17.8%", "17.9%")


def test_the_question_names_the_council_and_the_measure(catalogue: dict[str, Measure]) -> None:
    found = answer(WALSALL, MEASURE, SPRING_2016, value="17.2%", of=541, catalogue=catalogue)
    assert found.title == "Walsall: second or subsequent plans, as known on 15 April 2016"
    assert "17.2% of 541 plan starts" in said(found)


def test_a_rate_is_per_ten_thousand_children_whose_number_is_known(catalogue: dict[str, Measure]) -> None:
    found = answer("E06000019", "referrals", dt.date(2017, 6, 5), value="700", catalogue=catalogue)
    assert found.title == "Herefordshire: referrals per 10,000 children, as known on 5 June 2017"
    assert "700.0 of 35,276 children" in said(found)
    assert "clearly above where its neighbours are likely to be" in said(found)
    assert "down on its own past" in said(found)  # from 1,282 in 2014/15


def test_without_a_figure_it_says_where_the_others_are_likely_to_be() -> None:
    found = answer(WALSALL, MEASURE, SPRING_2016)
    assert len(found.sentences) == 1
    assert found.rows[-1][1] == ""


def test_the_size_of_the_newest_published_year_stands_in_for_one_that_is_not_given() -> None:
    assert "of 489 cases" in said(answer(WALSALL, MEASURE, SPRING_2016, value="17.2%"))


def test_a_later_year_is_less_sure() -> None:
    one, two = (answer(WALSALL, MEASURE, SPRING_2016, year=year).rows[-1][3] for year in (2016, 2017))
    assert one == "16.9% (15.3-18.5%)"
    assert two == "17.1% (14.8-19.5%)"


def test_chosen_neighbours_take_the_place_of_the_listed_ones() -> None:
    mine = ("E08000027", "E08000028", "E08000031", "E06000020", "E08000001")
    listed, chosen = (answer(WALSALL, MEASURE, SPRING_2016, chosen=codes) for codes in ((), mine))
    assert chosen.rows[-1][3] == listed.rows[-1][3]  # England is the same
    assert chosen.rows[-1][2] != listed.rows[-1][2]
    assert chosen.rows[0][4].endswith("of 6")


@pytest.mark.parametrize(
    ("text", "unit", "value"), [("17.2%", "share", 0.172), (" 0.172 ", "share", 0.172), ("61.5", "rate", 61.5)]
)
def test_a_figure_is_read_as_it_is_written(text: str, unit: str, value: float) -> None:
    assert figure_of(text, unit) == pytest.approx(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("17.2", "share"),
        ("-1%", "share"),
        ("many", "share"),
        ("61%", "rate"),
        ("-3", "rate"),
        ("nan", "share"),
        ("inf", "rate"),
    ],
)
def test_what_is_no_figure_is_refused_in_one_line(text: str, unit: str) -> None:
    with pytest.raises(InputError, match="--value") as caught:
        figure_of(text, unit)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ({"measure": "repeat_plan"}, "no figures of this are published; did you mean"),
        ({"code": "E99999999"}, "no council that has statistical neighbours"),
        ({"as_of": dt.date(2013, 1, 1)}, "nothing was published"),
        ({"year": 2014}, "2013/14 is published"),
        ({"chosen": ("E08000027",)}, "fewer than five of its neighbours"),
    ],
)
def test_a_question_that_has_no_answer_is_refused_with_its_reason(question: dict[str, object], why: str) -> None:
    asked = {"code": WALSALL, "measure": MEASURE, "as_of": SPRING_2016} | question
    with pytest.raises(InputError, match=why):
        answer(**asked)  # type: ignore[arg-type]
