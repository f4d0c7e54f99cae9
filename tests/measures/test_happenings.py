"""The events behind the flows: they give every count of every slice, and hold nothing of a child or a day."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import numpy as np
import pytest
from event_frames import FIRST, MEASURES, event, event_rows, flow, frame, parsed, share
from hypothesis import HealthCheck, given, settings

from forecaster.measures import build_panel, stages_of
from forecaster.types import SINCE_PLAN, Events, Panel, SeriesKey

FEW = parsed(
    starts=flow("plan_start"),
    enquiries=flow("section_47"),
    conferences=flow("conference"),
    repeats=share("plan_start", {"column": "previous_plans", "at_least": 1}),
)
DAY = dt.date(2022, 6, 1)
thorough = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(*rows: dict[str, Any]) -> Panel:
    return build_panel(frame(rows), FEW, last=dt.date(2022, 12, 25), first=dt.date(2022, 1, 3), min_slice_total=0)


def events_of(panel: Panel) -> Events:
    assert panel.events is not None
    return panel.events


@thorough
@given(event_rows())
def test_they_give_every_count_of_every_series(rows: list[dict[str, Any]]) -> None:
    panel = build_panel(frame(rows), MEASURES, last=FIRST + dt.timedelta(weeks=110), min_slice_total=0)
    behind, weeks = events_of(panel), len(panel.periods)
    for row, key in enumerate(panel.keys):
        if panel.kinds[row] == "stock" or len(key.slice) > 1:
            continue
        dimension, label = key.slice[0] if key.slice else ("", "")
        mine = behind.of(key.measure)
        if dimension:
            labels, codes = behind.places[dimension]
            mine = mine[codes[mine] == labels.index(label)]
        counted = np.bincount(behind.period[mine], minlength=weeks)
        seen = np.isfinite(panel.count[row])
        assert np.array_equal(counted[seen], panel.count[row][seen])


@thorough
@given(event_rows())
def test_what_was_known_earlier_is_what_an_earlier_panel_knew(rows: list[dict[str, Any]]) -> None:
    panel = build_panel(frame(rows), MEASURES, last=FIRST + dt.timedelta(weeks=110), min_slice_total=0)
    behind, early = events_of(panel), events_of(panel.until(60))
    for name in behind.measures:
        before = behind.period[behind.of(name)]
        assert sorted(early.period[early.of(name)]) == sorted(before[before < 60])


def test_no_child_and_no_day_is_in_them() -> None:
    panel = made(event("a very secret child", "plan_start", DAY, family="a secret family", team="North"))
    body = pickle.dumps(panel.events)
    assert b"secret" not in body
    assert events_of(panel).family.tolist() == [0]


@pytest.mark.parametrize(
    ("months_before", "band"),
    [
        (3, "under 6 months"),
        (8, "6 to 12 months"),
        (20, "12 to 24 months"),
        (30, "no plan in two years"),  # a history that grows would find more of them each year
        (None, "no plan in two years"),
    ],
)
def test_how_long_ago_the_last_plan_ended_is_told_by_the_childs_own_history(
    months_before: int | None, band: str
) -> None:
    past = (
        [] if months_before is None else [event("a", "plan_end", DAY - dt.timedelta(days=round(30.4 * months_before)))]
    )
    panel = made(*past, event("a", "section_47", DAY), event("b", "plan_end", dt.date(2019, 1, 7)))
    assert band_of(panel, "enquiries") == band


@pytest.mark.parametrize(
    ("ended", "band"),
    [
        (dt.date(2022, 3, 1), "under 6 months"),
        (dt.date(2019, 3, 1), "2 years or more"),
    ],
)
def test_a_date_that_the_source_gives_goes_before_the_history(ended: dt.date, band: str) -> None:
    panel = made(event("a", "plan_end", dt.date(2021, 8, 1)), event("a", "plan_start", DAY, previous_plan_end=ended))
    assert band_of(panel, "starts") == band


def test_an_earlier_plan_without_a_date_is_not_recorded() -> None:
    assert band_of(made(event("a", "plan_start", DAY, previous_plans=1)), "starts") == "not recorded"
    long_ago = event("a", "plan_end", dt.date(2019, 1, 7))
    assert band_of(made(long_ago, event("a", "plan_start", DAY, previous_plans=1)), "starts") == "2 years or more"


def band_of(panel: Panel, measure: str) -> str:
    labels, codes = events_of(panel).places[SINCE_PLAN]
    (row,) = events_of(panel).of(measure)
    return labels[codes[row]]


def test_the_usual_lag_from_one_stage_to_the_next_is_the_median_in_periods() -> None:
    rows = []
    for number, lag in enumerate((14, 21, 21, 28, 300)):  # the last enquiry did not lead to that conference
        rows += [
            event(f"c{number}", "section_47", DAY - dt.timedelta(days=lag)), event(f"c{number}", "conference", DAY)
        ]  # fmt: skip
    assert events_of(made(*rows)).lags == {"conference": 3}


def test_the_stages_of_the_pathway_are_the_flows_that_count_all_their_events() -> None:
    found = stages_of(MEASURES)
    assert list(found) == ["contact", "referral", "section_47", "conference", "plan_start", "plan_end"]
    assert found["conference"] == "conferences"
    only_some = parsed(some=flow("referral", where=[{"column": "source", "one_of": ["police"]}]))
    assert stages_of(only_some) == {}


def test_a_panel_of_a_series_keeps_its_events() -> None:
    panel = made(event("a", "plan_start", DAY))
    assert panel.select([panel.row(SeriesKey("starts"))]).events is panel.events
