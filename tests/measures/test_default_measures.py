"""The measures that come with the service, on a small council counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from event_frames import MEASURES, day, event, frame

from forecaster.measures import Condition, build_panel
from forecaster.types import Panel, SeriesKey

ASKED_FOR = {
    "flow": {"contacts", "referrals", "section_47", "conferences", "plan_starts", "plan_ends"},
    "stock": {"plans_open", "plans_18_months_plus"},
    "share": {
        "repeat_plans", "repeat_plans_24m", "re_referrals", "referral_nfa", "s47_to_conference", "conference_to_plan",
    },
}  # fmt: skip
# The child "sam": known four years ago, referred twice in a year, and on a second plan.
SAM = [
    event("sam", "plan_start", "2014-01-06", previous_plans=0),
    event("sam", "plan_end", "2015-06-01"),
    event("sam", "contact", "2018-02-26"),
    event("sam", "referral", "2017-08-01", outcome="nfa"),
    event("sam", "referral", "2018-02-27", outcome="assessment"),
    event("sam", "section_47", "2018-03-01"),
    event("sam", "conference", "2018-03-15", outcome="plan"),
    event("sam", "plan_start", "2018-03-15", previous_plans=1),
]
OTHERS = [
    event("eve", "conference", "2014-01-20", outcome="no plan"),
    event("eve", "referral", "2014-01-06", outcome="nfa"),
    event("eve", "referral", "2018-02-28", outcome="NFA"),
    event("kit", "section_47", "2018-03-01", outcome="no conference"),
    event("kit", "plan_start", "2018-03-16", previous_plans=0),
    event("kit", "conference", "2018-03-16", outcome="no plan"),
]


def panel_to(last: str) -> Panel:
    return build_panel(frame(SAM + OTHERS), MEASURES, last=day(last))


def at(panel: Panel, measure: str, week: str) -> tuple[float, float]:
    row, column = panel.row(SeriesKey(measure)), list(panel.periods.astype(str)).index(week)
    return panel.count[row, column], panel.of[row, column]


@pytest.mark.parametrize("kind", ASKED_FOR)
def test_every_measure_asked_for_is_there(kind: str) -> None:
    assert {name for name, measure in MEASURES.items() if measure.kind == kind} == ASKED_FOR[kind]


def test_every_measure_can_be_said_and_asked_about() -> None:
    for measure in MEASURES.values():
        assert measure.title[0].isupper() and measure.question.endswith("?")
        assert measure.one[0].islower() and measure.many[0].islower() and measure.one != measure.many


def test_headlines_cover_the_way_onto_a_plan() -> None:
    headlines = [name for name, measure in MEASURES.items() if measure.headline]
    assert headlines == ["referrals", "section_47", "plan_starts", "plans_open", "repeat_plans"]


@pytest.mark.parametrize(
    ("measure", "week", "count"),
    [
        ("contacts", "2018-02-26", 1),
        ("referrals", "2018-02-26", 2),
        ("section_47", "2018-02-26", 2),
        ("conferences", "2018-03-12", 2),
        ("plan_starts", "2018-03-12", 2),
        ("plan_ends", "2015-06-01", 1),
        ("plans_open", "2018-03-12", 2),
    ],
)
def test_flows_and_the_stock_count_what_happened(measure: str, week: str, count: int) -> None:
    assert at(panel_to("2018-05-28"), measure, week)[0] == count


@pytest.mark.parametrize(
    ("measure", "week", "count", "of"),
    [
        ("re_referrals", "2018-02-26", 1, 2),
        ("referral_nfa", "2018-02-26", 1, 2),
        ("s47_to_conference", "2018-02-26", 1, 2),
        ("conference_to_plan", "2018-03-12", 1, 2),
        ("repeat_plans", "2018-03-12", 1, 2),
        ("repeat_plans_24m", "2018-03-12", 0, 2),
    ],
)
def test_shares_count_what_happened(measure: str, week: str, count: int, of: int) -> None:
    assert at(panel_to("2018-05-28"), measure, week) == (count, of)


def test_a_share_that_waits_for_a_conference_is_missing_until_then() -> None:
    """35 days after Thursday 1 March is Thursday 5 April."""
    assert np.isnan(at(panel_to("2018-03-26"), "s47_to_conference", "2018-02-26")[0])
    assert at(panel_to("2018-04-02"), "s47_to_conference", "2018-02-26") == (1, 2)


def test_the_outcome_of_a_conference_is_known_on_the_day() -> None:
    assert at(panel_to("2018-03-12"), "conference_to_plan", "2018-03-12") == (1, 2)


def test_a_plan_of_18_months_is_counted_from_its_548th_day() -> None:
    """548 days after Thursday 15 March 2018 is Saturday 14 September 2019; Kit's plan began a day later."""
    panel = panel_to("2019-09-16")
    assert at(panel, "plans_18_months_plus", "2019-09-02")[0] == 0
    assert at(panel, "plans_18_months_plus", "2019-09-09")[0] == 2


def test_without_the_sources_number_a_repeat_is_counted_from_two_years_of_history() -> None:
    rows = [{**row, "previous_plans": None} for row in SAM + OTHERS]
    rows += [event("kit", "plan_end", "2018-06-01"), event("kit", "plan_start", "2018-07-02")]
    panel = build_panel(frame(rows), MEASURES, last=day("2018-07-02"))
    assert at(panel, "repeat_plans", "2018-03-12") == (0, 2)
    assert at(panel, "repeat_plans", "2018-07-02") == (1, 1)
    assert at(panel, "repeat_plans_24m", "2018-07-02") == (1, 1)


def test_no_outcome_of_a_section_47_is_used_before_it_could_be_known() -> None:
    said = next(c for c in MEASURES["s47_to_conference"].counted_if if c.column == "outcome")
    assert isinstance(said, Condition) and said.known_after_days == 21
