"""The demo council from its events to a detector's signals: one family of seven, and seven families of one child."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd
import pytest
from event_frames import MEASURES

from forecaster.detectors import surge
from forecaster.measures import build_panel
from forecaster.read.codes import band_of_age
from forecaster.simulate import SiblingGroup, simulate
from forecaster.types import Limits, Panel, Reference, SeriesKey

START = dt.date(2018, 1, 1)
WEEKS = 240
MONDAY = START + dt.timedelta(weeks=WEEKS - 1)
WEST = SiblingGroup(start=MONDAY, team="West Team", locality="West")  # the demo's own, in its smallest place
NORTH = SiblingGroup(start=MONDAY, team="North Team 1", locality="North")
BREAKDOWNS = ("team", "locality", "source", "category", "age_band")
STARTS = {"m": MEASURES["plan_starts"].model_copy(update={"breakdowns": BREAKDOWNS})}
ALPHA, SHIPPED = 0.01, 0.002  # the second: about what the budget leaves for one of a council's series


@cache
def council(*stories: SiblingGroup) -> pd.DataFrame:
    """The plans of the demo council up to the week of the group, in the columns of the store."""
    events = simulate(2, start=START, weeks=WEEKS + 4, stories=stories).events
    plans = events[events["event"].isin(["plan_start", "plan_end"])].replace("", None)
    bands = [band_of_age(str(age)) for age in plans["age"]]
    return plans.rename(columns={"child_id": "child", "family_id": "family"}).assign(age_band=bands)


def with_singles(group: SiblingGroup, count: int = 7) -> pd.DataFrame:
    """The council without the group, but with as many children of as many families in its week and team."""
    days = pd.Timestamp(MONDAY) + pd.to_timedelta(np.arange(count) % 5, unit="D")
    names = [f"single {n}" for n in range(count)]
    bands, categories = np.resize(["1-4", "5-9", "10-15"], count), np.resize(["neglect", "emotional"], count)
    rows = pd.DataFrame({
        "child": names, "family": names, "event": "plan_start", "date": days, "team": group.team, "source": "Police",
        "locality": group.locality, "age_band": bands, "category": categories,
    })  # fmt: skip
    return pd.concat([council(), rows], ignore_index=True)


def seen(events: pd.DataFrame, named: bool) -> Panel:
    known = events if named else events.assign(family=None)
    return build_panel(known, STARTS, last=MONDAY, min_slice_total=30)


def risen(panel: Panel, alpha: float) -> set[SeriesKey]:
    """The series whose newest week raises a signal."""
    signals, _ = surge.detect(panel, Limits(alpha, min_history=104), Reference())
    return {signal.key for signal in signals if signal.direction == "up"}


def p_value(panel: Panel, key: SeriesKey) -> float:
    """How surprising the newest week of a series is as a rise."""
    return float(surge.judge(panel.select([panel.row(key)]), 1, "up", 104).p_value[0, 0])


def moved(before: Panel, after: Panel) -> set[SeriesKey]:
    return {key for key in before.keys if before.count[before.row(key), -1] != after.count[after.row(key), -1]}


def slices(group: SiblingGroup) -> list[SeriesKey]:
    return [SeriesKey("m", ((name, value),)) for name, value in group.place]


families = pytest.mark.parametrize("named", [True, False], ids=["families given", "families not given"])
places = pytest.mark.parametrize("group", [WEST, NORTH], ids=["West", "North"])


@families
@places
def test_a_sibling_group_of_seven_raises_no_signal_anywhere(group: SiblingGroup, named: bool) -> None:
    """Where one or two children a week start plans: in the council, the team, the locality and every other slice."""
    before, after = seen(council(), named), seen(council(group), named)
    assert after.count[0, -1] == before.count[0, -1] + 7
    places = {SeriesKey("m"), *slices(group)}
    assert places <= moved(before, after)
    assert places & risen(after, ALPHA) == set()
    assert risen(after, SHIPPED) <= risen(before, SHIPPED)


@families
def test_seven_single_children_in_the_same_place_and_week_do(named: bool) -> None:
    assert set(slices(NORTH)) <= risen(seen(with_singles(NORTH), named), ALPHA)


@families
@places
def test_seven_single_children_are_far_more_surprising_than_the_group(group: SiblingGroup, named: bool) -> None:
    one, many = seen(council(group), named), seen(with_singles(group), named)
    for key in (SeriesKey("m"), *slices(group)):
        assert p_value(many, key) < p_value(one, key) / 5


@families
@places
def test_a_group_counts_as_one_family_and_the_children_as_several(group: SiblingGroup, named: bool) -> None:
    usual, one, many = (seen(e, named).capped[0, -1] for e in (council(), council(group), with_singles(group)))
    if named:
        assert (one - usual, many - usual) == (1, 7)
    else:
        assert one - usual < 2
        assert 2 < many - usual < 7


def test_families_that_are_not_given_are_found_on_average_and_week_by_week() -> None:
    """No bias, and a third of the squared error that children have as a measure of families."""
    given, guessed = seen(council(), True), seen(council(), False)
    known = np.isfinite(given.count[0])
    true, expected, children = given.capped[0, known], guessed.capped[0, known], given.count[0, known]
    assert expected.mean() == pytest.approx(true.mean(), rel=0.1)
    in_full = children * true.mean() / children.mean()
    assert np.square(expected - true).mean() < np.square(in_full - true).mean() / 3
