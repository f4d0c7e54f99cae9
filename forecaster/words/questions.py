"""Questions to ask when something moved, chosen by what moved and by what drives it (config/questions.toml)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, model_validator

from forecaster.measures.definition import Table, nearest
from forecaster.types import (
    DIMENSIONS,
    EVENT_KINDS,
    SINCE_PLAN,
    SINCE_PLAN_BANDS,
    TIME_ON_PLAN,
    TIME_ON_PLAN_BANDS,
    Direction,
)
from forecaster.words.naming import MIX, Named
from forecaster.words.wording import named

FIRST = 3  # drivers that a question may be chosen by
BANDS = {SINCE_PLAN: SINCE_PLAN_BANDS, TIME_ON_PLAN: TIME_ON_PLAN_BANDS}
BREAKDOWNS = (*DIMENSIONS, *BANDS)


def _known_driver(name: str) -> str:
    """A stage ("referral"), one and the next, a part of a stock or a share, a breakdown ("team") or a slice of one."""
    breakdown, is_slice, value = name.partition("=")
    start, is_conversion, end = name.partition(" to ")
    if is_slice:
        _check(breakdown, BREAKDOWNS)
        _check(value, BANDS.get(breakdown, (value,)))
    elif is_conversion:
        _check(start, EVENT_KINDS)
        _check(end, EVENT_KINDS)
    else:
        _check(name, (*EVENT_KINDS, *BREAKDOWNS, MIX))
    return name


def _check(word: str, options: Sequence[str]) -> None:
    if word not in options:
        raise ValueError(f'unknown driver "{word}"; {nearest(word, options)}')


def _known_places(text: str) -> str:
    left = text.replace("{where}", "").replace("{plans}", "").replace("{name}", "")
    if "{" in left or "}" in left:
        raise ValueError("a question is filled in at {where}, {plans} and {name} alone")
    return text


class Question(Table):
    """One question and when it is asked; what is left out fits everything."""

    ask: Annotated[str, AfterValidator(_known_places)]
    measures: tuple[str, ...] = ()
    direction: Direction | None = None
    driver: Annotated[str, AfterValidator(_known_driver)] | None = None

    @model_validator(mode="after")
    def _name_is_of_a_breakdown(self) -> Question:
        if "{name}" in self.ask and (self.driver or "").partition("=")[0] not in BREAKDOWNS:
            raise ValueError('{name} is the name of a slice: say its breakdown, such as driver = "source"')
        return self


_QUESTIONS: TypeAdapter[tuple[Question, ...]] = TypeAdapter(tuple[Question, ...])


def parse_questions(tables: Mapping[str, Any]) -> tuple[Question, ...]:
    """Returns the questions of a config file as read ([[question]] tables).

    Raises pydantic.ValidationError; `settings.load` makes it one line that names file, place and remedy.
    """
    return _QUESTIONS.validate_json(json.dumps(tables.get("question", []), default=str), strict=True)


def choose(
    questions: Sequence[Question], measure: str, direction: Direction, drivers: Sequence[Named], default: str
) -> str:
    """Returns the question that fits an alert most closely, with its {where} and {plans} still open.

    One about the earliest driver; of those a slice beats its breakdown, then a measure, then a direction; then comes
    the one that stands first. default: where none fits. drivers: those that may be known of and go the alert's way.
    """
    fitting = [
        (*_closeness(question, drivers), -at)
        for at, question in enumerate(questions)
        if _fits(question, measure, direction, drivers)
    ]
    return _with_name(questions[-max(fitting)[-1]], drivers) if fitting else default


def _fits(question: Question, measure: str, direction: Direction, drivers: Sequence[Named]) -> bool:
    return (
        (not question.measures or measure in question.measures)
        and question.direction in (None, direction)
        and (question.driver is None or _place(question.driver, drivers) is not None)
    )


def _closeness(question: Question, drivers: Sequence[Named]) -> tuple[bool, int, bool, bool, bool]:
    """How closely a question fits, to be compared: driver, minus the driver's place, slice, measure, direction."""
    driver = question.driver or ""
    place = _place(driver, drivers) if driver else None
    return bool(driver), -(place or 0), "=" in driver, bool(question.measures), question.direction is not None


def _place(driver: str, drivers: Sequence[Named]) -> int | None:
    """Which of the first drivers a question is about."""
    return next((i for i, one in enumerate(drivers[:FIRST]) if driver in _names(one)), None)


def _names(one: Named) -> set[str]:
    """What a driver may be called in a question: its stage, or its breakdowns and slices."""
    if one.head:
        return {one.head}
    return set(one.dimensions) | {f"{dimension}={value}" for dimension, value in one.slice}


def _with_name(question: Question, drivers: Sequence[Named]) -> str:
    """The question with the name of the slice that it is about."""
    place = _place(question.driver or "", drivers)
    if place is None or drivers[place].head:
        return question.ask
    dimension = (question.driver or "").partition("=")[0]
    return question.ask.replace("{name}", named(dimension, dict(drivers[place].slice)[dimension]))
