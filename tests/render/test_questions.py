"""Which question is asked: the one that fits what moved and what drives it most closely."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pydantic
import pytest

from forecaster.measures.definition import parse_measures
from forecaster.types import DIMENSIONS, PATHWAY, SINCE_PLAN_BANDS, TIME_ON_PLAN_BANDS, Driver
from forecaster.words.attribution import sayable_drivers
from forecaster.words.naming import parsed
from forecaster.words.questions import Question, choose, parse_questions
from forecaster.words.render import message
from tests.render import cases

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED = CONFIG / "questions.toml"


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
        (
            (STAGE, Question(ask="way", driver="contact", direction="up")),
            ("section_47 to conference", "contact"),
            "stage",
        ),
        ((STAGE, TEAM_2), ("section_47 to conference", "team=Team 2"), "stage"),  # the earlier one, be it no slice
        ((Question(ask="What of {name}?", driver="team"),), ("locality=North, team=Team 2",), "What of Team 2?"),
        ((Question(ask="Why {name}?", driver="age_band"),), ("age_band=5-9",), "Why aged 5-9?"),
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
        ("plan_starts", (), "up", "Who challenged the strategy meetings"),
        ("plans_open", ("plan_end",), "up", "Which review conferences {where} were late"),
        ("plan_ends", ("plan_end",), "up", "ended too early"),
        ("plans_open", ("plan_end",), "down", "ended too early"),
        ("repeat_plans", ("since_plan=under 6 months",), "up", "what was in place on that day?"),
        ("repeat_plans", ("since_plan=6 to 12 months",), "up", "did it last?"),
        ("repeat_plans", (), "up", "when the last plan ended, and did it last?"),
        ("contacts", ("source=Police",), "up", "What changed in what comes from Police"),
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
        ({"ask": "Where? {wher}"}, "{where}, {plans} and {name}"),
        ({"ask": "What of {name}?", "driver": "referral"}, 'such as driver = "source"'),
        ({"ask": "What of {name}?"}, 'such as driver = "source"'),
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


# The question fits what Why and Where say


def question(measure: str, found: list[Driver], direction: str = "up", kind: str = "flow", where=()) -> str:
    """What is asked of an alert with these drivers, its excess 100."""
    sign = 1 if direction == "up" else -1
    alert = cases.alert(
        measure=measure, direction=direction, slice=where, drivers=tuple(found), total=1000.0 + sign * 100,
        total_expected=1000.0,
    )  # fmt: skip
    by = sayable_drivers(alert, cases.context(kind=kind))
    questions = parse_questions(tomllib.loads(SHIPPED.read_text()))
    return choose(questions, measure, direction, by, MEASURES[measure].question)


def driver(name: str, share: float, kind: str = "", direction: str = "up") -> Driver:
    value = share * (100.0 if direction == "up" else -100.0)
    known = kind or ("breakdown" if "=" in name.partition(", ")[0] else "stage")
    return Driver(known, name, value, min(share, 1.0), 90.0)


MEASURES = parse_measures(tomllib.loads((CONFIG / "measures.toml").read_text()))
FLOWS = {
    "contacts": "contact", "referrals": "referral", "section_47": "section_47", "conferences": "conference",
    "plan_starts": "plan_start",
}  # fmt: skip
# What each is a share of, and the conversion that it is.
SHARES = {
    "re_referrals": ("referral",), "referral_nfa": ("referral",), "repeat_plans": ("plan_start",),
    "repeat_plans_24m": ("plan_start",), "s47_to_conference": ("section_47", "section_47 to conference"),
    "conference_to_plan": ("conference", "conference to plan_start"),
}  # fmt: skip
STOCKS = {
    "plans_open": ("plan_start", "plan_end", "time_on_plan", "rest"), "plan_ends": ("plan_end", "time_on_plan"),
    "plans_18_months_plus": ("plan_end", "time_on_plan", "rest"),
}  # fmt: skip
STAGES = (
    "contact", "referral", "section_47", "conference", "plan_start", "contact to referral", "referral to assessment",
    "assessment to section_47", "referral to section_47", "section_47 to conference", "conference to plan_start",
)  # fmt: skip
SLICES = (
    *(f"{name}=A" for name in DIMENSIONS), "age_band=unborn", *(f"since_plan={band}" for band in SINCE_PLAN_BANDS),
    *(f"time_on_plan={band}" for band in TIME_ON_PLAN_BANDS),
)  # fmt: skip
# What a question about a first driver must speak of, and must not.
ABOUT = {
    "contact": ("agency|contacts", "strategy|chair|front door .* threshold"),
    "referral": ("source|referrals", "strategy|chair"),
    "section_47": ("section 47", "chair"),
    "conference": ("conference", "chair"),
    "contact to referral": ("front door", "source sends|agency"),
    "referral to assessment": ("are assessed", "source sends|strategy"),
    "assessment to section_47": ("strategy meetings", "source sends|agency"),
    "referral to section_47": ("strategy meetings", "source sends|agency"),
    "section_47 to conference": ("strategy meetings", "source sends|agency"),
    "conference to plan_start": ("conference chairs", "source sends|agency|strategy"),
    "plan_start": ("plans", "strategy|review conferences|ended too early"),
    "plan_end": ("review conferences|ended too early", "strategy"),
    "time_on_plan": ("How long|not moving|went better|would have to change", "strategy|ended too early"),
    "mix": ("mix", "strategy|source sends"),
    "source=A": ("", "Which agency|Which source"),
}
RISES, FALLS = r"\bmore\b|rise", r"\b(?:fewer|less)\b|fall"


def fitting_drivers():
    """Every shipped measure with every kind of driver that may come first, in both directions."""
    for way in ("up", "down"):
        for measure, stage in FLOWS.items():
            before = PATHWAY[: PATHWAY.index(stage) + 1]
            stages = [name for name in STAGES if name.rpartition(" to ")[2] in before and name != measure]
            yield from ((measure, "flow", way, name, "") for name in (*stages, *SLICES))
        for measure, own in SHARES.items():
            yield from ((measure, "share", way, name, "") for name in (*own, *SLICES))
        for measure, parts in STOCKS.items():
            kind = "flow" if measure == "plan_ends" else "stock"
            yield from ((measure, kind, way, name, "stock") for name in parts)
            yield from ((measure, kind, way, name, "") for name in SLICES)


def test_every_shipped_measure_is_among_those_asked_about():
    assert {measure for measure, *_ in fitting_drivers()} == set(MEASURES)


def test_no_shipped_question_contradicts_the_first_driver_of_any_measure():
    wrong = []
    for measure, kind, way, name, part in fitting_drivers():
        asked = question(measure, [driver(name, 0.8, part, way)], way, kind)
        topic = "mix" if kind == "share" and " to " not in name and "=" not in name else name
        must, must_not = ABOUT.get(topic, ("", ""))
        against = FALLS if way == "up" else RISES
        if not re.search(must, asked) or (must_not and re.search(must_not, asked)) or re.search(against, asked):
            wrong.append((measure, way, name, asked))
    assert wrong == []


@pytest.mark.parametrize(
    ("measure", "found", "where", "words"),
    [  # what a director was once asked otherwise
        ("section_47", [("contact", -0.02), ("referral to section_47", 0.52), ("contact to referral", 0.49)], (),
         "Who held the strategy meetings"),
        ("section_47", [("contact", 0.08), ("referral to section_47", 0.52)], (), "Who held the strategy meetings"),
        ("referrals", [("contact", 0.55), ("contact to referral", 0.45)], (("source", "Police"),),
         "What changed in what comes from Police"),
        ("referrals", [("contact to referral", 1.0)], (("source", "Individual"),), "Who decides at the front door"),
        ("contacts", [], (("source", "Police"),), "What changed in what comes from Police"),
        ("referrals", [("referral", 1.0), ("source=Police", 0.8)], (), "What changed in what comes from Police"),
        ("referrals", [("referral", 1.0), ("source=Police", 0.2)], (), "Which source sends more referrals"),
        ("plan_starts", [("referral", 0.9), ("since_plan=under 6 months", 0.3)], (), "Which source sends more"),
    ],
)  # fmt: skip
def test_the_question_is_about_what_explains_most(measure, found, where, words):
    assert words in question(measure, [driver(*one) for one in found], where=where)


@pytest.mark.parametrize(
    ("measure", "found", "where", "words"),
    [
        ("referral_nfa", [("source=Police", 1.0), ("referral", 0.3)], (), "What would help Police to tell"),
        ("referral_nfa", [("referral_nfa, team=North Team 1", 0.8), ("source=Police", 1.0)], (("locality", "North"),),
         "What would help Police to tell"),
        ("repeat_plans", [("plan_start", 0.3)], (), "Has the mix changed"),
        ("repeat_plans", [("repeat_plans", 1.0), ("since_plan=2 years or more", 1.0)], (), "back after years"),
    ],
)  # fmt: skip
def test_the_question_about_a_share_is_about_what_explains_it(measure, found, where, words):
    assert words in question(measure, [driver(*one) for one in found], kind="share", where=where)


def test_the_question_is_put_to_the_team_that_why_names():
    alert, context = cases.surge()
    parts = cases.drivers(
        197.0, ("referral to section_47", 100.0, 90), ("referral to section_47, team=Team 1", 80.0, 80)
    )
    made = message(replace(alert, drivers=parts), replace(context, ask="Who held the meetings {where}?"))
    assert next(line.text for line in made.lines if line.label == "Ask") == "Who held the meetings in Team 1?"
