"""Questions to ask when something moved, chosen by what moved and by what drives it (config/questions.toml)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter

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
from forecaster.words.naming import Named

FIRST = 3  # drivers that a question may be chosen by
BANDS = {SINCE_PLAN: SINCE_PLAN_BANDS, TIME_ON_PLAN: TIME_ON_PLAN_BANDS}
BREAKDOWNS = (*DIMENSIONS, *BANDS)


def _known_driver(name: str) -> str:
    """A stage ("referral"), one and the next, a part of a stock, a breakdown ("team") or a slice ("team=North")."""
    breakdown, is_slice, value = name.partition("=")
    start, is_conversion, end = name.partition(" to ")
    if is_slice:
        _check(breakdown, BREAKDOWNS)
        _check(value, BANDS.get(breakdown, (value,)))
    elif is_conversion:
        _check(start, EVENT_KINDS)
        _check(end, EVENT_KINDS)
    else:
        _check(name, (*EVENT_KINDS, *BREAKDOWNS))
    return name


def _check(word: str, options: Sequence[str]) -> None:
    if word not in options:
        raise ValueError(f'unknown driver "{word}"; {nearest(word, options)}')


def _known_places(text: str) -> str:
    left = text.replace("{where}", "").replace("{plans}", "")
    if "{" in left or "}" in left:
        raise ValueError("a question is filled in at {where} and {plans} alone")
    return text


class Question(Table):
    """One question and when it is asked; what is left out fits everything."""

    ask: Annotated[str, AfterValidator(_known_places)]
    measures: tuple[str, ...] = ()
    direction: Direction | None = None
    driver: Annotated[str, AfterValidator(_known_driver)] | None = None


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

    A slice beats a breakdown, a driver a measure, a measure a direction; of two that fit as closely the one for the
    earlier driver, then the one that stands first. default: where none fits. drivers: those that may be known of.
    """
    fitting = [
        (*_closeness(question, drivers), -at)
        for at, question in enumerate(questions)
        if _fits(question, measure, direction, drivers)
    ]
    return questions[-max(fitting)[-1]].ask if fitting else default


def _fits(question: Question, measure: str, direction: Direction, drivers: Sequence[Named]) -> bool:
    return (
        (not question.measures or measure in question.measures)
        and question.direction in (None, direction)
        and (question.driver is None or _place(question.driver, drivers) is not None)
    )


def _closeness(question: Question, drivers: Sequence[Named]) -> tuple[int, int, int, int]:
    """How closely a question fits, to be compared: driver, measure, direction, and minus the driver's place."""
    driver = question.driver or ""
    place = _place(driver, drivers) if driver else None
    return 2 * bool(driver) + ("=" in driver), bool(question.measures), question.direction is not None, -(place or 0)


def _place(driver: str, drivers: Sequence[Named]) -> int | None:
    """Which of the first drivers a question is about."""
    return next((i for i, one in enumerate(drivers[:FIRST]) if driver in _names(one)), None)


def _names(one: Named) -> set[str]:
    """What a driver may be called in a question: its stage, or its breakdowns and slices."""
    if one.head:
        return {one.head}
    return set(one.dimensions) | {f"{dimension}={value}" for dimension, value in one.slice}
