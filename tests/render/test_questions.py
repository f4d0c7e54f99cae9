"""Which question is asked: the one that fits what moved and what drives it most closely."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pydantic
import pytest

from forecaster.types import Driver
from forecaster.words.naming import parsed
from forecaster.words.questions import Question, choose, parse_questions

SHIPPED = Path(__file__).parents[2] / "config" / "questions.toml"


def named(*names: str):
    kinds = ("breakdown" if "=" in name.partition(", ")[0] else "stage" for name in names)
    return [parsed(Driver(kind, name, 10.0, 0.5, 90.0)) for kind, name in zip(kinds, names, strict=True)]


def asked(questions, *names, measure="plan_starts", direction="up"):
    return choose(questions, measure, direction, named(*names), "the measure's own")


ANY = Question(ask="any")
RISE = Question(ask="rise", direction="up")
STARTS = Question(ask="starts", measures=("plan_starts",))
STAGE = Question(ask="stage", driver="section_47 to conference")
TEAM = Question(ask="team", driver="team")
TEAM_2 = Question(ask="team 2", driver="team=Team 2")


@pytest.mark.parametrize(
    ("questions", "names", "ask"),
    [
        ((), (), "the measure's own"),
        ((STAGE,), (), "the measure's own"),
        ((ANY, RISE), (), "rise"),
        ((RISE, STARTS), (), "starts"),
        ((STARTS, STAGE), ("section_47 to conference",), "stage"),
        ((TEAM, TEAM_2), ("team=Team 2",), "team 2"),
        ((TEAM, TEAM_2), ("team=Team 3",), "team"),
        ((TEAM, STAGE), ("section_47 to conference", "team=Team 2"), "stage"),  # the earlier driver
        ((STAGE, TEAM), ("team=Team 2", "section_47 to conference"), "team"),
        ((STAGE,), ("section_47 to conference, team=Team 2",), "stage"),
        ((TEAM_2,), ("locality=North, team=Team 2",), "team 2"),
        ((STAGE,), ("a", "b", "c", "section_47 to conference"), "the measure's own"),  # only the first three
        ((RISE, Question(ask="second", direction="up")), (), "rise"),  # the first of two
    ],
)
def test_the_closest_question_is_asked(questions, names, ask):
    assert asked(questions, *names) == ask


def test_a_question_for_another_measure_or_direction_is_not_asked():
    assert asked((STARTS,), measure="referrals") == "the measure's own"
    assert asked((RISE,), direction="down") == "the measure's own"


@pytest.mark.parametrize(
    ("measure", "names", "direction", "words"),
    [
        ("plan_starts", ("section_47 to conference",), "up", "was the threshold document applied? Review {plans}."),
        ("plan_starts", ("referral",), "up", "Which source sends more referrals"),
        ("plans_open", ("plan_end",), "up", "Which review conferences {where} were late"),
        ("plan_ends", ("plan_end",), "up", "ended too early"),
        ("plans_open", ("plan_end",), "down", "ended too early"),
        ("repeat_plans", ("since_plan=under 6 months",), "up", "what was in place on that day?"),
        ("repeat_plans", ("since_plan=6 to 12 months",), "up", "did it last?"),
        ("repeat_plans", (), "up", "when the last plan ended, and did it last?"),
        ("contacts", ("source=Police",), "up", "What changed at this source"),
    ],
)
def test_the_shipped_questions_suit_their_drivers(measure, names, direction, words):
    questions = parse_questions(tomllib.loads(SHIPPED.read_text()))
    assert words in asked(questions, *names, measure=measure, direction=direction)


def test_every_shipped_question_ends_as_a_sentence():
    questions = parse_questions(tomllib.loads(SHIPPED.read_text()))
    assert len(questions) > 10
    assert all(question.ask[-1] in "?." for question in questions)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"ask": "Where? {wher}"}, "{where} and {plans}"),
        ({"ask": "?", "driver": "section_74"}, 'did you mean "section_47"?'),
        ({"ask": "?", "driver": "section_47 to conferences"}, 'did you mean "conference"?'),
        ({"ask": "?", "driver": "sauce=Police"}, 'did you mean "source"?'),
        ({"ask": "?", "driver": "since_plan=under 6 month"}, 'did you mean "under 6 months"?'),
        ({"ask": "?", "measure": ["plan_starts"]}, "measure"),
        ({"driver": "referral"}, "ask"),
    ],
)
def test_a_wrong_question_is_refused_with_the_remedy(table, words):
    with pytest.raises(pydantic.ValidationError) as refused:
        parse_questions({"question": [table]})
    assert words in str(refused.value)


def test_no_questions_are_no_questions():
    assert parse_questions({}) == ()
