"""What benchmarks/explanation.py says of alerts whose first drivers are known to be right or wrong."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from forecaster.simulate import Demo, Profile, planted, score
from forecaster.simulate.stories import WEEK
from forecaster.types import Alert, Direction, Driver, Slice
from tests.simulate.made import FIRST
from tests.simulate.test_scoring import CITY, TEAM, alert

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORIES = planted(FIRST)
WEST: Slice = (("locality", "West"),)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return import_module("explanation")


def naming(measure: str, week: int, name: str, first: str, where: Slice = (), direction: Direction = "up") -> Alert:
    told = alert(measure, FIRST + week * WEEK, direction, where, name)
    return dataclasses.replace(told, drivers=(Driver("breakdown", first, 9, 0.9),) if first else ())


ALERTS = (
    naming("conferences", 22, "right", "team=North Team 1", TEAM),
    naming("section_47", 24, "wrong", "age_band=5-9"),
    naming("repeat_plans", 20, "silent", ""),
    naming("plan_starts", 30, "nobody's", "locality=West", WEST),
    naming("plan_starts", 16, "siblings", "locality=West", WEST),
    naming("plans_open", 26, "follows", "team=North Team 1", TEAM),
)


@pytest.fixture(scope="module")
def council(benchmark: ModuleType) -> object:
    made = Demo(pd.DataFrame(), STORIES, FIRST, FIRST + dt.timedelta(days=363), Profile())
    return benchmark.Told(7, made, ALERTS, score(STORIES, ALERTS, FIRST))


def test_every_alert_has_a_line_that_says_whose_it_is_and_whether_its_first_driver_is_right(
    benchmark: ModuleType, council: object
) -> None:
    lines = {line["id"]: (line["relation"], line["kind"], line["right"]) for line in benchmark.lines(council)}
    assert lines == {
        "right": ("found", "ThresholdSlip", True),
        "wrong": ("about", "ThresholdSlip", False),
        "silent": ("found", "RepeatDrift", None),
        "nobody's": ("false", "", None),
        "siblings": ("decoy", "", None),
        "follows": ("follows", "ThresholdSlip", True),
    }


def test_an_alert_that_two_stories_explain_belongs_to_the_one_it_names(benchmark: ModuleType) -> None:
    stories = [story for story in STORIES if not story.decoy]
    for where, kind in (("locality=City", "SlowerEnds"), ("team=North Team 1", "ThresholdSlip")):
        both = naming("plans_open", 26, "a", where)
        assert type(benchmark._story(both, stories)).__name__ == kind
    assert benchmark._story(naming("plans_open", 26, "a", "locality=City", CITY), stories) is stories[0]


def test_the_report_counts_them_and_lists_what_is_wrong(benchmark: ModuleType, council: object) -> None:
    text = benchmark.report([council])
    assert text.startswith("councils: 1; stories found: 2 of 4")
    assert "first driver right 1, wrong 0, none named 1; decoys alerted: 1 of 2" in text
    assert "false alerts a council-year: 1.0 (most: 1)" in text
    assert re.search(r"^  ThresholdSlip +1 +1 +0$", text, re.MULTILINE)
    assert re.search(r"^  all +1 +1 +1$", text, re.MULTILINE)
    wrong = text[text.index("\nwrong") : text.index("\nnames nothing")]
    assert "age_band=5-9" in wrong
    assert "not team=North Team 1 or referral to section_47" in wrong


def test_a_year_without_alerts_can_be_reported(benchmark: ModuleType) -> None:
    made = Demo(pd.DataFrame(), STORIES, FIRST, FIRST, Profile())
    text = benchmark.report([benchmark.Told(1, made, (), score(STORIES, (), FIRST))])
    assert "stories found: 0 of 4" in text
