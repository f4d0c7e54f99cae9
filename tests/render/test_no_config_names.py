"""A manager reads words: no message holds a name from the config, whatever drivers it has."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecaster.measures.definition import parse_measures
from forecaster.types import (
    DIMENSIONS,
    EVENT_KINDS,
    PATHWAY,
    SINCE_PLAN_BANDS,
    TIME_ON_PLAN_BANDS,
    Driver,
    DriverKind,
)
from forecaster.words.attribution import sayable_drivers
from forecaster.words.questions import choose, parse_questions
from forecaster.words.render import message
from tests.render import cases

CONFIG = Path(__file__).parents[2] / "config"
MEASURES = parse_measures(tomllib.loads((CONFIG / "measures.toml").read_text()))
QUESTIONS = parse_questions(tomllib.loads((CONFIG / "questions.toml").read_text()))
OWN_NAMES = ("our_starts", "our_ends", "child_in_need", "own_share")
HEADS: dict[DriverKind, tuple[str, ...]] = {
    "stage": (*EVENT_KINDS, *(f"{a} to {b}" for a, b in itertools.pairwise(PATHWAY)), *OWN_NAMES),
    "stock": ("plan_start", "plan_end", "time_on_plan", "rest", "care_starts", "care_ends", *OWN_NAMES[:2]),
    "breakdown": ("",),
}
SLICES = (
    "", *(f"{name}=A" for name in DIMENSIONS), *(f"since_plan={band}" for band in SINCE_PLAN_BANDS),
    *(f"time_on_plan={band}" for band in TIME_ON_PLAN_BANDS),
)  # fmt: skip


def drawn(rng: np.random.Generator, measure: str, excess: float) -> tuple[Driver, ...]:
    """A few drivers of any kind, the measure's own name among the stages."""
    found = []
    for _ in range(6):
        kind: DriverKind = ("stage", "stock", "breakdown")[rng.integers(3)]
        head = str(rng.choice((*HEADS[kind], *([measure] * 6 if kind == "stage" else ()))))
        where = str(rng.choice(SLICES if head else SLICES[1:]))
        share = float(rng.uniform(-0.4, 1.2))
        name = ", ".join(filter(None, (head, where)))
        found.append(Driver(kind, name, share * excess, min(share, 1.0), 90.0))
    return tuple(found)


@pytest.mark.parametrize("name", MEASURES)
def test_no_message_holds_a_name_from_the_config(name):
    measure, rng = MEASURES[name], np.random.default_rng(5)
    base = {"share": cases.drift, "stock": cases.stock, "flow": cases.surge}[measure.kind]
    found, about = base()
    about = replace(about, title=measure.title, noun=measure.many, unit=measure.of or about.unit)
    for _ in range(40):
        alert = replace(found, measure=name, drivers=drawn(rng, name, found.excess))
        by = sayable_drivers(alert, about)
        ask = choose(QUESTIONS, name, alert.direction, by, measure.question)
        made = message(alert, replace(about, ask=ask))
        text = made.text + (made.chart.alt_text if made.chart else "")
        assert "_" not in text
        assert not {one for one in (*MEASURES, *OWN_NAMES) if "_" in one and one.replace("_", " ") in text.lower()} - {
            "plans_open",
            "plan_starts",
            "plan_ends",
            "section_47",
            "re_referrals",
            "repeat_plans",
        }  # fmt: skip  (names that are words as well)
